"""tools.long_run: a real command, watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.conftest import ROOT
from tools.long_run import drift, family, measure

LEAKY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
kept, files = [], []
for i in range(40):
    kept.append(bytearray(b"x") * 2_000_000)
    files += [open(sys.argv[0]) for _ in range(4)]
    time.sleep(0.1)
child.kill()
"""


class TestLongRun:
    def test_a_leak_of_memory_and_of_open_files_shows(self, tmp_path):
        (tmp_path / "leaky.py").write_text(LEAKY)
        command = ["-m", "tools.long_run", "--minutes", "1", "--every", "0.2"]
        out = ["--out", tmp_path / "rows.json", "--plot", tmp_path / "plot.png"]
        done = subprocess.run(
            [sys.executable, *command, *out, "--", tmp_path / "leaky.py"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
        assert len(rows) >= 8 and max(row["processes"] for row in rows) == 2
        for key in ("anonymous_MB", "files"):
            early, late = drift(rows, key)
            assert late > 1.2 * early, (key, early, late)
        assert "anonymous_MB:" in done.stdout and (tmp_path / "plot.png").stat().st_size > 1000

    def test_measures_of_this_process(self):
        assert family(os.getpid())[0] == os.getpid()
        now = measure(os.getpid())
        assert 0 < now["anonymous_MB"] <= now["memory_MB"] and now["files"] > 2 and now["threads"] >= 1
