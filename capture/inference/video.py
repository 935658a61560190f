"""A video's poses through a PoseTransfer into videos: each character does what the video shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from capture.common.files import atomic_file, cannot_write
from capture.common.threads import available_cores
from capture.inference.pictures import listed_pictures, output_folders
from capture.inference.transfer import PoseTransfer
from capture.io.images import grid, image_to_tensor, load_image, to_square
from capture.io.video import VideoReader

OUTPUT, TRIPLE = "output.mp4", "iden_pose_output.mp4"
TOGETHER = 8  # characters that go through a video at once; each has two encoders open
MOST_THREADS = 4  # of one encoder
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
        batch_size: frames rendered at a time.  relative: see PoseTransfer.drive.
    Raises:
        CaptureError: an input that can't be read, or a place that can't be written.
    """
    identities = listed_pictures(identity)
    folders = output_folders(identities, [pose], save_dir, single=identity.is_file())
    shown = [load_image(path, transfer.size) for path in identities]
    noise = transfer.sample_noise(1, noise_scale, seed) if noise_scale else None
    outputs = list(folders.values())
    for first in range(0, len(identities), TOGETHER):  # the video is read again for each group of characters
        some = slice(first, first + TOGETHER)
        _render_together(transfer, torch.stack(shown[some]), pose, outputs[some], noise, batch_size, relative)
    return [folder / OUTPUT for folder in outputs]


def _render_together(
    transfer: PoseTransfer,
    shown: Tensor,
    pose: Path,
    folders: list[Path],
    noise: Tensor | None,
    batch_size: int,
    relative: bool,
) -> None:
    """Render characters, uint8 (N, 3, S, S), in every frame of the video into one folder each, frame by frame."""
    threads = encoder_threads(2 * len(folders))
    with VideoReader(pose) as reader, contextlib.ExitStack() as stack:
        waiting: list[Tensor] = []  # frames that were given to the network and have not come back

        def frames() -> Iterator[Tensor]:
            for i in range(len(reader)):
                waiting.append(image_to_tensor(to_square(reader.read(i), transfer.size)))
                yield waiting[-1]

        def writer(path: Path, pictures: int) -> Callable[[Tensor], None]:
            size = (transfer.size * pictures, transfer.size)
            return stack.enter_context(video_file(path, reader.rate, *size, threads))

        count = len(reader)
        writers = [(writer(folder / OUTPUT, 1), writer(folder / TRIPLE, 3)) for folder in folders]
        driven = transfer.drive(shown, frames(), batch_size, noise, relative)
        for outputs in tqdm(driven, total=count, desc="frames", unit="frame"):
            posed = waiting.pop(0)
            for (write, write_triple), who, output in zip(writers, shown, outputs):
                write(output)
                write_triple(grid([who[None], posed[None], output[None]], gap=0))


def encoder_threads(encoders: int) -> int:
    """Threads for each of some encoders that work at once: no more than there are cores, all together, but 1 each."""
    return max(1, min(MOST_THREADS, available_cores() // encoders))


@contextlib.contextmanager
def video_file(
    path: Path, rate: Fraction, width: int, height: int, threads: int = 1
) -> Iterator[Callable[[Tensor], None]]:
    """An H.264 video, there when it is whole: what to call with each frame, uint8 (3, height, width), both even."""
    with atomic_file(path) as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.options = width, height, "yuv420p", {"crf": _QUALITY}
        stream.codec_context.thread_count = threads  # FFmpeg's own choice is one and a half for each core

        def write(picture: Tensor | None) -> None:
            frame = None if picture is None else av.VideoFrame.from_ndarray(_channels_last(picture), format="rgb24")
            try:
                container.mux(stream.encode(frame))
            except (av.FFmpegError, OSError) as error:
                raise cannot_write(path, OSError(error.errno, error.strerror)) from None

        yield write
        write(None)  # what the encoder still holds


def _channels_last(picture: Tensor) -> np.ndarray:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
