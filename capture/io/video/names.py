"""Which files are videos, by their names: FFmpeg's library is not needed to tell."""

from __future__ import annotations

from pathlib import Path

VIDEO_EXTENSIONS = (".mp4", ".avi", ".mov", ".mkv", ".webm")


def is_video(path: Path) -> bool:
    """Whether a file's name says it is a video (hidden files are not)."""
    return path.suffix.lower() in VIDEO_EXTENSIONS and not path.name.startswith(".")
