"""Videos by random access: frame i of a film or an animation, as an upright picture.

PyAV is imported when a film is opened, so that a program that only reads pictures never loads FFmpeg's library.
"""

from capture.io.video.names import ANIMATION_EXTENSIONS, VIDEO_EXTENSIONS, is_animation, is_film, is_video
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
