"""Videos by random access: frame i of a film or an animation, as an upright picture.

What decodes is imported at its first use, so that a program that only looks at file names never loads FFmpeg's library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.io.video.names import ANIMATION_EXTENSIONS, VIDEO_EXTENSIONS, is_animation, is_film, is_video

if TYPE_CHECKING:
    from capture.io.video.reader import VideoReader, video_frames

__all__ = [
    "ANIMATION_EXTENSIONS",
    "VIDEO_EXTENSIONS",
    "VideoReader",
    "is_animation",
    "is_film",
    "is_video",
    "video_frames",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from capture.io.video import reader

        return getattr(reader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
