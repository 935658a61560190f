"""The part of train.py that writes beside a dataset: `python prepare_frames.py DATASET SIZE` saves index and frames."""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from capture.common.errors import command_line  # noqa: E402
from capture.data.cache import prepare_frames  # noqa: E402
from capture.data.index import catalog  # noqa: E402


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    catalog.SAVE_FROM = 1  # an index also of few frames
    prepared = prepare_frames(catalog.scan(sys.argv[1], progress=False), int(sys.argv[2]), 1.0, progress=False)
    print("not prepared" if prepared is None else f"prepared {prepared.path}")


if __name__ == "__main__":
    command_line(main)()
