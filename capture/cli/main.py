"""The console command: `capture render ...` is what `python save_result.py ...` is in a checkout."""

from __future__ import annotations

import sys

from capture.common.errors import CaptureError, command_line
from capture.common.programs import COMMAND, PROGRAMS, main_of


def usage() -> str:
    """What `capture --help` prints."""
    lines = [f"  {name:<10} {program.about}" for name, program in PROGRAMS.items()]
    return "\n".join([f"usage: {COMMAND} PROGRAM [options]", "", *lines, "", f"{COMMAND} PROGRAM --help says more."])


@command_line
def main() -> int | None:
    """Run the program that the first argument names, with the arguments after it."""
    from capture import __version__

    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name == "--version":
        print(f"{COMMAND} {__version__}")
        return 0
    if name not in PROGRAMS:
        raise CaptureError(f"{name}: no such program; there are {', '.join(PROGRAMS)} (see {COMMAND} --help)")
    sys.argv = [f"{COMMAND} {name}", *sys.argv[2:]]
    return main_of(name)()
