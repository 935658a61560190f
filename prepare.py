"""Make dataset folders: `python prepare.py --help`. The program is capture/cli/prepare.py."""

from capture.cli.prepare import main
from capture.common.errors import command_line

if __name__ == "__main__":
    command_line(main)()
