"""Open the web page: `python app.py --help`. The program is capture/cli/app.py."""

from capture.cli.app import main
from capture.common.errors import command_line

if __name__ == "__main__":
    command_line(main)()
