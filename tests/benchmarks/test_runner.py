"""The process of a group may start others, ends with all of them, and leaves its reason where it measured nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

from capture.benchmarks import runner
from capture.benchmarks.plan import Group
from capture.benchmarks.runner import DIED, LATE, run_groups

CPU = torch.device("cpu")
START = 60.0  # seconds within which a process has imported what it needs, also on a busy machine


@dataclass(frozen=True)
class WithChild(Group):
    """Reports its process and one that it started, and goes on, or dies where that is its subject."""

    def measure(self, *_):
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            yield {"way": "numbers", "pids": [os.getpid(), pool.submit(os.getpid).result()]}
            if self.subject == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(10 * START)


def have_ended(processes) -> bool:
    """Whether these processes end within ten seconds; one that nobody has waited for counts as ended."""

    def lives(process):
        try:
            with open(f"/proc/{process}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not any(map(lives, processes)):
            return True
        time.sleep(0.02)
    return False


def run_with_child(pipe) -> None:
    run_groups([WithChild("loader", "goes on", {})], CPU, 1, {}, lambda _, row: pipe.send(row["pids"]), None, {})


ENDED = pytest.mark.exhaustive(remains="a group whose time is over, and a program that is killed")


class TestProcesses:
    def test_the_loader_is_measured_although_it_starts_processes(self, mixamo_tree):
        options = {"folder": mixamo_tree, "size": 16, "seconds": 0.05}
        parts, said = {}, []
        run_groups(
            [Group("loader", "loader", {}, options=options)], CPU, 1, {}, lambda *row: said.append(row), None, parts
        )
        assert len(parts["loader"]) == len(said) == 4
        assert all(row["samples_per_second"] > 0 and "note" not in row for row in parts["loader"])

    @pytest.mark.parametrize(
        "how",
        [pytest.param("Ctrl-C", marks=ENDED), "the time is over", pytest.param("the process dies", marks=ENDED)],
    )
    def test_no_process_is_left(self, how, monkeypatch):
        found, parts = [], {}

        def report(part, row):
            found.extend(row.get("pids", ()))
            if how == "Ctrl-C":
                raise KeyboardInterrupt
            later = time.monotonic() + 2 * START
            monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: later))

        dies = how == "the process dies"
        group = WithChild("loader", "dies" if dies else "goes on", {}, names=("numbers", "never"))
        budget = None if dies else START
        if how == "Ctrl-C":
            with pytest.raises(KeyboardInterrupt):
                run_groups([group], CPU, 1, {}, report, budget, parts)
        else:
            run_groups([group], CPU, 1, {}, report, budget, parts)
            assert parts["loader"][-1]["note"] == (DIED if dies else LATE)
        assert len(found) == 2 and have_ended(found)

    def test_no_process_is_left_where_the_program_itself_is_killed(self):
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        program = context.Process(target=run_with_child, args=(theirs,))
        program.start()
        try:
            assert ours.poll(2 * START)
            found = ours.recv()
        finally:
            program.kill()
            program.join()
        assert have_ended(found)


class TestReasons:
    def test_a_part_without_names_says_why_it_was_not_measured(self, tmp_path):
        groups = [
            Group("loader", "loader", {}, options={"folder": tmp_path / "none"}),
            Group("renderer", "renderer", {}),
        ]
        parts, said = {}, []
        run_groups(groups[:1], CPU, 1, {}, lambda *row: said.append(row), None, parts)
        run_groups(groups[1:], CPU, 1, {}, lambda *row: said.append(row), 0.0, parts)
        (row,) = parts["loader"]
        assert row["note"].startswith("not measured: ") and str(tmp_path / "none") in row["note"]
        assert parts["renderer"] == [{"note": LATE}]
        assert said == [("loader", row), ("renderer", {"note": LATE})]
