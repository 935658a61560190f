"""The option that save_result.py and evaluate.py have for methods that read IUV maps."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_predict_uv(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --predict_uv, which by itself means the weights in the box; `what` it does here is for people."""
    parser.add_argument(
        "--predict_uv",
        type=Path,
        nargs="?",
        const=Path("result") / "Toon",
        metavar="RESULT",
        help=f"{what} (default: result/Toon)",
    )
