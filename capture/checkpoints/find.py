"""Finding the newest checkpoint of a run that is not damaged."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from capture.checkpoints.checkpoint import FOLDER, LATEST, PREVIOUS, load_checkpoint
from capture.checkpoints.validate import Damaged
from capture.common.errors import CaptureError

logger = logging.getLogger("capture")

ASIDE = ".damaged.pt"  # latest_checkpoint.pt is set aside as latest_checkpoint.damaged.pt


def newest_checkpoint(result: Path, set_aside: bool = False) -> tuple[Path, dict[str, Any]] | None:
    """Path and state of the newest checkpoint in a result folder that is not damaged; None where no run has saved one.

    Args:
        set_aside: rename damaged checkpoints to <name>.damaged.pt, if a newer or older one is good. Otherwise they are
            skipped. In both cases a line in the log names them.
    Raises:
        CaptureError: all checkpoints are damaged, or one can't be read for another reason (see load_checkpoint).
    """
    folder = result / FOLDER
    damaged: list[tuple[Path, Damaged]] = []
    for path in _newest_first(folder):
        try:
            state = load_checkpoint(path)
        except Damaged as error:
            damaged.append((path, error))
            continue
        for bad, why in damaged:
            if set_aside:
                aside = _free_name(bad)
                os.replace(bad, aside)
                logger.warning(f"{why}: set aside as {aside.name}")
            else:
                logger.warning(f"{why}: passed over")
        if damaged:
            logger.warning(f"using {path} (step {state.get('step', 'unknown')}) in its place")
        return path, state
    names = [path.name for path, _ in damaged] + sorted(path.name for path in folder.glob(f"*{ASIDE}*"))
    if names:
        raise CaptureError(
            f"{folder}: no good checkpoint left (damaged: {', '.join(names)}); put a copy back as {LATEST}, "
            f"or remove {folder} to begin again"
        )
    return None


def _newest_first(folder: Path) -> list[Path]:
    """The checkpoints that exist: latest, previous, then <n>epoch_checkpoint.pt, the greatest n first."""
    numbered = []
    for path in folder.glob("*epoch_checkpoint.pt"):
        number = path.name.removesuffix("epoch_checkpoint.pt")
        if number.isdecimal():
            numbered.append((int(number), path))
    kept = [path for _, path in sorted(numbered, reverse=True)]
    return [path for path in (folder / LATEST, folder / PREVIOUS, *kept) if path.is_file()]


def _free_name(path: Path) -> Path:
    aside, count = path.with_name(path.stem + ASIDE), 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.stem}{ASIDE}{count}")
    return aside
