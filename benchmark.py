"""Measure this machine: `python benchmark.py --help`. The program is capture/cli/benchmark.py."""

from capture.cli.benchmark import main
from capture.common.errors import command_line

if __name__ == "__main__":
    command_line(main)()
