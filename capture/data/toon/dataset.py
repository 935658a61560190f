"""Training straight from the renderer: new characters for ever, nothing on disk."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from capture.common.errors import CaptureError
from capture.data.toon.motion.mixed_motions import JOIN
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.prefetch import DrawnAhead
from capture.data.toon.render_groups import BLOCK, PER_TROUPE, PORTRAITS, SCENES, casting
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.methods.capture_parts.attention_loss import MAPS

HELD_OUT_SEEDS = range(10000)  # characters of test sets: training never draws them
_LAST_SEED = 2**31 - 1
KEPT = 2 * BLOCK  # troupes whose drawings are kept: samples of one block are shuffled
_ROLES = ("identity", "real", "pose", "target")
_ENDS = {"rgb": "", "iuv": MAPS}  # how a picture and its map are named in a sample, after the role


FACING = {  # how often (identity, real, pose) are seen from about the front
    "all": (0.75, 0.4, 0.4),
    "front": (1.0, 1.0, 1.0),
}
FACING_TEST = {"all": (0.9, 0.5), "front": (1.0, 1.0)}  # (identity, pose) of held-out pairs


def draw_view(rng: np.random.Generator, facing: float = 0.4) -> View:
    """A camera: towards the front with probability `facing`, else from anywhere around."""
    azimuth = rng.normal(0, 28) if rng.random() < facing else rng.uniform(-180, 180)
    return View(float(azimuth), float(rng.uniform(-2, 13)), float(rng.uniform(0, 0.22)))


def draw_shot(
    rng: np.random.Generator, character: int, clips: Sequence[str], facing: float, improvised: float = 0.0
) -> Shot:
    """A character in one of `clips`, in any style, at any time, seen as draw_view sees it; or, in a share `improvised`
    of all shots, in a motion that two of them are joined to."""
    clip, style = clips[int(rng.integers(len(clips)))], int(rng.integers(_LAST_SEED))
    time, view = float(rng.random()), draw_view(rng, facing)
    if improvised and rng.random() < improvised:
        clip += JOIN + clips[int(rng.integers(len(clips)))]
    return Shot(character, clip, style, time, view)


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
        characters: how many there are; 0: new ones without end.
        views: all (around), or front: cameras about 28 degrees (standard deviation) from it.
        reuse: make many samples of a few drawings (see render_groups): fewer characters for the same number of
            samples, in a tenth of the time.
        reuse_samples: how many of PER_TROUPE that ten drawings make.
        improvised: share of the shots whose motion is made of two of `clips` (capture.data.toon.motion.mixed_motions).
    """

    def __init__(
        self,
        size: int,
        samples_per_epoch: int = 4000,
        seed: int = 777,
        clips: Sequence[str] | None = None,
        device: str = "cpu",
        uv: bool = False,
        reuse: bool = False,
        views: str = "all",
        characters: int = 0,
        improvised: float = 0.0,
        reuse_samples: int = PER_TROUPE,
    ) -> None:
        self.size, self.samples_per_epoch, self.seed, self.device = size, samples_per_epoch, seed, device
        self.outputs = ("rgb", "iuv") if uv else ("rgb",)
        self.reuse, self.reuse_samples = reuse, reuse_samples
        self.facing, self.improvised = FACING[views], improvised
        first = HELD_OUT_SEEDS.stop
        self.seeds = range(first, first + max(characters, 2) if characters else _LAST_SEED)
        self._drawn: OrderedDict[tuple[int, int], dict[str, Tensor]] = OrderedDict()  # (epoch, troupe) -> pictures
        self._ahead: DrawnAhead | None = None
        self.clips = tuple(clips) if clips is not None else CLIPS
        unknown = [name for name in self.clips if name not in CLIPS]
        if unknown or not self.clips:
            raise CaptureError(f"ToonStream: no clip {unknown[0] if unknown else ''!r}; choose from {', '.join(CLIPS)}")
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose samples are drawn next."""
        self.epoch = epoch
        if self._ahead:
            processes, self._ahead = self._ahead.processes, None
            self.prepare(processes)

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Where drawings are used again, have so many processes draw ahead; whether that is so."""
        if self.reuse and processes and self._ahead is None:
            self._ahead = DrawnAhead(copy.copy(self)._troupe, processes, KEPT)
        return self._ahead is not None

    def batch(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Samples as uint8 (B, 3, S, S); `has_target` (B)."""
        if not self.reuse:
            return default_collate(self.__getitems__(indices))
        cast = [self._cast(index) for index in indices]
        return {
            role + end: torch.stack([drawn[output][places[k]] for drawn, places in cast])
            for k, role in enumerate(_ROLES)
            for output, end in _ENDS.items()
            if output in self.outputs
        } | {"has_target": torch.ones(len(cast), dtype=torch.bool)}

    def __len__(self) -> int:
        return self.samples_per_epoch

    def shots(self, index: int) -> tuple[Shot, Shot, Shot, Shot]:
        """The four shots of sample `index` (any: the supply has no end) of this epoch: identity, real, pose, target."""
        if self.reuse:
            part = casting(self.seed, self.epoch, index, self.reuse_samples)
            both = self._scenes(part.troupe)
            mine, other = both[part.who], both[1 - part.who]
            return mine[part.identity], mine[part.real], other[part.pose], mine[part.pose]
        rng = np.random.default_rng([self.seed, self.epoch, index])
        first, second = self._two_characters(rng)
        drawn = zip((first, first, second), self.facing)
        identity, real, pose = (
            draw_shot(rng, character, self.clips, facing, self.improvised) for character, facing in drawn
        )
        return identity, real, pose, pose.of(first)

    def _two_characters(self, rng: np.random.Generator) -> tuple[int, int]:
        first, second = (int(seed) for seed in rng.integers(self.seeds.start, self.seeds.stop, 2))
        if first == second:
            second = self.seeds.start + (second + 1 - self.seeds.start) % len(self.seeds)
        return first, second

    def describe(self, index: int) -> dict[str, str]:
        """What is drawn for sample `index`, by role."""
        return dict(zip(_ROLES, map(str, self.shots(index))))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """A whole batch in one rendering; torch's DataLoader calls this."""
        if self.reuse:
            batch = self.batch(indices)
            return [{name: value[row] for name, value in batch.items()} for row in range(len(indices))]
        images = self._draw([shot for index in indices for shot in self.shots(index)], 4)
        return [self._sample({name: value[row] for name, value in images.items()}) for row in range(len(indices))]

    def _draw(self, shots: Sequence[Shot], together: int) -> dict[str, Tensor]:
        """Pictures by output, (len(shots) / together, together, 3, S, S)."""
        drawn = render(shots, self.size, self.device, self.outputs)
        return {name: value.cpu().unflatten(0, (-1, together)) for name, value in drawn.items()}

    def _sample(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """A sample from its four pictures (4, 3, S, S) by output."""
        sample = {role + _ENDS[name]: value[k] for name, value in images.items() for k, role in enumerate(_ROLES)}
        return sample | {"has_target": torch.tensor(True)}

    def _scenes(self, troupe: int) -> tuple[list[Shot], list[Shot]]:
        """The shots of a troupe's two characters."""
        rng = np.random.default_rng([self.seed, self.epoch, troupe, 1])
        first, second = self._two_characters(rng)
        facing = [self.facing[0] if k < PORTRAITS else self.facing[2] for k in range(SCENES)]
        shots = [draw_shot(rng, first, self.clips, share, self.improvised) for share in facing]
        return shots, [shot.of(second) for shot in shots]

    def _cast(self, index: int) -> tuple[dict[str, Tensor], list[tuple[int, int]]]:
        """A sample's troupe, drawn when first it is asked for, and which four of its pictures: (whose, scene) each."""
        part = casting(self.seed, self.epoch, index, self.reuse_samples)
        drawn = self._ahead(part.troupe) if self._ahead else self._remembered(part.troupe)
        mine, other = part.who, 1 - part.who
        return drawn, [(mine, part.identity), (mine, part.real), (other, part.pose), (mine, part.pose)]

    def _troupe(self, troupe: int) -> dict[str, Tensor]:
        """All pictures of a troupe, by output: (2, SCENES, 3, S, S)."""
        first, second = self._scenes(troupe)
        return self._draw([*first, *second], SCENES)

    def _remembered(self, troupe: int) -> dict[str, Tensor]:
        key = self.epoch, troupe
        if key not in self._drawn:
            self._drawn[key] = self._troupe(troupe)
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        return self._drawn[key]
