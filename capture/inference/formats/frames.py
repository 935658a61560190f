"""A folder of numbered pictures: 00000.png, 00001.png and so on."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from capture.common.files import cannot_write
from capture.inference.formats.base import Write
from capture.inference.formats.pictures import png_bytes

_NUMBERED = re.compile(r"[0-9]{5,}\.png")


@contextlib.contextmanager
def frames_folder(path: Path) -> Iterator[Write]:
    """A folder of PNG files, there when all of them are; numbered pictures of an earlier run are replaced."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    number = 0

    def write(picture: np.ndarray) -> None:
        nonlocal number
        (partial / f"{number:05d}.png").write_bytes(png_bytes(picture))
        number += 1

    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield write
        _replace(path, partial)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _replace(path: Path, partial: Path) -> None:
    """Put the new pictures into the folder `path` and take the older ones out of it."""
    if not path.exists():
        os.replace(partial, path)
        return
    for old in path.iterdir():
        if _NUMBERED.fullmatch(old.name) and not (partial / old.name).exists():
            old.unlink()
    for new in sorted(partial.iterdir()):
        os.replace(new, path / new.name)
