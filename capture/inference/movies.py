"""Frames into files: H.264 in .mp4 with the driver's sound, an animated .gif, or a folder of .png files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from capture.common.files import atomic_file, cannot_write, write_bytes
from capture.common.threads import available_cores
from capture.io.images import image_to_tensor, png_bytes

Write = Callable[[np.ndarray], None]  # takes the next picture, uint8 (height, width, 3)
MOST_THREADS = 4  # of one encoder
UNIT = Fraction(1, 90_000)  # s; of times in .mp4: exact for all common rates and for milliseconds
_QUALITY = "16"  # of x264's scale, on which 18 can hardly be told from the original
# codecs that .mp4 holds as they are; other sound is encoded as AAC
_AUDIO_IN_MP4 = ("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac")


@contextlib.contextmanager
def mp4_file(
    path: Path, times: Sequence[Fraction], sound: Path | None = None, start: Fraction = Fraction(0), threads: int = 1
) -> Iterator[Write]:
    """An H.264 video, there when it is whole.

    Args:
        threads: of its encoder, which by itself takes one and a half for each core.
        times: when each frame is shown and when the last one goes, in seconds.
        sound: a file whose sound goes with the pictures, where it has any.  start: when pictures begin in that file.
    """
    ticks = [round(time / UNIT) for time in times]
    with atomic_file(path) as file, contextlib.ExitStack() as stack:
        container = stack.enter_context(av.open(file, "w", format="mp4"))
        rate = Fraction(len(times) - 1) / (times[-1] or Fraction(1, 25))
        stream = container.add_stream("libx264", rate=rate.limit_denominator(60_000))
        # without B frames every frame is stored when it is shown, so that durations are exactly the driver's
        stream.pix_fmt, stream.options = "yuv420p", {"crf": _QUALITY, "bf": "0"}
        stream.codec_context.time_base = UNIT
        stream.codec_context.thread_count = threads
        audio = stack.enter_context(_sound_of(sound, container, start, times[-1])) if sound else None
        number = 0

        def encode(frame: Any) -> None:
            for packet in stream.encode(frame):
                i = min(int(np.searchsorted(ticks, packet.pts)), len(ticks) - 2)
                packet.duration = ticks[i + 1] - ticks[i]
                container.mux(packet)

        def write(picture: np.ndarray) -> None:
            nonlocal number
            try:
                if number == 0:
                    stream.height, stream.width = picture.shape[:2]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
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


def has_sound(path: Path) -> bool:
    """Whether a file has sound that can be decoded."""
    try:
        with av.open(str(path.absolute())) as file:
            return bool(file.streams.audio) and file.streams.audio[0].codec_context is not None
    except (av.FFmpegError, OSError):
        return False


@contextlib.contextmanager
def _sound_of(
    path: Path, container: Any, start: Fraction, end: Fraction
) -> Iterator[Callable[[Fraction | None], None]]:
    """What to call with a time, to have the sound up to it put into `container`; None: up to the end."""
    with av.open(str(path.absolute()), metadata_errors="replace") as source:
        given = source.streams.audio[0]
        copied = given.codec_context.codec.canonical_name in _AUDIO_IN_MP4
        if copied:
            stream = container.add_stream_from_template(given)
        else:
            stream = container.add_stream("aac", rate=given.codec_context.sample_rate or 48_000)
        packets = _copied(source, given, stream, start, end) if copied else _encoded(source, given, stream, start, end)
        waiting: list[tuple[Fraction, Any]] = []

        def up_to(time: Fraction | None) -> None:
            while True:
                if not waiting:
                    following = next(packets, None)
                    if following is None:
                        return
                    waiting.append(following)
                if time is not None and waiting[0][0] > time:
                    return
                container.mux(waiting.pop()[1])

        yield up_to


def _copied(source: Any, given: Any, stream: Any, start: Fraction, end: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """The stored packets between `start` and `start + end`, and when each begins, from 0."""
    shift = round(start / given.time_base)
    for packet in _demuxed(source, given):
        # the packet before the first one that is heard is kept: decoders need it to begin with
        if packet.pts is None or packet.pts + 2 * (packet.duration or 0) <= shift:
            continue
        begins = (packet.pts - shift) * given.time_base
        if begins >= end:
            return
        packet.pts -= shift
        packet.dts = packet.pts
        packet.stream = stream
        yield max(begins, Fraction(0)), packet


def _encoded(source: Any, given: Any, stream: Any, start: Fraction, end: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """The same, decoded and encoded as AAC."""
    rate = stream.codec_context.sample_rate
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate, frame_size=1024)
    at = 0

    def encode(frame: Any) -> Iterator[tuple[Fraction, Any]]:
        nonlocal at
        for part in resampler.resample(frame):
            part.pts, part.time_base = at, Fraction(1, rate)
            at += part.samples
            yield from ((packet.pts * packet.time_base, packet) for packet in stream.encode(part))

    for packet in _demuxed(source, given):
        try:
            frames = packet.decode()
        except av.FFmpegError:  # damaged: silence is left
            continue
        for frame in frames:
            begins = Fraction(frame.pts or 0) * frame.time_base - start
            if begins + Fraction(frame.samples, frame.sample_rate) <= 0:
                continue
            if begins >= end:
                break
            frame.pts = None
            yield from encode(frame)
    yield from encode(None)
    yield from ((packet.pts * packet.time_base, packet) for packet in stream.encode(None))


def _demuxed(source: Any, given: Any) -> Iterator[Any]:
    try:
        yield from (packet for packet in source.demux(given) if packet.size)
    except av.FFmpegError:  # sound that breaks off
        return


@contextlib.contextmanager
def gif_file(path: Path, times: Sequence[Fraction]) -> Iterator[Write]:
    """An endless animated GIF of 256 colours a frame, there when it is whole; times in hundredths of a second."""
    frames: list[Image.Image] = []
    yield lambda picture: frames.append(Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE))
    hundredths = [round(time * 100) for time in times]
    durations = [max(b - a, 2) * 10 for a, b in zip(hundredths, hundredths[1:])]  # ms
    with atomic_file(path) as file:
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, disposal=1)


@contextlib.contextmanager
def png_folder(path: Path, times: Sequence[Fraction]) -> Iterator[Write]:
    """A folder of numbered pictures, 00000.png and so on."""
    number = 0

    def write(picture: np.ndarray) -> None:
        nonlocal number
        write_bytes(path / f"{number:05d}.png", png_bytes(image_to_tensor(Image.fromarray(picture))), sync=False)
        number += 1

    yield write


def encoder_threads(encoders: int) -> int:
    """Threads for each of some encoders that work at once: no more than there are cores, all together, but 1 each."""
    return max(1, min(MOST_THREADS, available_cores() // encoders))


def movie(
    path: Path,
    form: str,
    times: Sequence[Fraction],
    sound: Path | None = None,
    start: Fraction = Fraction(0),
    threads: int = 1,
) -> contextlib.AbstractContextManager[Write]:
    """What writes `form` (one of FORMATS) to `path`, named without an ending."""
    if form == "mp4":
        return mp4_file(path.with_name(f"{path.name}.mp4"), times, sound, start, threads)
    if form == "gif":
        return gif_file(path.with_name(f"{path.name}.gif"), times)
    return png_folder(path, times)


def movie_path(path: Path, form: str) -> Path:
    """Where `movie` writes."""
    return path if form == "png" else path.with_name(f"{path.name}.{form}")


FORMATS = ("png", "mp4", "gif")
