"""The log of a run: log.txt (rotated), metrics.jsonl, TensorBoard files, image grids."""

from __future__ import annotations

import json
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from torch import Tensor

from capture.common.files import append_line, cannot_write, write_bytes
from capture.io.images import grid, png_bytes
from capture.training.tensorboard import Board

logger = logging.getLogger("capture")

LOG_BYTES, LOGS_KEPT = 1_000_000, 4  # log.txt becomes log.txt.1 and so on


class _LogFile(RotatingFileHandler):
    """A log file whose errors are raised; the standard library prints a traceback and goes on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            raise cannot_write(self.baseFilename, error) from None
        raise


class RunLog:
    """Writes the log of a run into its result folder.

    Args:
        step: number of updates so far. Rows of metrics.jsonl after it, which a killed run wrote, are removed.
        write: false in the processes of a job that do not write; then only `close` may be called.
    """

    def __init__(self, folder: Path, step: int = 0, write: bool = True):
        self.folder = folder
        self._open = write
        if not write:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._handler = _LogFile(folder / "log.txt", maxBytes=LOG_BYTES, backupCount=LOGS_KEPT)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        logger.addHandler(self._handler)
        self.metrics = folder / "metrics.jsonl"
        if self.metrics.exists():
            kept = [row for row in read_metrics(folder) if row["step"] <= step]
            write_bytes(self.metrics, "".join(json.dumps(row) + "\n" for row in kept).encode())
        self._board = Board(folder / "tensorboard", step)

    def row(self, values: dict[str, float]) -> None:
        """Append one line of metrics, which include `step`."""
        append_line(self.metrics, json.dumps(values))
        scalars = {name: value for name, value in values.items() if name not in ("step", "epoch")}
        self._board.scalars(scalars, int(values["step"]))

    def pictures(self, split: str, epoch: int, step: int, columns: list[Tensor]) -> Path:
        """Write `<split>_results/<epoch>epoch.png`: columns of uint8 (N, 3, S, S), a row for each sample."""
        picture = grid(columns)
        path = self.folder / f"{split}_results" / f"{epoch}epoch.png"
        write_bytes(path, png_bytes(picture))
        self._board.picture(f"{split}_results", picture, step)
        return path

    def close(self) -> None:
        """Close all files."""
        if not self._open:
            return
        logger.removeHandler(self._handler)
        self._handler.close()
        self._board.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's metrics.jsonl, without a last line that a crash cut short."""
    rows = []
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows
