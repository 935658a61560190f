"""The sound of a driving video, put beside the pictures of a new file: copied where its container can, else encoded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av


@dataclass(frozen=True)
class SoundCodecs:
    """What sound a container takes.

    Attributes:
        copied: codecs that it holds as they are.  encoder: of all other sound.
        samples: the encoder's sample format.  block: samples of one encoded frame.
        rate: the only sample rate that is encoded; None for the source's own.
        from_zero: whether packets that begin before the pictures are left out.
    """

    copied: tuple[str, ...]
    encoder: str
    samples: str
    block: int
    rate: int | None = None
    from_zero: bool = False


UpTo = Callable[[Fraction | None], None]  # puts the sound up to a time into the file; None: all of it


def has_sound(path: Path) -> bool:
    """Whether a file has sound that can be decoded."""
    try:
        with av.open(str(path.absolute())) as file:
            return bool(file.streams.audio) and file.streams.audio[0].codec_context is not None
    except (av.FFmpegError, OSError):
        return False


@contextlib.contextmanager
def sound_of(path: Path, container: Any, codecs: SoundCodecs, start: Fraction, end: Fraction) -> Iterator[UpTo]:
    """What to call with a time, to have the sound of `path` up to it put into `container`.

    Args:
        start: when the pictures begin, in seconds of that file.  end: how long they are.
    """
    with av.open(str(path.absolute()), metadata_errors="replace") as source:
        given = source.streams.audio[0]
        copied = given.codec_context.codec.canonical_name in codecs.copied
        if copied:
            stream = container.add_stream_from_template(given)
        else:
            rate = codecs.rate or given.codec_context.sample_rate or 48_000
            stream = container.add_stream(codecs.encoder, rate=rate)
        if copied:
            packets = _copied(source, given, stream, start, end, codecs.from_zero)
        else:
            packets = _encoded(source, given, stream, start, end, codecs)
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


def _copied(
    source: Any, given: Any, stream: Any, start: Fraction, end: Fraction, from_zero: bool
) -> Iterator[tuple[Fraction, Any]]:
    """The stored packets between `start` and `start + end`, and when each begins, from 0."""
    shift = round(start / given.time_base)
    for packet in _demuxed(source, given):
        # the packet before the first one that is heard is kept: decoders need it to begin with
        if packet.pts is None or packet.pts + 2 * (packet.duration or 0) <= shift:
            continue
        if from_zero and packet.pts < shift:
            continue
        begins = (packet.pts - shift) * given.time_base
        if begins >= end:
            return
        packet.pts -= shift
        packet.dts = packet.pts
        packet.stream = stream
        yield max(begins, Fraction(0)), packet


def _encoded(
    source: Any, given: Any, stream: Any, start: Fraction, end: Fraction, codecs: SoundCodecs
) -> Iterator[tuple[Fraction, Any]]:
    """The same, decoded and encoded.

    Sound begins when its first frame does, and a pause of more than a block, such as damaged packets leave, stays as
    long as it is; up to a block of the sound at an end of the pause is heard at its other end.
    """
    rate = stream.codec_context.sample_rate
    block = Fraction(codecs.block, rate)  # s
    resampler = av.AudioResampler(format=codecs.samples, layout="stereo", rate=rate, frame_size=codecs.block)
    at = 0  # when the next encoded block begins, in samples from the first picture
    due: Fraction | None = None  # when the next decoded frame begins if no pause comes before it, in seconds

    def encode(frame: Any) -> Iterator[tuple[Fraction, Any]]:
        nonlocal at
        for part in resampler.resample(frame):
            if at >= 0:  # blocks that begin before the first picture are left out
                part.pts, part.time_base = at, Fraction(1, rate)
                yield from ((packet.pts * packet.time_base, packet) for packet in stream.encode(part))
            at += part.samples

    for packet in _demuxed(source, given):
        try:
            frames = packet.decode()
        except av.FFmpegError:  # damaged: a pause is left
            continue
        for frame in frames:
            begins = Fraction(frame.pts or 0) * frame.time_base - start
            length = Fraction(frame.samples, frame.sample_rate)
            if begins + length <= 0:
                continue
            if begins >= end:
                break
            if due is None or begins > due + block:
                at += round((begins - (due or 0)) * rate)
                due = begins
            due += length
            frame.pts = None
            yield from encode(frame)
    yield from encode(None)
    yield from ((packet.pts * packet.time_base, packet) for packet in stream.encode(None))


def _demuxed(source: Any, given: Any) -> Iterator[Any]:
    try:
        yield from (packet for packet in source.demux(given) if packet.size)
    except av.FFmpegError:  # sound that breaks off
        return
