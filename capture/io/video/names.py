"""Which files are videos: by their names, and pictures by the number of their frames. FFmpeg is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

VIDEO_EXTENSIONS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".mpg", ".mpeg", ".m2v"),
    *(".ts", ".mts", ".m2ts", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".vob"),
)
ANIMATION_EXTENSIONS = (".gif", ".png", ".apng", ".webp", ".avif")
ANIMATION_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")


def is_video(path: Path) -> bool:
    """Whether a file is a video: by its name, or because it is a picture of two frames or more."""
    return is_film(path) or is_animation(path)


def is_film(path: Path) -> bool:
    """Whether a file's name says it is a video that is no animated picture (hidden files are not)."""
    return path.suffix.lower() in VIDEO_EXTENSIONS and not path.name.startswith(".")


def is_animation(path: Path) -> bool:
    """Whether a file is a picture of two frames or more. Its name decides whether it is opened, its header the rest."""
    if path.suffix.lower() not in ANIMATION_EXTENSIONS or path.name.startswith("."):
        return False
    try:
        if not path.is_file():
            return False
        with Image.open(path, formats=ANIMATION_FORMATS) as image:
            return frame_count(image) > 1
    except Exception:  # whoever opens it as a picture says what is wrong with it
        return False


def frame_count(image: Any) -> int:
    """Frames of Pillow's picture; the picture that only programs without APNG show is none of them."""
    try:
        return int(image.n_frames) - frames_before(image)
    except AttributeError:  # only formats that know several frames have it
        return 1


def frames_before(image: Any) -> int:
    """1 where the file begins with a picture that is no frame of its animation (APNG), or else 0."""
    try:
        return int(bool(image.info.get("default_image") or image.default_image))
    except AttributeError:  # only PNG has it
        return 0
