"""Central lines can't be broken without a test failing (tests/reliability/mutations.py)."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.conftest import ROOT
from tests.reliability.mutations import MUTATIONS


def test_every_mutation_is_noticed():
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.mutations"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0 and f"all {len(MUTATIONS)} noticed" in done.stdout, done.stdout + done.stderr
