"""Precision is chosen by what the machine computes fast."""

from __future__ import annotations

import pytest
import torch

from capture.common.cpu import CPU_INFO
from capture.common.device import fast_bf16, native_bf16, pick_device, use_bf16
from capture.common.errors import CaptureError

CPU = torch.device("cpu")


class TestPickDevice:
    @pytest.mark.parametrize("name", ["foo", "cuda:x", "cuda", "cuda:1"])
    def test_a_device_that_is_not_there_is_refused(self, monkeypatch, name):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(CaptureError, match=f"--device {name}: no"):
            pick_device(name)

    def test_a_gpu_with_too_high_a_number_is_refused(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        assert pick_device("cuda:1") == torch.device("cuda:1")
        with pytest.raises(CaptureError, match="--device cuda:2: torch finds 2 GPUs"):
            pick_device("cuda:2")

    def test_auto_device_is_the_gpu_where_there_is_one(self):
        assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
        assert pick_device("cpu") == CPU


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
