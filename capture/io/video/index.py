"""Which frames a video has, from the timestamps of its packets: nothing is decoded where they can be relied on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from capture.common.errors import CaptureError
from capture.io.video.cut import cut_off

if TYPE_CHECKING:
    from capture.io.video.stream import VideoStream


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """The frames of a video, in the order of presentation.

    Attributes:
        count: how many.
        times: int64 (count,), increasing, in the stream's unit of time; None where frames can only be counted.
        keys: numbers of the frames that decoding can start from, increasing; none where times is None.
        unit: the unit of time, in seconds.
        last: how long the last frame is shown, in units; 0 where the file doesn't say.
    """

    count: int
    times: np.ndarray | None
    keys: np.ndarray
    unit: Fraction = Fraction(0)
    last: int = 0

    def __len__(self) -> int:
        return self.count

    def seconds(self, usual: Fraction = Fraction(1, 25)) -> list[Fraction]:
        """When each frame is shown, since the first, and when the last one goes (`usual` later, unless known)."""
        assert self.times is not None
        starts = [(int(time) - int(self.times[0])) * self.unit for time in self.times]
        return [*starts, starts[-1] + (self.last * self.unit or usual)]

    def number(self, time: int | None) -> int | None:
        """The frame shown from `time` on; None where there is none."""
        if time is None or self.times is None:
            return None
        i = int(np.searchsorted(self.times, time))
        return i if i < self.count and self.times[i] == time else None

    def key_before(self, i: int) -> int:
        """The last frame up to i that decoding can start from (0 where that is the beginning of the file)."""
        return next(self.keys_before(i), 0)

    def keys_before(self, i: int) -> Iterator[int]:
        """Frames up to i that decoding can start from, nearest first."""
        last = int(np.searchsorted(self.keys, i, side="right"))
        return (int(self.keys[k]) for k in range(last - 1, -1, -1))


def index_video(path: Path) -> VideoIndex:
    """Read a video's packets once.

    Raises:
        CaptureError: see VideoReader.
    """
    from capture.io.video.stream import VideoStream  # imported when used: rendering pictures needs no PyAV

    stream = VideoStream(path)
    try:
        packets = list(_shown(stream))
        if not packets:
            raise CaptureError(f"{path}: no frames in it; remove it")
        unit = Fraction(stream.stream.time_base)
        index = _from_packets(packets, unit) if _reliable(stream, packets) else None
    finally:
        stream.close()
    return index or _from_frames(path, packets, unit)


@dataclass(frozen=True)
class _Packet:
    time: int | None
    key: bool
    duration: int


def _shown(stream: VideoStream) -> Iterator[_Packet]:
    """Packets that become a frame a player shows."""
    vp8 = stream.stream.codec_context.name == "vp8"
    for packet in stream.packets():
        if packet.is_corrupt:
            raise cut_off(stream.path)
        hidden = vp8 and not bytes(packet)[0] & 0x10  # RFC 6386, 9.1: show_frame
        if not packet.is_discard and not hidden:
            yield _Packet(packet.pts, packet.is_keyframe, packet.duration or 0)


def _reliable(stream: VideoStream, packets: list[_Packet]) -> bool:
    """Whether the packets' times are those of the frames that decoding gives."""
    times = [packet.time for packet in packets if packet.time is not None]
    if len(set(times)) < len(packets):
        return False
    if "avi" in stream.format and stream.stream.codec_context.has_b_frames:
        return False  # it stores no times of presentation
    # pictures before the first keyframe need others that aren't there: some decoders drop them
    return packets[0].key and times[0] == min(times)


def _from_packets(packets: list[_Packet], unit: Fraction) -> VideoIndex:
    times = np.sort(np.array([packet.time for packet in packets], np.int64))
    keys = np.sort(np.array([packet.time for packet in packets if packet.key], np.int64))
    last = max(packets, key=lambda packet: packet.time or 0).duration
    return VideoIndex(len(times), times, np.searchsorted(times, keys), unit, last)


def _from_frames(path: Path, packets: list[_Packet], unit: Fraction) -> VideoIndex:
    """By decoding once."""
    from capture.io.video.stream import VideoStream

    stream = VideoStream(path)
    try:
        times = [frame.pts for frame in stream.frames()]
    finally:
        stream.close()
    if not times:
        raise CaptureError(f"{path}: no frames in it that can be decoded; copy or convert the file again")
    if None in times or any(b <= a for a, b in zip(times, times[1:], strict=False)):
        return VideoIndex(len(times), None, np.empty(0, np.int64))
    key_times = {packet.time for packet in packets if packet.key and packet.time is not None}
    keys = np.searchsorted(times, sorted(key_times & set(times)))
    return VideoIndex(len(times), np.array(times, np.int64), keys, unit)
