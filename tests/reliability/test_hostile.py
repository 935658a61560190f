"""Hostile files: everything that once went wrong, attacks written by hand, and a few fresh mutations."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.conftest import ROOT

FRESH = 12  # of the kinds that are drawn most often; `python -m tests.reliability.hostile` tries thousands of all


class TestHostileFiles:
    def test_every_run_ends_in_success_or_one_line(self, tmp_path):
        """In a process of its own, which forks: this one may have threads."""
        command = [
            sys.executable,
            "-m",
            "tests.reliability.hostile",
            "--kept",
            "--count",
            str(FRESH),
            "--keep",
            str(tmp_path),
        ]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
        )
        why = "\n\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(tmp_path.glob("*.txt"))[:5])
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-1500:]}\n{why}"
        assert "\n0 violations" in done.stdout
