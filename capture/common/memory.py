"""Memory: freed blocks are kept, and running out of it is one line.

On a CPU, a fifth of a training step went into getting freed memory anew.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import torch

from capture.common.errors import CaptureError, is_out_of_memory

# of glibc's malloc.h: parameters, and their defaults
TRIM_THRESHOLD, MMAP_MAX = -1, -4
DEFAULTS = {TRIM_THRESHOLD: 128 * 1024, MMAP_MAX: 65536}
KEEPING = {TRIM_THRESHOLD: 2**31 - 1, MMAP_MAX: 0}


def keep_freed_memory(device: torch.device, keep: bool = True) -> bool:
    """Have this process hold on to memory that tensors give back, instead of returning every large block to the system.

    The system clears each page that it hands out: 800,000 of them in a training step at the published size. Memory in
    use does not grow; it only shrinks no more before the process ends.

    Args:
        device: a CPU, or else nothing is done.  keep: False goes back to the system's own rule.
    Returns:
        Whether anything was set (not without glibc, as on macOS or Alpine).
    """
    if device.type != "cpu" or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all([mallopt(name, value) == 1 for name, value in (KEEPING if keep else DEFAULTS).items()])


@contextlib.contextmanager
def explain_out_of_memory(device: torch.device, doing: str, remedy: str = "lower --batch_size") -> Iterator[None]:
    """Turn "out of memory", of a GPU or of this machine, into a CaptureError: what was being done, what to lower."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        where = f"{device}" if isinstance(error, torch.OutOfMemoryError) else "this machine"
        raise CaptureError(f"{doing}: the memory of {where} is not enough; {remedy}") from None


def machine_memory() -> int:
    """Bytes of memory that this machine has; 8 GiB where the system doesn't say (Windows)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 << 30
