"""Precision is chosen by what the machine computes natively."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from capture.common.device import native_bf16, pick_device, use_bf16

CPU = torch.device("cpu")


class TestPrecision:
    def test_explicit_precisions_are_taken_at_their_word(self):
        assert use_bf16("bf16", CPU) and not use_bf16("fp32", CPU)
        assert use_bf16("auto", CPU) == native_bf16(CPU)

    @pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="reads the processor's flags as Linux lists them")
    def test_auto_on_the_cpu_follows_the_processors_flags(self):
        flags = Path("/proc/cpuinfo").read_text()
        assert native_bf16(CPU) == ("avx512_bf16" in flags or "amx_tile" in flags)


class TestPickDevice:
    def test_auto_device_is_the_gpu_where_there_is_one(self):
        assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
        assert pick_device("cpu") == CPU
