"""Threads: how many there are, by affinity, quotas and load, and that they sleep soon where they wait."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from capture.common import threads
from capture.common.threads import available_cores, busy_elsewhere, choose_threads, cpu_quotas, free_cores, keep_threads
from tests.conftest import ROOT

VARIABLES = (*threads.COUNTS, *threads.POLICIES)


@pytest.fixture
def unset(monkeypatch):
    """The user has set no variable about threads, and torch would take four threads."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


class TestQuotas:
    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def quotas(self, tmp_path: Path, groups: str) -> list[float]:
        (tmp_path / "own").write_text(groups)
        return list(cpu_quotas(tmp_path / "groups", tmp_path / "own"))

    def test_version_2_in_a_container_that_sees_its_own_group_as_the_root(self, tmp_path):
        self.write(tmp_path / "groups" / "cpu.max", "150000 100000\n")
        assert self.quotas(tmp_path, "0::/\n") == [1.5]
        assert self.quotas(tmp_path, "0::/../../docker/abc\n") == [1.5]

    def test_version_2_of_a_group_and_of_those_above_it(self, tmp_path):
        self.write(tmp_path / "groups" / "pod" / "cpu.max", "400000 100000\n")
        self.write(tmp_path / "groups" / "pod" / "box" / "cpu.max", "max 100000\n")
        assert self.quotas(tmp_path, "0::/pod/box\n") == [4.0]
        assert self.quotas(tmp_path, "0::/elsewhere\n") == []

    @pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
    def test_version_1(self, tmp_path, mount):
        self.write(tmp_path / "groups" / mount / "docker" / "cpu.cfs_quota_us", "250000\n")
        self.write(tmp_path / "groups" / mount / "docker" / "cpu.cfs_period_us", "100000\n")
        self.write(tmp_path / "groups" / mount / "cpu.cfs_quota_us", "-1\n")
        self.write(tmp_path / "groups" / mount / "cpu.cfs_period_us", "100000\n")
        found = self.quotas(tmp_path, f"7:memory:/docker\n4:{mount}:/docker\n0::/\n")
        assert set(found) == {2.5}

    def test_broken_or_missing_files_are_no_quota(self, tmp_path):
        self.write(tmp_path / "groups" / "cpu.max", "nonsense\n")
        assert self.quotas(tmp_path, "0::/\n") == []
        assert list(cpu_quotas(tmp_path, tmp_path / "missing")) == []

    def test_the_smallest_limit_counts_and_one_core_is_left(self, monkeypatch):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
        for quotas, cores in (([], 8), ([2.9, 4.0], 2), ([0.5], 1), ([64.0], 8)):
            monkeypatch.setattr(threads, "cpu_quotas", lambda quotas=quotas: iter(quotas))
            assert available_cores() == cores

    def test_without_an_affinity_all_cores_count(self, monkeypatch):
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(threads, "cpu_quotas", lambda: iter(()))
        monkeypatch.setattr(os, "cpu_count", lambda: 6)
        assert available_cores() == 6


class TestLoad:
    @pytest.mark.parametrize(
        "available, others, cores, free",
        [
            (2, 0.0, 2, 2),
            (2, 0.4, 2, 2),
            (2, 1.0, 2, 1),
            (2, 4.0, 2, 1),
            (16, 2.0, 16, 16),
            (16, 9.0, 16, 7),
            (2, 9.0, 16, 2),
        ],
    )
    def test_free_cores(self, available, others, cores, free):
        assert free_cores(available, others, cores) == free

    def test_what_others_use_is_without_what_this_process_uses(self, monkeypatch):
        monkeypatch.setattr(threads, "_at_start", threads._Usage(100.0, 500.0, 3.0))
        monkeypatch.setattr(threads, "_usage", lambda: threads._Usage(110.0, 518.0, 11.0))
        assert busy_elsewhere() == pytest.approx(1.0)

    def test_nothing_is_known_before_the_start_was_noted(self, monkeypatch):
        monkeypatch.setattr(threads, "_at_start", None)
        assert busy_elsewhere() == 0.0

    @pytest.mark.skipif(threads._usage() is None, reason="needs Linux's /proc/stat")
    def test_a_busy_process_is_seen(self, monkeypatch):
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
            try:
                monkeypatch.setattr(threads, "_at_start", threads._usage())
                time.sleep(0.6)
                assert busy_elsewhere() > 0.3
            finally:
                busy.kill()


