"""The files of a folder that a person names: pictures, videos, and what is neither."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from capture.common.errors import CaptureError
from capture.io.images import is_image
from capture.io.video import is_video


def natural_order(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key: numbers in names count as numbers, so that frame2 comes before frame10."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts], path.name


@dataclass(frozen=True)
class Listing:
    """The files of a folder, in natural order; hidden ones left out.

    Attributes:
        passed_over: neither pictures nor videos, and folders.
    """

    pictures: list[Path]
    videos: list[Path]
    passed_over: list[Path]

    @classmethod
    def of(cls, path: Path) -> Listing:
        """What is in a folder; or that one file, whatever it is called.

        Raises:
            CaptureError: a folder that can't be listed.
        """
        if not path.is_dir():
            return cls([], [path], []) if is_video(path) else cls([path], [], [])
        try:
            found = sorted((p for p in path.iterdir() if not p.name.startswith(".")), key=natural_order)
        except OSError as error:
            raise CaptureError(f"{path}: can't be listed ({error.strerror})") from None
        videos = [p for p in found if p.is_file() and is_video(p)]
        pictures = [p for p in found if p.is_file() and is_image(p) and p not in set(videos)]
        return cls(pictures, videos, [p for p in found if p not in {*pictures, *videos}])
