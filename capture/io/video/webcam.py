"""What a webcam shows for some seconds, as pictures with times.

PyAV reads cameras by FFmpeg's devices: Video4Linux on Linux, AVFoundation on macOS. Pictures are kept as JPEG, so that
a minute of them takes some tens of megabytes.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

from capture.common.errors import CaptureError
from capture.io.video.picture import PictureMaker

RATE, SIZE = 30, "640x480"  # that are asked for; a camera without them gives the nearest that it has
PATIENCE = 10.0  # seconds without a picture, after which a camera is given up
WAIT = 0.005  # seconds between two questions for a picture
QUALITY = 95


@dataclass
class Recording:
    """Pictures of a camera, in order.

    Attributes:
        times: when each is shown, in seconds since the first.
    """

    times: list[Fraction] = field(default_factory=list)
    _pictures: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, picture: Image.Image, shown: Fraction) -> None:
        data = io.BytesIO()
        picture.convert("RGB").save(data, "JPEG", quality=QUALITY, subsampling=0)
        self._pictures.append(data.getvalue())
        self.times.append(shown)

    def read(self, i: int) -> Image.Image:
        """Picture i, RGB."""
        return Image.open(io.BytesIO(self._pictures[i])).convert("RGB")


def camera_source(number: int, platform: str = sys.platform) -> tuple[str, str, dict[str, str]]:
    """What FFmpeg calls camera `number`, counted from 0: its file, its format, and options.

    Raises:
        CaptureError: another system than Linux and macOS, whose cameras have no numbers.
    """
    options = {"framerate": str(RATE), "video_size": SIZE}
    if platform == "darwin":
        return f"{number}:none", "avfoundation", options
    if platform.startswith("linux"):
        return f"/dev/video{number}", "v4l2", options
    raise CaptureError(f"webcam:{number}: is for Linux and macOS; record a video and give that as --pose_path")


def record(number: int, seconds: float, started: Callable[[], None] | None = None) -> Recording:
    """Record camera `number` for some seconds, from its first picture on; fewer where it ends before.

    Args:
        started: called when the first picture is there.

    Raises:
        CaptureError: there is no such camera, it may not be opened, or it shows nothing.
    """
    file, form, options = camera_source(number)
    name = f"webcam:{number}"
    recording = Recording()
    with _explained(name, file), av.open(file, format=form, options=options, timeout=PATIENCE) as container:
        if not container.streams.video:
            raise CaptureError(f"{name}: {file} is no camera; give another number, or a video")
        make, first = PictureMaker(Path(name), None), None
        for frame in _frames(container):
            shown = Fraction(0) if frame.pts is None else frame.pts * Fraction(frame.time_base)
            if first is None:
                first = shown
                if started is not None:
                    started()
            if shown - first >= seconds:
                break
            if not recording.times or shown - first > recording.times[-1]:  # each picture once
                recording.add(make(frame), shown - first)
    if not recording:
        raise CaptureError(f"{name}: the camera shows nothing; is another program using it? Or give a video")
    return recording


def _frames(container: Any) -> Iterator[Any]:
    """Frames as they come; a camera that has none yet is asked again."""
    asked = time.monotonic()
    while time.monotonic() - asked < PATIENCE:
        try:
            for frame in container.decode(video=0):
                yield frame
                asked = time.monotonic()
            return
        except BlockingIOError:  # AVFoundation has no picture yet
            time.sleep(WAIT)
        except EOFError:
            return


@contextlib.contextmanager
def _explained(name: str, file: str) -> Iterator[None]:
    """What FFmpeg says of a camera, as one line."""
    try:
        yield
    except FileNotFoundError:
        raise CaptureError(f"{name}: no camera ({file} is not there); connect one, or give a video") from None
    except PermissionError:
        raise CaptureError(
            f"{name}: {file} may not be opened; allow this program to use the camera, or give a video"
        ) from None
    except (OSError, ValueError, av.FFmpegError) as error:
        why = (error.strerror if isinstance(error, (OSError, av.FFmpegError)) else None) or str(error)
        raise CaptureError(f"{name}: the camera can't be read ({why}); give another number, or a video") from None
