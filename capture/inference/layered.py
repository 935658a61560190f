"""Characters through any number of poses, in layers: of one or several pictures each, smoothed over time or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.stages import batched
from capture.inference.smoothing import smooth
from capture.inference.transfer import PoseTransfer
from capture.io.images import normalise
from capture.methods.base import Features
from capture.methods.layers import Layers


def check_layered(transfer: PoseTransfer, what: str) -> None:
    """CaptureError, naming the option `what`, where the method does not say where its pixels come from."""
    if not transfer.generator.layered:
        raise CaptureError(
            f"{what}: the method of {transfer.source}, as it is loaded, does not say where its pixels come from; leave "
            f"{what} out, or render with torch and weights of capture_parts, such as result/Toon"
        )


def drive_layers(
    transfer: PoseTransfer,
    identities: Sequence[Sequence[Tensor]],
    poses: Iterable[Tensor],
    batch_size: int = 8,
    noise: Tensor | None = None,
    smoothing: int = 0,
    starts: Sequence[int] = (),
) -> Iterator[list[Layers]]:
    """A few characters through any number of poses; each picture is encoded once.

    Args:
        identities: the pictures of each character, uint8 (3, S, S) each.
        poses: uint8 (3, S, S) each, read only as they are needed.
        noise: see PoseTransfer.transfer.
        smoothing: frames on either side over which motions are averaged; the poses are then a video's, in order.
        starts: poses at which another sequence begins; motions are not averaged across.
    Yields:
        for each pose the layers of each character, (1, ...) on the CPU.
    """
    known = [[transfer.encode_identity(normalise(one[None]), noise) for one in pictures] for pictures in identities]
    waiting: list[Features] = []  # poses whose motions are known and whose pictures are not made yet

    def motions() -> Iterator[Features]:
        for batch in batched(poses, batch_size):
            pose = transfer.encode_pose(normalise(torch.stack(batch)))
            moved: Features = {}
            for k, pictures in enumerate(known):
                moved |= {(k, name): value for name, value in transfer.estimate_motion(pictures, pose).items()}
            for i in range(len(batch)):
                waiting.append(_frame(pose, i))
                yield _frame(moved, i)

    for batch in batched(smooth(motions(), smoothing, starts=starts), batch_size):
        pose, motion = _together(waiting[: len(batch)]), _together(batch)
        del waiting[: len(batch)]
        made = []
        for k, pictures in enumerate(known):
            own = {name[1]: value for name, value in motion.items() if name[0] == k}
            made.append(transfer.decode_layers(pictures, pose, own, noise))
        for i in range(len(batch)):
            yield [layers.at(i) for layers in made]


def _frame(features: Features, i: int) -> Features:
    return {name: value[i : i + 1] for name, value in features.items()}


def _together(frames: Sequence[Features]) -> Features:
    """Features (1, ...) of several frames as those of a batch."""
    return {name: torch.cat([frame[name] for frame in frames]) for name in frames[0]}
