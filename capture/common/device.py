"""Where to compute, and in which precision."""

from __future__ import annotations

import shutil

import torch

from capture.common.errors import CaptureError


def pick_device(name: str = "auto") -> torch.device:
    """ "auto" is the first GPU, else the CPU."""
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
    """fp32 | bf16 | auto -> whether to compute in bfloat16."""
    return precision == "bf16" or (precision == "auto" and native_bf16(device))


def check_compiler(device: torch.device) -> None:
    """Compiling for a CPU takes a C++ compiler.

    Raises:
        CaptureError: there is none.
    """
    if device.type == "cpu" and not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        raise CaptureError("compile: no C++ compiler here (g++ or clang++); install one, or leave compilation out")
