"""The memory of this process: keeping freed blocks for reuse, and errors that explain a lack of memory.

Without the first, a training step on a CPU spends a fifth of its time on requesting memory that it has just freed.
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
    """Keep the memory of freed tensors in this process, where every large block would go back to the system.

    The system clears each page before it hands the page out: 800,000 pages in a training step at the published size.
    The peak of the memory in use stays the same, but the process keeps that amount until it ends.

    Args:
        device: nothing is done unless it is a CPU.  keep: False restores the default of the C library.
    Returns:
        Whether the setting was changed. It needs glibc, which macOS and Alpine Linux lack.
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
    """Turn an out-of-memory error of a GPU or of this machine into a CaptureError that says what to lower.

    Args:
        doing: what needed the memory, for the message.  remedy: what to do, for the message.
    """
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
