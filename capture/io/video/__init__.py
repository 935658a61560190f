"""Videos by random access: frame i of a file, as an upright RGB picture."""

from capture.io.video.reader import VIDEO_EXTENSIONS, VideoReader, is_video, video_frames

__all__ = ["VIDEO_EXTENSIONS", "VideoReader", "is_video", "video_frames"]
