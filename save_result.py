"""Render characters in other poses: `python save_result.py --help`. The program is capture/cli/render.py."""

from capture.cli.render import main
from capture.common.errors import command_line

if __name__ == "__main__":
    command_line(main)()
