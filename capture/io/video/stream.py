"""The video stream of a file: its packets, and its frames decoded from anywhere on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from capture.common.errors import CaptureError, Refused
from capture.io.images import MAX_PIXELS, MAX_SIDE, is_enormous
from capture.io.video.cut import cut_off, is_cut

ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders drop the transparency of a .webm


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """What the decoding library says is wrong, as one line that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such file") from None
    except IsADirectoryError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror})") from None
    except (OSError, MemoryError, ValueError, av.FFmpegError) as error:  # FFmpeg speaks of EIO in broken files too
        ours = isinstance(error, (PermissionError, MemoryError)) or not isinstance(error, (av.FFmpegError, ValueError))
        if ours and (refused := Refused.reading(path, error)):
            raise refused from None
        why = (error.strerror if isinstance(error, (OSError, av.FFmpegError)) else None) or str(error)
        raise CaptureError(f"{path}: not a video that can be read, or cut off ({why})") from None


class VideoStream:
    """An open file.

    Attributes:
        damage: what the decoder said of the last packet that it could not use, or "".
    Raises:
        CaptureError: see named_errors; no video stream, or enormous frames.
    """

    def __init__(self, path: Path):
        self.path, self.damage = path, ""
        with named_errors(path):
            if os.stat(path).st_size == 0:
                raise CaptureError(f"{path}: an empty file (0 bytes); remove it or put the video back")
            if is_cut(path):
                raise cut_off(path)
            # absolute, or "http:x.mp4" would be an address
            self._container = av.open(os.path.abspath(path), metadata_errors="replace")
        try:
            self.stream = self._choose()
            self._decoder = self._make_decoder()
        except BaseException:
            self.close()
            raise

    @property
    def format(self) -> str:
        """FFmpeg's name of the file format, such as "mov,mp4,m4a,3gp,3g2,mj2"."""
        return self._container.format.name

    def _choose(self) -> Any:
        """The first video stream that moves: an attached picture is a cover."""
        streams = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise CaptureError(f"{self.path}: no video in it, only other streams; remove it")
        if streams[0].codec_context is None:
            raise CaptureError(f"{self.path}: its video codec can't be decoded here; convert it to H.264")
        width, height = streams[0].codec_context.width, streams[0].codec_context.height
        if width < 1 or height < 1:
            raise CaptureError(f"{self.path}: no frame size in its header; not a video that can be read")
        if is_enormous(width, height):
            raise CaptureError(
                f"{self.path}: frames of {width}x{height} are over {MAX_PIXELS // 10**6} megapixels "
                f"or {MAX_SIDE} pixels long; shrink the video"
            )
        return streams[0]

    def _make_decoder(self) -> Any:
        decoder = self.stream.codec_context
        if self.stream.metadata.get("alpha_mode") == "1" and decoder.name in ALPHA_DECODERS:
            with contextlib.suppress(ValueError):  # not in every build
                decoder = av.CodecContext.create(ALPHA_DECODERS[decoder.name], "r")
        decoder.thread_count = 1  # the loader's and prepare.py's processes share the cores already
        return decoder

    def packets(self) -> Iterator[Any]:
        """What is stored from here on, in the order of storage, without the empty ones."""
        with named_errors(self.path):
            for packet in self._container.demux(self.stream):
                if packet.size:
                    yield packet

    def frames(self) -> Iterator[Any]:
        """Decoded frames from here on, in the order of presentation; packets that can't be decoded are passed over."""
        for packet in self.packets():
            yield from self._decode(packet)
        yield from self._decode(None)

    def seek(self, time: int) -> bool:
        """Go to the last place at or before `time` (in the stream's unit) where decoding can start."""
        try:
            self._container.seek(time, stream=self.stream)
        except av.FFmpegError:
            return False
        self._decoder.flush_buffers()
        return True

    def close(self) -> None:
        self._container.close()

    def _decode(self, packet: Any) -> list[Any]:
        try:
            return self._decoder.decode(packet)
        except EOFError:
            return []
        except av.FFmpegError as error:
            self.damage = error.strerror or str(error)
            return []
