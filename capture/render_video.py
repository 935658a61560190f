"""A video's poses through a PoseTransfer into videos: each character does what the video shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from capture.errors import CaptureError
from capture.files import atomic_file, cannot_write
from capture.images import grid, image_to_tensor, load_image, to_square
from capture.render import listed_pictures
from capture.transfer import PoseTransfer
from datasets.video import VideoReader

OUTPUT, TRIPLE = "output.mp4", "iden_pose_output.mp4"
_QUALITY = "16"  # of x264's scale, on which 18 can hardly be told from the original


def render_video(
    transfer: PoseTransfer,
    identity: Path,
    pose: Path,
    save_dir: Path,
    noise_scale: float = 0.0,
    seed: int = 0,
    batch_size: int = 8,
    relative: bool = False,
) -> list[Path]:
    """Render an identity picture, or each of a folder, in every frame of the video `pose`; returns the output.mp4s.

    One goes straight into `save_dir`; those of a folder go to <save_dir>/<identity>__<video>/. Beside each output.mp4,
    of side S, lies iden_pose_output.mp4. They have the video's average rate; its sound is left out. A file is there
    when it is whole.

    Args:
        noise_scale: of the noise drawn from `seed`, the same for every frame.
        batch_size: frames rendered at a time.  relative: see PoseTransfer.drive_relative.
    Raises:
        CaptureError: an input that can't be read, or a place that can't be written.
    """
    identities = listed_pictures(identity)
    if save_dir.exists() and not save_dir.is_dir():
        raise CaptureError(f"{save_dir}: a file; --save_dir names a folder")
    shown = torch.stack([load_image(path, transfer.size) for path in identities])
    noise = transfer.draw_noise(1, noise_scale, seed) if noise_scale else None
    single = identity.is_file()
    folders = [save_dir if single else save_dir / f"{path.stem}__{pose.stem}" for path in identities]
    if len(set(folders)) < len(folders):
        raise CaptureError(f"{identity}: two pictures of one name, whose videos would be written to one folder")
    with VideoReader(pose) as reader, contextlib.ExitStack() as stack:
        waiting: list[Tensor] = []  # frames that were given to the network and have not come back

        def frames() -> Iterator[Tensor]:
            for i in range(len(reader)):
                waiting.append(image_to_tensor(to_square(reader.read(i), transfer.size)))
                yield waiting[-1]

        count, rate = len(reader), reader.rate
        driven = (
            transfer.drive_relative(shown, frames(), batch_size)
            if relative
            else transfer.drive(shown, frames(), batch_size, noise)
        )
        writers = [
            [stack.enter_context(_Writer(folder / name, rate)) for name in (OUTPUT, TRIPLE)] for folder in folders
        ]
        for outputs in tqdm(driven, total=count, desc="frames", unit="frame"):
            posed = waiting.pop(0)
            for (alone, beside), who, output in zip(writers, shown, outputs):
                alone.add(output)
                beside.add(grid([who[None], posed[None], output[None]], gap=0))
    return [folder / OUTPUT for folder in folders]


class _Writer:
    """An H.264 video that is written frame by frame."""

    def __init__(self, path: Path, rate: Fraction):
        self.path, self.rate = path, rate
        self._stack = contextlib.ExitStack()
        self._stream: Any = None

    def __enter__(self) -> _Writer:
        file = self._stack.enter_context(atomic_file(self.path))
        self._container = self._stack.enter_context(av.open(file, "w", format="mp4"))
        return self

    def add(self, picture: Tensor) -> None:
        """uint8 (3, H, W) of even sides; all the same."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()), format="rgb24")
        with self._one_line():
            if self._stream is None:
                self._stream = self._container.add_stream("libx264", rate=self.rate)
                self._stream.height, self._stream.width = picture.shape[1:]
                self._stream.pix_fmt, self._stream.options = "yuv420p", {"crf": _QUALITY}
            self._container.mux(self._stream.encode(frame))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            try:
                with self._one_line():
                    self._container.mux(self._stream.encode(None))
                    self._container.close()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._stack.__exit__(kind, error, trace)

    @contextlib.contextmanager
    def _one_line(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise cannot_write(self.path, OSError(error.errno, error.strerror)) from None
