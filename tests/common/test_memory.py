"""Freed memory stays with the process, so that a tensor of the same size costs no new pages."""

from __future__ import annotations

import sys

import pytest
import torch

from capture.common.memory import keep_freed_memory
from tests.conftest import ROOT


class TestKeepFreedMemory:
    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
    def test_freed_memory_is_used_again(self, run_apart):
        """In a new process: after hundreds of tests the heap of this one may have no room to grow.

        The best of several measurements counts: where the system takes pages back by itself, some are given anew.
        """
        known, without, kept = run_apart((ROOT / "tests" / "helpers" / "page_faults.py").read_text()).split()
        if known == "False":
            pytest.skip("another C library")
        assert int(kept) < 0.2 * int(without)

    def test_nothing_is_changed_for_a_gpu(self):
        assert not keep_freed_memory(torch.device("cuda"))
