"""Freed memory stays with the process, so that a tensor of the same size costs no new pages."""

from __future__ import annotations

import resource
import sys

import pytest
import torch

from capture.memory import keep_freed_memory

CPU = torch.device("cpu")


def faults() -> int:
    """Pages that ten tensors of 100 MB, one after another, had to be given."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.empty(25_000_000).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_memory_is_used_again():
    if not keep_freed_memory(CPU, False):
        pytest.skip("another C library")
    plainly = faults()
    assert keep_freed_memory(CPU)
    torch.empty(25_000_000).fill_(1)
    assert faults() < 0.2 * plainly


def test_nothing_is_done_for_a_gpu():
    assert not keep_freed_memory(torch.device("cuda"))
