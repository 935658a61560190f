"""One line about the files of a folder that a program could not use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

NAMED = 5  # files that the line names


def passed_over_line(folder: Path, files: Sequence[Path]) -> str:
    """How many files below `folder` were passed over, and which; "" for none."""
    if not files:
        return ""
    shown = [file.relative_to(folder) if file.is_relative_to(folder) else file for file in files[:NAMED]]
    names = ", ".join(f"{name}/" if file.is_dir() else str(name) for name, file in zip(shown, files))
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return f"{folder}: {len(files)} passed over, which can't be used here: {names}{more}"
