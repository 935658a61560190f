"""Where to compute, and in which precision."""

from __future__ import annotations

import shutil

import torch

from capture.common.cpu import cpu_info
from capture.common.errors import CaptureError


def pick_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" is the first GPU, or the CPU where there is no GPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def fast_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 in hardware, and faster than float32.

    AMD's processors with AVX-512 bfloat16 and Intel's with AMX do. Intel's processors with AVX-512 bfloat16 and without
    AMX, as virtual machines have them, multiply bfloat16 in hardware at two thirds of the speed of float32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    # torch has no public names for these yet
    amx, avx512 = (getattr(torch.cpu, f"_is_{name}_supported", lambda: False)() for name in ("amx_tile", "avx512_bf16"))
    return amx or (avx512 and cpu_info().get("vendor_id") != "GenuineIntel")


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16, for a precision of fp32, bf16 or auto (bfloat16 where it is faster)."""
    return precision == "bf16" or (precision == "auto" and fast_bf16(device))


def check_compiler(device: torch.device) -> None:
    """Check that networks can be compiled for `device`; a CPU needs a C++ compiler.

    Raises:
        CaptureError: no C++ compiler is installed.
    """
    if device.type == "cpu" and not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        raise CaptureError("compile: no C++ compiler here (g++ or clang++); install one, or leave compilation out")
