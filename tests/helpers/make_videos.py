"""Small real videos for tests: every frame shows its own number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

RED, BLUE = (200, 30, 30), (30, 60, 200)  # lower left and lower right of every frame


def numbered(i: int, width: int, height: int) -> np.ndarray:
    """uint8 (H, W, 3): the upper half is i in black (0) and white (1) blocks, the lowest bit leftmost."""
    frame = np.empty((height, width, 3), np.uint8)
    for bit in range(8):
        frame[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 255 * (i >> bit & 1)
    frame[height // 2 :, : width // 2], frame[height // 2 :, width // 2 :] = RED, BLUE
    return frame


def number(image: Image.Image) -> int:
    """The number that a frame shows."""
    gray = np.asarray(image.convert("L")).astype(int)
    h, w = gray.shape
    return sum(int(gray[h // 4 - 1 : h // 4 + 2, (2 * b + 1) * w // 16].mean() > 128) << b for b in range(8))


def make_video(
    path: Path,
    frames: int | Sequence[np.ndarray] = 24,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    prepare: Callable[[Any], None] = lambda stream: None,
    muxer: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Encode numbered frames, or the given RGB(A) ones, at 25 a second, or at `times` (in milliseconds)."""
    unit = Fraction(1, 25) if times is None else Fraction(1, 1000)
    pictures = [numbered(i, *size) for i in range(frames)] if isinstance(frames, int) else frames
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=muxer or {}) as file:
        stream = file.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2] if len(pictures) else size
        stream.pix_fmt, stream.options = pixels, {k: str(v) for k, v in options.items()}
        stream.codec_context.time_base = unit
        prepare(stream)
        for i, picture in enumerate(pictures):
            form = "gray" if picture.ndim == 2 else "rgba" if picture.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(picture, format=form).reformat(format=pixels)
            frame.pts, frame.time_base = (i if times is None else times[i]), unit
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def make_sound(path: Path) -> Path:
    """A second of silence."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        for i in range(40):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, i * 1024
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def make_film_with_sound(path: Path, codec: str, seconds: float, frames: int = 25) -> Path:
    """A second of numbered frames at 25 a second, and a tone of `seconds`."""
    rate = 48_000
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264" if path.suffix != ".avi" else "mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = file.add_stream(codec, rate=rate, layout="stereo")
        for i in range(frames):
            file.mux(video.encode(av.VideoFrame.from_ndarray(numbered(i, 64, 48), format="rgb24")))
        file.mux(video.encode(None))
        resampler = av.AudioResampler(
            audio.codec_context.format, "stereo", rate, audio.codec_context.frame_size or 1024
        )
        for i in range(int(seconds * rate) // 1024):
            tone = np.sin(np.arange(i * 1024, (i + 1) * 1024) * (440 * 2 * np.pi / rate)).astype(np.float32) * 0.3
            frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, i * 1024, Fraction(1, rate)
            for part in resampler.resample(frame):
                file.mux(audio.encode(part))
        for part in resampler.resample(None):
            file.mux(audio.encode(part))
        file.mux(audio.encode(None))
    return path
