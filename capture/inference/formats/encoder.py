"""Pictures through FFmpeg's encoders into a film with sound: what .mp4 and .webm share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from capture.common.files import atomic_file, cannot_write
from capture.inference.formats.base import Timeline, Write
from capture.inference.formats.sound import SoundCodecs, sound_of
from capture.inference.silhouette import extended

UNIT = Fraction(1, 90_000)  # s; of times: exact for all common rates and for milliseconds
BT709 = 1  # the number of BT.709's primaries, of its transfer and of its matrix in H.273, which FFmpeg takes


@dataclass(frozen=True)
class Encoding:
    """How pictures are stored.

    Attributes:
        container, codec, sound: FFmpeg's names, and what sound the container takes.
        options: of the codec.
        pixels: the pixel format for pictures of so many channels.
        even: whether sides must be even.
    """

    container: str
    codec: str
    sound: SoundCodecs
    options: dict[str, str]
    pixels: Callable[[int], str]
    even: bool = False


@contextlib.contextmanager
def film_file(path: Path, timeline: Timeline, encoding: Encoding, threads: int = 1) -> Iterator[Write]:
    """A film, there when it is whole. Its colours are BT.709 in limited range, and its tags say so.

    Args:
        threads: of its encoder, which by itself takes one and a half for each core.
    """
    times = timeline.times
    ticks = [round(time / UNIT) for time in times]
    with atomic_file(path) as file, contextlib.ExitStack() as stack:
        container = stack.enter_context(av.open(file, "w", format=encoding.container))
        rate = Fraction(len(times) - 1) / (times[-1] or Fraction(1, 25))
        stream: Any = container.add_stream(encoding.codec, rate=rate.limit_denominator(60_000))
        stream.options = dict(encoding.options)
        stream.codec_context.time_base = UNIT
        stream.codec_context.thread_count = threads
        stream.codec_context.color_primaries = stream.codec_context.color_trc = stream.codec_context.colorspace = BT709
        stream.codec_context.color_range = ColorRange.MPEG
        audio = None
        if timeline.sound:
            audio = stack.enter_context(sound_of(timeline.sound, container, encoding.sound, timeline.start, times[-1]))
        number = 0

        def encode(frame: Any) -> None:
            for packet in stream.encode(frame):
                i = min(int(np.searchsorted(ticks, packet.pts)), len(ticks) - 2)
                packet.duration = ticks[i + 1] - ticks[i]
                container.mux(packet)

        def write(picture: np.ndarray) -> None:
            nonlocal number
            try:
                picture = _with_even_sides(picture) if encoding.even else picture
                if number == 0:
                    stream.height, stream.width = picture.shape[:2]
                    stream.pix_fmt = encoding.pixels(picture.shape[2])
                # converted here: where the encoder converts by itself, one file in ten differs from run to run
                frame = _in_bt709(picture, stream.pix_fmt)
                frame.pts, frame.time_base = ticks[number], UNIT
                encode(frame)
                number += 1
                if audio:
                    audio(times[number])
            except (av.FFmpegError, OSError) as error:
                raise cannot_write(path, OSError(error.errno, error.strerror)) from None

        yield write
        try:
            encode(None)  # what the encoder still holds
            if audio:
                audio(None)
        except (av.FFmpegError, OSError) as error:
            raise cannot_write(path, OSError(error.errno, error.strerror)) from None


def _in_bt709(picture: np.ndarray, pixels: str) -> Any:
    """A picture as an av.VideoFrame of the pixel format `pixels`, with BT.709's matrix and in limited range.

    Its clear pixels get the colours of the nearest pixels that are not clear: colours are stored for 2 x 2 pixels and
    inexactly, so that other colours under the clear pixels would be seen at the figure's edge.
    """
    form = "rgb24"
    if picture.shape[2] == 4:
        form, alpha = "rgba", picture[..., 3:]
        colours = extended(picture[..., :3].transpose(2, 0, 1), alpha[..., 0] > 0).transpose(1, 2, 0)
        picture = np.concatenate([colours, alpha], -1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=form)
    return frame.reformat(format=pixels, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)


def _with_even_sides(picture: np.ndarray) -> np.ndarray:
    """The last row and column twice where a side is odd: colours are stored for 2 x 2 pixels."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
