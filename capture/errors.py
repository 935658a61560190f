"""The one kind of error that a user is meant to see."""

from __future__ import annotations

import argparse
import functools
import io
import sys
from collections.abc import Callable
from typing import NoReturn

LONGEST = 1000  # characters of a line on the terminal


class CaptureError(Exception):
    """Something the person at the keyboard can put right: one line saying what was wrong, where, and what to do."""

    def __init__(self, message: str):
        # torch's DataLoader raises a worker's exception again with a traceback for its message: the last line is ours
        if message.startswith("Caught CaptureError in DataLoader worker"):
            message = message.strip().splitlines()[-1].split("CaptureError: ", 1)[-1]
        super().__init__(message)


def one_line(message: str) -> str:
    """What files are called and say may hold anything: shown on one line, not endless, and nothing a terminal obeys."""
    if len(message) > LONGEST:
        message = f"{message[: LONGEST - 300]} ... {message[-290:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


def _no_memory(error: Exception) -> bool:
    """Whether memory ran out; torch says so by a RuntimeError."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error) or "CUDA out of memory" in str(error)


def command_line(main: Callable[[], int | None]) -> Callable[[], None]:
    """Wrap a program's `main`: a CaptureError becomes one line on stderr and exit status 2, Ctrl-C exits with 130.

    `--debug` anywhere on the command line keeps the traceback instead.
    """

    @functools.wraps(main)
    def run() -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name need not be text
            sys.stdout.reconfigure(errors="backslashreplace")
        if "--debug" in sys.argv[1:]:
            sys.exit(main() or 0)
        try:
            status = main() or 0
        except CaptureError as error:
            print(f"error: {one_line(str(error))}", file=sys.stderr)
            status = 2
        except (MemoryError, RuntimeError) as error:
            if not _no_memory(error):
                raise
            print("error: out of memory; use a smaller batch_size, image_size or network", file=sys.stderr)
            status = 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            status = 130
        except BrokenPipeError:
            status = 0
        sys.exit(status)

    return run


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are one line, like every other."""

    def error(self, message: str) -> NoReturn:
        raise CaptureError(f"{message} (see --help)")
