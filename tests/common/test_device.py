"""Precision is chosen by what the machine computes fast."""

from __future__ import annotations

import pytest
import torch

from capture.common.cpu import CPU_INFO
from capture.common.device import fast_bf16, native_bf16, pick_device, use_bf16

CPU = torch.device("cpu")


class TestPrecision:
    def test_explicit_precisions_are_taken_at_their_word(self):
        assert use_bf16("bf16", CPU) and not use_bf16("fp32", CPU)
        assert use_bf16("auto", CPU) == fast_bf16(CPU)

    @pytest.mark.skipif(not CPU_INFO.exists(), reason="reads the processor's flags as Linux lists them")
    def test_auto_on_the_cpu_follows_the_processors_flags(self):
        about = CPU_INFO.read_text()
        assert native_bf16(CPU) == ("avx512_bf16" in about or "amx_tile" in about)
        assert fast_bf16(CPU) == (native_bf16(CPU) and ("amx_tile" in about or "GenuineIntel" not in about))

    @pytest.mark.parametrize(
        "vendor, avx512, amx, fast",
        [
            ("AuthenticAMD", True, False, True),
            ("AuthenticAMD", False, False, False),
            ("GenuineIntel", True, True, True),
            ("GenuineIntel", True, False, False),
            (None, True, False, True),
        ],
    )
    def test_auto_on_intel_needs_amx(self, monkeypatch, vendor, avx512, amx, fast):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
        monkeypatch.setattr("capture.common.device.cpu_info", lambda: {"vendor_id": vendor} if vendor else {})
        assert fast_bf16(CPU) == fast


class TestPickDevice:
    def test_auto_device_is_the_gpu_where_there_is_one(self):
        assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
        assert pick_device("cpu") == CPU
