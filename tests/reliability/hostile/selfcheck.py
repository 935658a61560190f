"""Programs that do what must not be done, to see that the sandbox sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from capture.common.errors import CaptureError
from tests.reliability.hostile import sandbox
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.sandbox import Server

MEMORY = 128 << 20  # in place of the sandbox's own bound, so that a program which takes too much is quick


def _fall() -> None:
    raise ValueError("unexpected")


def _leave_half() -> None:
    Path("out").mkdir()
    Path("out/half").write_text("half")
    raise CaptureError("gave up")


def _write_beside() -> None:
    Path("../escaped").write_text("x")


def _write_far() -> None:
    Path(__file__).with_name("escaped.tmp").touch()
    Path(__file__).with_name("escaped.tmp").unlink()


def _change() -> None:
    Path("elsewhere/canary").write_text("croaks")


def _run() -> None:
    subprocess.run(["true"], check=True)


def _system() -> None:
    os.system("true")


def _talk() -> None:
    print("error: one", file=sys.stderr)
    raise CaptureError("two")


def _grow() -> None:
    held = bytearray(256 << 20)
    held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])


def _die() -> None:
    os.kill(os.getpid(), 11)


WRONG: dict[str, tuple[Callable[[], None], str]] = {  # what it does -> what must be said of it
    "fall": (_fall, "a traceback"),
    "leave half": (_leave_half, "partial output"),
    "write beside": (_write_beside, "written outside"),
    "write far": (_write_far, "opened to write"),
    "change": (_change, "written outside"),
    "run": (_run, "subprocess.Popen"),
    "system": (_system, "os.system"),
    "talk": (_talk, "2 lines of error"),
    "grow": (_grow, "MiB of memory"),
    "die": (_die, "exit status -11"),
}


def unseen(server: Server) -> list[str]:
    """What the sandbox let pass."""
    missed = []
    for name, (main, expected) in WRONG.items():
        server.programs["wrong.py"] = types.SimpleNamespace(main=main)
        with mock.patch.object(sandbox, "MEMORY", MEMORY):
            verdict = server.run(Case("", ["wrong.py"], {}))
        if not any(expected in violation for violation in verdict.violations):
            missed.append(f"{name}: {verdict.what}, {verdict.violations}")
    return missed
