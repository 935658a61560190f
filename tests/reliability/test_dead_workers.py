"""A worker process is killed, as a system short of memory does it: one line, and the same command goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import draw_figure
from tests.helpers.datasets import files
from tests.helpers.programs import ROOT, Programs

TOON = ("--characters", 4, "--clips", 3, "--frames", 4, "--size", 64, "--test_characters", 2, "--test_clips", 0)
COUNT = 60  # pictures of each of two characters


def workers(of: int) -> list[int]:
    """The processes that a program started to work for it; `of` is what the program was started by."""
    parents, found = {}, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if b"spawn_main" in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # it has ended
                continue
    return sorted(number for number in found if parents.get(parents[number]) == of)


def error_of(programs: Programs, command: list, begun: Callable[[list[int]], bool]) -> str:
    """The error line of a program, one of whose workers is killed once `begun`."""

    def kill() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            there = workers(programs.process)
            if there and begun(there):
                os.kill(there[-1], signal.SIGKILL)
                return
            time.sleep(0.02)

    killer = threading.Thread(target=kill)
    killer.start()
    finished = programs.run(*command)
    killer.join()
    return finished.error()


class TestKilledWorkers:
    def test_a_killed_worker_of_prepare_is_one_line(self, tmp_path, programs):
        out = tmp_path / "set"
        line = error_of(
            programs,
            ["prepare.py", "toon", out, *TOON, "--workers", 2],
            lambda there: next(out.glob("train/*/*/imgs/*.png"), None) is not None,
        )
        assert line == "error: a worker process died (out of memory?); run the same command again with fewer --workers"
        kept = files(out)
        assert not [name for name in kept if "partial" in name] and "manifest.json" not in kept and len(kept) > 1
        assert programs.run("prepare.py", "toon", out, *TOON, "--workers", 1).status == 0
        assert programs.run("prepare.py", "toon", tmp_path / "other", *TOON, "--workers", 1).status == 0
        assert files(out) == files(tmp_path / "other")

    def test_a_killed_worker_that_prepares_frames_is_one_line(self, tmp_path, programs):
        draw_figure(tmp_path / "big.png", 1, 1, size=600)
        for c in range(2):
            (tmp_path / "set" / "train" / f"c{c}" / "run").mkdir(parents=True)
            for i in range(COUNT):
                os.link(tmp_path / "big.png", tmp_path / "set" / "train" / f"c{c}" / "run" / f"{i:03d}.png")
        program = tmp_path / "program.py"  # as if there were much to do, and two cores
        program.write_text(
            f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom capture.data import cache_build\n"
            "cache_build.WORTH_PROCESSES, os.sched_getaffinity = 0, lambda pid: {0, 1}\n"
            "from tests.helpers.prepare_frames import command_line, main\n"
            "if __name__ == '__main__':\n    command_line(main)()\n"
        )
        command = [program, tmp_path / "set", 32]
        line = error_of(programs, command, lambda there: len(there) == 2)
        assert line == (
            "error: a process that prepared frames was killed (out of memory?); run the same command again to go on, "
            "or with --cache_gb 0 to do without"
        )
        finished = programs.run("tests/helpers/prepare_frames.py", tmp_path / "set", 32)
        assert finished.status == 0 and "preparing" in finished.out and f"preparing {2 * COUNT} of" not in finished.out
