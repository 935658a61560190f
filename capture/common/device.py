"""Where to compute, and in which precision."""

from __future__ import annotations

import shutil

import torch

from capture.common.errors import CaptureError


def pick_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" is the first GPU, or the CPU where there is no GPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def native_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 in hardware, so that it is faster than float32 there."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for this yet
        return any(getattr(torch.cpu, name, lambda: False)() for name in asked)
    return False


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16, for a precision of fp32, bf16 or auto (bfloat16 where it is native)."""
    return precision == "bf16" or (precision == "auto" and native_bf16(device))


def check_compiler(device: torch.device) -> None:
    """Check that networks can be compiled for `device`; a CPU needs a C++ compiler.

    Raises:
        CaptureError: no C++ compiler is installed.
    """
    if device.type == "cpu" and not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        raise CaptureError("compile: no C++ compiler here (g++ or clang++); install one, or leave compilation out")
