"""CaptureError, the only error that users see, and how programs print it."""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import io
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from capture.common.threads import limit_spinning

# errors of the machine, which are no faults of the program: number -> what the user can do
_REFUSED = {
    errno.ENOSPC: "free space, or choose another place",
    errno.EDQUOT: "free space, or choose another place",
    errno.EFBIG: "choose a place that takes larger files (ulimit -f may limit them)",
    errno.EROFS: "choose another place",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EIO: "the disk is failing: copy what is on it and choose another place",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "out of memory: close other programs, or ask for less at a time",
}

LONGEST = 1000  # characters of a line on the terminal


class CaptureError(Exception):
    """An error that the user can fix. The message is one line: what is wrong, where, and what to do."""

    def __init__(self, message: str):
        # torch's DataLoader raises a worker's exception again with a traceback as its message, which ends with our line
        if message.startswith("Caught CaptureError in DataLoader worker"):
            message = message.strip().splitlines()[-1].split("CaptureError: ", 1)[-1]
        super().__init__(message)


class Refused(CaptureError):
    """A file can't be read for a reason outside the file: no permission, no memory, or a disk that fails."""

    @classmethod
    def no_memory(cls, path: str | os.PathLike[str]) -> Refused:
        """The error for a file that there is no memory to decode in."""
        return cls(f"{path}: no memory to decode it in; close other programs")

    @classmethod
    def reading(cls, path: str | os.PathLike[str], error: Exception) -> Refused | None:
        """The error for what went wrong when `path` was read; None where the machine is not the cause."""
        if isinstance(error, MemoryError):
            return cls.no_memory(path)
        if isinstance(error, OSError) and error.errno in _REFUSED:
            return cls(f"{path}: can't be read ({error.strerror}); {_REFUSED[error.errno].split(',')[0]}")
        return None


def remedy(error: OSError) -> str | None:
    """What to do about what the machine refused; None where the machine has no part in it."""
    return _REFUSED.get(error.errno or 0)


def one_line(message: str) -> str:
    """A message as one line of limited length, without control characters from names and contents of files."""
    if len(message) > LONGEST:
        message = f"{message[: LONGEST - 300]} ... {message[-290:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


def command_line(main: Callable[[], int | None]) -> Callable[[], None]:
    """Wrap a program's `main`: a CaptureError becomes one line on stderr and exit status 2, Ctrl-C exits with 130.

    Errors of the machine (no space, no permission, no memory) become one line too, also where standard output is a file
    on a full disk. With `--debug` anywhere on the command line, the traceback is printed instead.
    """

    @functools.wraps(main)
    def run() -> None:
        limit_spinning()  # before `main` imports torch
        if isinstance(sys.stdout, io.TextIOWrapper):  # the name of a file may hold bytes that are not text
            sys.stdout.reconfigure(errors="backslashreplace")
        if "--debug" in sys.argv[1:]:
            sys.exit(main() or 0)
        try:
            status = main() or 0
            sys.stdout.flush()
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            status = 130
        except BrokenPipeError:
            _drop_output()
            status = 0
        except Exception as error:
            line = _line(error)
            if line is None:
                raise
            print(f"error: {one_line(line)}", file=sys.stderr)
            _drop_output()
            status = 2
        sys.exit(status)

    return run


def _line(error: Exception) -> str | None:
    """The line that explains an error of the machine to the user; None for a fault of the program."""
    if isinstance(error, CaptureError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE) and error.filename is None:
        return f"{error.strerror}; {_REFUSED[error.errno]}"
    if isinstance(error, OSError) and error.errno in _REFUSED:
        what = "standard output" if error.filename is None else os.fsdecode(error.filename)
        return f"{what}: {error.strerror}; {_REFUSED[error.errno]}"
    if is_out_of_memory(error):
        return f"out of memory ({_first_line(error)}); ask for less at a time (--batch_size), or close other programs"
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that Python, torch or CUDA ran out of memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).splitlines()[:1])
    return text.rsplit("DefaultCPUAllocator: ", 1)[-1][:160] or type(error).__name__


def _drop_output() -> None:
    """Discard the output that can't be written; otherwise Python writes it again at exit, and prints a second error."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_least(*limits: tuple[str, float, float]) -> None:
    """Check numbers that people gave.

    Args:
        limits: (name of the option, its value, the smallest that is possible).
    Raises:
        CaptureError: the first value that is smaller.
    """
    for name, value, least in limits:
        if value < least:
            raise CaptureError(f"--{name} {value}: use at least {least}")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises CaptureError, so that its errors are printed as all others are."""

    def error(self, message: str) -> NoReturn:
        raise CaptureError(f"{message} (see --help)")
