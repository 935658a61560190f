"""Videos by random access: frame i of a film or an animation, as an upright picture."""

from capture.io.video.animation import ANIMATION_EXTENSIONS, is_animation
from capture.io.video.reader import VIDEO_EXTENSIONS, VideoReader, is_film, is_video, video_frames

__all__ = [
    "ANIMATION_EXTENSIONS",
    "VIDEO_EXTENSIONS",
    "VideoReader",
    "is_animation",
    "is_film",
    "is_video",
    "video_frames",
]
