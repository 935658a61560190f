"""Freed memory stays with the process, so that a tensor of the same size costs no new pages."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
import torch

from capture.common.memory import keep_freed_memory
from tests.conftest import ROOT

CPU = torch.device("cpu")


def faults() -> int:
    """Pages that ten tensors of 100 MB, one after another, had to be given."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.empty(25_000_000).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


MEASURE = """
from tests.common.test_memory import CPU, faults, keep_freed_memory, torch
known = keep_freed_memory(CPU, False)
plainly = faults()
keep_freed_memory(CPU)
torch.empty(25_000_000).fill_(1)
print(known, plainly, min(faults() for _ in range(8)))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_memory_is_used_again():
    """In a new process: after hundreds of tests the heap of this one may have no room to grow.

    At best of several: where the system takes pages back on its own account, some are given anew.
    """
    done = subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True)
    known, plainly, kept = done.stdout.split()
    if known == "False":
        pytest.skip("another C library")
    assert int(kept) < 0.2 * int(plainly)


def test_nothing_is_done_for_a_gpu():
    assert not keep_freed_memory(torch.device("cuda"))
