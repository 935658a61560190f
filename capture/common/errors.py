"""The one kind of error that a user is meant to see."""

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

# what the machine refuses, rather than what a program got wrong
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
    """Something the person at the keyboard can put right: one line saying what was wrong, where, and what to do."""

    def __init__(self, message: str):
        # torch's DataLoader raises a worker's exception again with a traceback for its message: the last line is ours
        if message.startswith("Caught CaptureError in DataLoader worker"):
            message = message.strip().splitlines()[-1].split("CaptureError: ", 1)[-1]
        super().__init__(message)


class Refused(CaptureError):
    """A file couldn't be read, and the file is not to blame: no permission, no memory, a disk that fails."""

    @classmethod
    def reading(cls, path: str | os.PathLike, error: OSError | MemoryError) -> Refused | None:
        """Of what went wrong when `path` was read; None where the machine has no part in it."""
        if isinstance(error, MemoryError):
            return cls(f"{path}: no memory to decode it in; close other programs")
        if error.errno in _REFUSED:
            return cls(f"{path}: can't be read ({error.strerror}); {_REFUSED[error.errno].split(',')[0]}")
        return None


def remedy(error: OSError) -> str | None:
    """What to do about what the machine refused; None where the machine has no part in it."""
    return _REFUSED.get(error.errno or 0)


def one_line(message: str) -> str:
    """What files are called and say may hold anything: shown on one line, not endless, and nothing a terminal obeys."""
    if len(message) > LONGEST:
        message = f"{message[: LONGEST - 300]} ... {message[-290:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


def command_line(main: Callable[[], int | None]) -> Callable[[], None]:
    """Wrap a program's `main`: a CaptureError becomes one line on stderr and exit status 2, Ctrl-C exits with 130.

    So does what the machine refuses (no space, no permission, no memory), wherever it happened: also when standard
    output is a file on a full disk. `--debug` anywhere on the command line keeps the traceback instead.
    """

    @functools.wraps(main)
    def run() -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name need not be text
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
    """What to tell people about an error; None where it is the program's own fault."""
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
    """Whether Python, torch or CUDA found no memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).splitlines()[:1])
    return text.rsplit("DefaultCPUAllocator: ", 1)[-1][:160] or type(error).__name__


def _drop_output() -> None:
    """Forget what standard output doesn't take; Python would try again at exit, and complain."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are one line, like every other."""

    def error(self, message: str) -> NoReturn:
        raise CaptureError(f"{message} (see --help)")