class TestChoice:
    def test_a_loaded_machine_gets_fewer_threads_and_a_line_says_so(self, unset, monkeypatch):
        monkeypatch.setattr(threads, "available_cores", lambda: 4)
        monkeypatch.setattr(os, "cpu_count", lambda: 4)
        monkeypatch.setattr(threads, "busy_elsewhere", lambda: 3.0)
        line = choose_threads()
        assert torch.get_num_threads() == 1
        assert "1 of 4 threads" in line and "3.0 of 4 cores" in line and "OMP_NUM_THREADS" in line

    def test_a_quota_bounds_the_threads(self, unset, monkeypatch):
        monkeypatch.setattr(threads, "available_cores", lambda: 2)
        monkeypatch.setattr(threads, "busy_elsewhere", lambda: 0.0)
        assert "quota of 2 cores" in choose_threads()
        assert torch.get_num_threads() == 2

    def test_an_idle_machine_keeps_the_choice_of_torch(self, unset, monkeypatch):
        monkeypatch.setattr(threads, "available_cores", lambda: 8)
        monkeypatch.setattr(threads, "busy_elsewhere", lambda: 0.0)
        assert choose_threads() == "" and torch.get_num_threads() == 4

    @pytest.mark.parametrize("name", threads.COUNTS)
    def test_the_user_decides(self, unset, monkeypatch, name):
        monkeypatch.setenv(name, "4")
        monkeypatch.setattr(threads, "available_cores", lambda: 1)
        assert choose_threads() == "" and torch.get_num_threads() == 4


class TestKeptNumber:
    """A resumed training computes with the number of threads that it began with."""

    @pytest.fixture(autouse=True)
    def four_cores(self, unset, monkeypatch):
        monkeypatch.setattr(threads, "available_cores", lambda: 4)

    def test_the_stored_number_is_taken_and_a_line_says_so(self):
        assert "2 threads, as it began" in keep_threads(2)
        assert torch.get_num_threads() == 2

    @pytest.mark.parametrize("count", [None, 0, -1, 5, 10**9, "2", 2.0, 4])
    def test_others_than_possible_numbers_and_the_same_number_change_nothing(self, count):
        assert keep_threads(count) == "" and torch.get_num_threads() == 4

    @pytest.mark.parametrize("name", threads.COUNTS)
    def test_the_user_decides(self, monkeypatch, name):
        monkeypatch.setenv(name, "4")
        assert keep_threads(1) == "" and torch.get_num_threads() == 4


class TestWaiting:
    SHOW = (
        "import os, sys; from capture.common.errors import command_line; "
        "sys.argv[1:] = []; command_line(lambda: print([os.environ.get(n) for n in {names!r}]))()"
    )

    def shown(self, **variables: str) -> list[str | None]:
        environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        done = subprocess.run(
            [sys.executable, "-c", self.SHOW.format(names=threads.POLICIES)],
            env={**environment, **variables},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return ast.literal_eval(done.stdout)

    def test_a_program_limits_how_long_threads_spin(self):
        assert self.shown() == [None, threads.SPINS, threads.BLOCK_TIME]

    @pytest.mark.parametrize("name", threads.POLICIES)
    def test_what_the_user_set_stays(self, name):
        assert self.shown(**{name: "7"}) == ["7" if one == name else None for one in threads.POLICIES]

    def test_waiting_cannot_be_changed_once_torch_is_imported(self, monkeypatch):
        for name in threads.POLICIES:
            monkeypatch.delenv(name, raising=False)
        threads.limit_spinning()
        assert not any(name in os.environ for name in threads.POLICIES)
