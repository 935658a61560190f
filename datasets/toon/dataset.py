"""Training straight from the renderer: new characters for ever, nothing on disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from capture.errors import CaptureError

from .camera import Shot, View
from .motions import CLIPS
from .render import render

HELD_OUT_SEEDS = range(10000)  # characters of test sets: training never draws them
_LAST_SEED = 2**31 - 1
_ROLES = ("identity", "real", "pose", "target")


def draw_view(rng: np.random.Generator, facing: float = 0.4) -> View:
    """A camera: towards the front with probability `facing`, else from anywhere around."""
    azimuth = rng.normal(0, 28) if rng.random() < facing else rng.uniform(-180, 180)
    return View(float(azimuth), float(rng.uniform(-2, 13)), float(rng.uniform(0, 0.22)))


def draw_shot(rng: np.random.Generator, character: int, clips: Sequence[str], facing: float) -> Shot:
    """A character in one of `clips`, in any style, at any time, seen as draw_view sees it."""
    clip = clips[int(rng.integers(len(clips)))]
    return Shot(character, clip, int(rng.integers(_LAST_SEED)), float(rng.random()), draw_view(rng, facing))


class ToonStream(Dataset):
    """Samples {identity, real, pose, target} of characters that were never seen before.

    identity: character A; real: A in another clip and view; pose: character B in a third; target: A in B's shot.
    Each is a uint8 tensor (3, S, S); `has_target` is a true boolean tensor. With `uv`, `<name>_uv` holds the IUV map of
    each, uint8 (3, S, S). Sample i of epoch e depends on (seed, e, i) alone, so workers and batches do not matter.

    Args:
        size: side of the pictures in pixels.
        samples_per_epoch: what `len` says.
        seed: of everything.
        clips: names to draw from; all of CLIPS by default.
        device: where pictures are drawn (they are returned on the CPU).
        uv: add the IUV maps.
    """

    def __init__(
        self,
        size: int,
        samples_per_epoch: int = 4000,
        seed: int = 777,
        clips: Sequence[str] | None = None,
        device: str = "cpu",
        uv: bool = False,
    ) -> None:
        self.size, self.samples_per_epoch, self.seed, self.device, self.uv = size, samples_per_epoch, seed, device, uv
        self.clips = tuple(clips) if clips is not None else CLIPS
        unknown = [name for name in self.clips if name not in CLIPS]
        if unknown or not self.clips:
            raise CaptureError(f"ToonStream: no clip {unknown[0] if unknown else ''!r}; choose from {', '.join(CLIPS)}")
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose samples are drawn next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.samples_per_epoch

    def shots(self, index: int) -> tuple[Shot, Shot, Shot, Shot]:
        """The four shots of sample `index` (any: the supply has no end) of this epoch: identity, real, pose, target."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        first, second = (int(s) for s in rng.integers(HELD_OUT_SEEDS.stop, _LAST_SEED, 2))
        drawn = ((first, 0.75), (first, 0.4), (second, 0.4))
        identity, real, pose = (draw_shot(rng, character, self.clips, facing) for character, facing in drawn)
        return identity, real, pose, pose.of(first)

    def describe(self, index: int) -> dict[str, str]:
        """What is drawn for sample `index`, by role."""
        return dict(zip(_ROLES, map(str, self.shots(index))))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """A whole batch in one rendering; torch's DataLoader calls this."""
        shots = [shot for index in indices for shot in self.shots(index)]
        drawn = render(shots, self.size, self.device, ("rgb", "iuv") if self.uv else ("rgb",))
        images = {name: value.cpu().unflatten(0, (-1, 4)) for name, value in drawn.items()}
        samples = []
        for row in range(len(indices)):
            sample = {role: images["rgb"][row, k] for k, role in enumerate(_ROLES)}
            if self.uv:
                sample |= {f"{role}_uv": images["iuv"][row, k] for k, role in enumerate(_ROLES)}
            samples.append(sample | {"has_target": torch.tensor(True)})
        return samples
