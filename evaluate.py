"""Measure results on a test set: `python evaluate.py --help`. The program is capture/cli/evaluate.py."""

from capture.cli.evaluate import main
from capture.common.errors import command_line

if __name__ == "__main__":
    command_line(main)()
