"""The programs, each with two names: `capture render`, and `python save_result.py` in a checkout."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import NamedTuple

from capture.common.errors import CaptureError

COMMAND = "capture"


class Program(NamedTuple):
    """A program: its module, its file in a checkout, and what it does, for people."""

    module: str
    file: str
    about: str


PROGRAMS = {
    "render": Program("capture.cli.render", "save_result.py", "render characters in the poses of pictures and videos"),
    "train": Program("capture.cli.train", "train.py", "train a method on a dataset"),
    "evaluate": Program("capture.cli.evaluate", "evaluate.py", "measure results on a test set"),
    "prepare": Program("capture.cli.prepare", "prepare.py", "make dataset folders"),
    "benchmark": Program("capture.cli.benchmark", "benchmark.py", "measure the speed of this machine"),
    "app": Program("capture.cli.app", "app.py", "open the web page (needs the extra `app`)"),
}


def main_of(name: str) -> Callable[[], int | None]:
    """The `main` of a program, which reads sys.argv.

    Raises:
        CaptureError: the program needs a package that is not installed.
    """
    try:
        main: Callable[[], int | None] = importlib.import_module(PROGRAMS[name].module).main
    except ModuleNotFoundError as error:
        raise CaptureError(f"{COMMAND} {name}: {error.name} is not installed; see the README's extras") from None
    return main


def started_as(file: str) -> str:
    """The running program as its user named it: "capture render", or `file`."""
    return sys.argv[0] if sys.argv[0].startswith(f"{COMMAND} ") else file


def described(doc: str | None, file: str) -> str:
    """A program's description, whose examples show how the program was started."""
    text, name = doc or "", started_as(file)
    return text if name == file else text.replace(f"python {file}", name)
