"""A program run to its end within the test's own process: no second is spent on importing its libraries again."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]


def run_program(program: str, *argv: Any) -> int:
    """Its exit status; what it prints goes to the test's own streams.

    Args:
        program: relative to the checkout, such as scripts/infer_sample.py.
    """
    with mock.patch.object(sys, "argv", [program, *map(str, argv)]), mock.patch.object(sys, "path", [*sys.path]):
        try:
            runpy.run_path(str(ROOT / program), run_name="__main__")
        except SystemExit as end:
            return int(end.code or 0)
    return 0
