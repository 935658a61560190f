"""Writing TensorBoard files; an error of the disk becomes a CaptureError."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from capture.common.files import cannot_write


class Board:
    """Scalars and pictures for TensorBoard in `folder`. Entries after `step`, which a killed run wrote, are hidden.

    Raises (from every method):
        CaptureError: the files can't be written.
    """

    def __init__(self, folder: Path, step: int):
        self.folder, self._failed = folder, False
        with self._one_line():
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def scalars(self, values: dict[str, float], step: int) -> None:
        with self._one_line():
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
            self._writer.flush()

    def picture(self, name: str, image: Tensor, step: int) -> None:
        """Log a picture, uint8 (3, H, W)."""
        with self._one_line():
            self._writer.add_image(name, image, step)

    def close(self) -> None:
        if not self._failed:
            with self._one_line():
                self._writer.close()

    @contextlib.contextmanager
    def _one_line(self) -> Iterator[None]:
        """Turn the errors of TensorBoard's writer into a CaptureError.

        The writer's thread raises an error where it can't be caught, and the next call raises the same error again.
        """
        told = threading.excepthook
        threading.excepthook = lambda args: None if _of_the_writer(args) else told(args)
        try:
            yield
        except OSError as error:
            self._failed = True
            raise cannot_write(self.folder, error) from None
        finally:
            threading.excepthook = told


def _of_the_writer(args: Any) -> bool:
    return issubclass(args.exc_type, OSError) and "tensorboard" in type(args.thread).__module__
