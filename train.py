"""Train a method on a dataset: `python train.py --help`. The program is capture/cli/train.py."""

from capture.cli.train import main
from capture.common.errors import command_line

if __name__ == "__main__":
    command_line(main)()
