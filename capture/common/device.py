"""Where to compute, and in which precision."""

from __future__ import annotations

import shutil

import torch

from capture.common.cpu import cpu_info
from capture.common.errors import CaptureError


def pick_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" is the first GPU, or the CPU where there is no GPU.

    Raises:
        CaptureError: torch knows no such device, or this machine has none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise CaptureError(f"--device {name}: no such device; give auto, cpu, cuda or cuda:0") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CaptureError(f"--device {name}: no GPU that torch can use here; leave --device out")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise CaptureError(f"--device {name}: torch finds {torch.cuda.device_count()} GPUs here, counted from 0")
    return device


def native_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and (_cpu_has("avx512_bf16") or _cpu_has("amx_tile"))


def fast_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 in hardware, and faster than float32.

    Intel's processors with AVX-512 bfloat16 and without AMX, as some virtual machines have them, are slower with it.
    """
    slow = device.type == "cpu" and cpu_info().get("vendor_id") == "GenuineIntel" and not _cpu_has("amx_tile")
    return native_bf16(device) and not slow


def _cpu_has(instructions: str) -> bool:
    supported: bool = getattr(torch.cpu, f"_is_{instructions}_supported", lambda: False)()  # no public name yet
    return supported


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
