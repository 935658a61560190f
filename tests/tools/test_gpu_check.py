"""tools/gpu_check.sh with a stand-in for Python, which says what it is asked to do."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import ROOT

STUB = """#!/bin/bash
echo "$*" >> {log}
case "$*" in
    *is_available*) echo {device};;
    *get_device_name*) echo "Some GPU torch 2";;
    *benchmark.py*) exit {benchmark};;
    *train.py*2) mkdir -p {out}/training; echo '{{"epoch": 2}}' > {out}/training/metrics.jsonl
        echo "resuming at step 2";;
esac
"""


@pytest.fixture
def check(tmp_path):
    """Runs the script. Returns its status, the lines of its summary, and the commands."""

    def run(device="cpu", benchmark=0):
        python, log, out = tmp_path / "python", tmp_path / "log", tmp_path / "out"
        python.write_text(STUB.format(log=log, out=out, device=device, benchmark=benchmark))
        python.chmod(0o755)
        done = subprocess.run([ROOT / "tools" / "gpu_check.sh", out, "1", python], capture_output=True, timeout=60)
        return done.returncode, (out / "summary.txt").read_text().splitlines(), log.read_text().splitlines()

    return run


class TestGpuCheck:
    def test_without_a_gpu_it_says_so_and_writes_its_folder(self, check, tmp_path):
        status, summary, commands = check()
        assert status == 3
        assert summary[0].startswith("no GPU that torch can use here")
        assert [line.split(":")[0] for line in summary[1:5]] == ["tests", "benchmark", "training", "resumed"]
        assert summary[5] == '{"epoch": 2}'
        assert any("-m gpu" in line for line in commands) and any("--budget 27" in line for line in commands)
        assert (tmp_path / "out" / "machine.txt").is_file()

    def test_with_a_gpu_and_no_failure_it_ends_with_0(self, check):
        status, summary, commands = check("cuda")
        assert status == 0 and summary[0] == "GPU: Some GPU torch 2"
        assert any("--precision bf16 --num_epochs 1" in line for line in commands)

    def test_a_part_that_fails_is_named_and_the_others_run(self, check):
        status, summary, _ = check("cuda", benchmark=2)
        assert status == 1
        assert summary[2].startswith("benchmark: failed with status 2")
        assert summary[4].startswith("resumed: done")
