"""Training samples straight from the renderer: new characters without end, and nothing on the disk."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.data.sample_source import TARGET_ALPHA, TARGET_GROUND, Batch, SampleSource
from capture.data.styles.pairing import Styles, draw_crop, draw_styles
from capture.data.styles.style import PLAIN, Style
from capture.data.toon.motion.mixed_motions import JOIN
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.prefetch import RenderPrefetcher
from capture.data.toon.render_groups import (
    GROUPS_PER_BLOCK,
    PORTRAITS,
    SAMPLES_PER_RENDER_GROUP,
    SCENES,
    group_sample,
)
from capture.data.toon.rendering.camera import Crop, Shot, View
from capture.data.toon.rendering.render import render
from capture.data.toon.styles.drawing import render_styled
from capture.io.iuv import MAPS

HELD_OUT_SEEDS = range(10000)  # characters of test sets, which training never renders
_LAST_SEED = 2**31 - 1
KEPT_GROUPS = 2 * GROUPS_PER_BLOCK  # render groups that are kept, because the samples of a block are shuffled
_ROLES = ("identity", "real", "pose", "target")
_STYLES, _CROPS = 3, 4  # the last numbers of the seeds of styles and crops
SUFFIXES = {"rgb": "", "iuv": MAPS}  # output of `render` -> what follows the role in a sample's key
OF_TARGET = {"alpha": TARGET_ALPHA, "ground": TARGET_GROUND}  # outputs that a sample has of its target alone

FACING = {  # how often (identity, real, pose) are seen from about the front
    "all": (0.75, 0.4, 0.4),
    "front": (1.0, 1.0, 1.0),
}
FACING_TEST = {"all": (0.9, 0.5), "front": (1.0, 1.0)}  # the same of (identity, pose) of held-out pairs


def draw_view(rng: np.random.Generator, facing: float = 0.4) -> View:
    """A random camera: near the front with probability `facing`, otherwise anywhere around the character."""
    azimuth = rng.normal(0, 28) if rng.random() < facing else rng.uniform(-180, 180)
    return View(float(azimuth), float(rng.uniform(-2, 13)), float(rng.uniform(0, 0.22)))


def draw_shot(
    rng: np.random.Generator, character: int, clips: Sequence[str], facing: float, mixed_motions: float = 0.0
) -> Shot:
    """A random shot of a character: one of `clips`, in a random style, at a random time, from a random camera.

    Args:
        facing: see draw_view.
        mixed_motions: probability that the motion is a mixture of two clips (capture.data.toon.motion.mixed_motions).
    """
    clip, style = clips[int(rng.integers(len(clips)))], int(rng.integers(_LAST_SEED))
    time, view = float(rng.random()), draw_view(rng, facing)
    if mixed_motions and rng.random() < mixed_motions:
        clip += JOIN + clips[int(rng.integers(len(clips)))]
    return Shot(character, clip, style, time, view)


def _are_plain(styles: Sequence[Style]) -> bool:
    return all(style == PLAIN for style in styles)


def _cropped(shot: Shot, rng: np.random.Generator) -> Shot:
    return replace(shot, view=replace(shot.view, crop=Crop(*draw_crop(rng))))


class ToonStream(SampleSource):
    """Samples {identity, real, pose, target} of characters that were never seen before.

    `identity` is a character A. `real` is A in another clip and view. `pose` is a character B in a third clip and view.
    `target` is A in B's shot, so `has_target` is always true. Sample i of epoch e depends on (seed, e, i) alone:
    worker processes and the size of batches change nothing.

    Args:
        size: side S of the pictures in pixels.
        samples_per_epoch: the value of `len`.
        seed: decides everything that is random.
        clips: names of the clips to draw from; None for all of CLIPS.
        device: where pictures are rendered; they are returned on the CPU.
        uv: add the IUV map of each picture, `<name>_uv`.
        characters: how many different characters there are; 0 for new ones without end.
        views: all (cameras all around), or front (cameras about the front, with a standard deviation of 28 degrees).
        share_renders: make many samples of a few renders (capture.data.toon.render_groups): fewer characters for the
            same number of samples, in a tenth of the time.
        samples_per_render_group: how many samples are made of the ten pictures of a render group, at most
            SAMPLES_PER_RENDER_GROUP.
        mixed_motions: the share of shots whose motion is a mixture of two clips.
        styles: off, or the variety of styles, few or many (capture.data.styles.style.KINDS). Identity, real and target
            then share a style, the pose has another one, and figures are anywhere in the frame.
        style_share: how many samples, or render groups, are drawn in styles; the others are plain.
        figures: add `target_alpha`, (B, 1, S, S), how much of the target's pixels its figure covers, and
            `target_ground`, (B, 3, S, S), what is behind it.
    Raises:
        CaptureError: a name in `clips` is no clip, or there is none.
    """

    def __init__(
        self,
        size: int,
        samples_per_epoch: int = 4000,
        seed: int = 777,
        clips: Sequence[str] | None = None,
        device: str = "cpu",
        uv: bool = False,
        characters: int = 0,
        views: str = "all",
        share_renders: bool = False,
        samples_per_render_group: int = SAMPLES_PER_RENDER_GROUP,
        mixed_motions: float = 0.0,
        styles: str = "off",
        style_share: float = 1.0,
        figures: bool = False,
    ) -> None:
        self.styles, self.style_share = styles, style_share if styles != "off" else 0.0
        self.size, self.samples_per_epoch, self.seed, self.device = size, samples_per_epoch, seed, device
        self.outputs = ("rgb",) + ("iuv",) * uv + tuple(OF_TARGET) * figures
        self.share_renders, self.samples_per_render_group = share_renders, samples_per_render_group
        self.facing, self.mixed_motions = FACING[views], mixed_motions
        first = HELD_OUT_SEEDS.stop
        self.seeds = range(first, first + max(characters, 2) if characters else _LAST_SEED)
        self._rendered: OrderedDict[tuple[int, int], dict[str, Tensor]] = OrderedDict()  # (epoch, group) -> pictures
        self._prefetcher: RenderPrefetcher | None = None
        self.clips = tuple(clips) if clips is not None else CLIPS
        unknown = [name for name in self.clips if name not in CLIPS]
        if unknown or not self.clips:
            raise CaptureError(f"ToonStream: no clip {unknown[0] if unknown else ''!r}; choose from {', '.join(CLIPS)}")
        self.epoch = 0

    def __len__(self) -> int:
        return self.samples_per_epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose samples come next."""
        self.epoch = epoch
        if self._prefetcher:
            processes, self._prefetcher = self._prefetcher.processes, None
            self.prepare(processes)

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Where renders are shared, have `processes` processes render ahead; whether they do."""
        if self.share_renders and processes and self._prefetcher is None:
            self._prefetcher = RenderPrefetcher(copy.copy(self)._render_group, processes, KEPT_GROUPS)
        return self._prefetcher is not None

    def batch(self, indices: Sequence[int]) -> Batch:
        """Samples as uint8 (B, 3, S, S); `has_target` (B,). All that isn't shared is rendered in one go."""
        samples = self._shared_samples(indices) if self.share_renders else self._new_samples(indices)
        return samples | {"has_target": torch.ones(len(indices), dtype=torch.bool)}

    def shots(self, index: int) -> tuple[Shot, Shot, Shot, Shot]:
        """The shots of identity, real, pose and target of sample `index`, which may be any number, of this epoch."""
        if self.share_renders:
            sample = group_sample(self.seed, self.epoch, index, self.samples_per_render_group)
            scenes = self._group_shots(sample.group)
            own, other = scenes[sample.character], scenes[1 - sample.character]
            return own[sample.identity], own[sample.real], other[sample.pose], own[sample.pose]
        rng = np.random.default_rng([self.seed, self.epoch, index])
        first, second = self._two_characters(rng)
        identity, real, pose = (
            draw_shot(rng, character, self.clips, facing, self.mixed_motions)
            for character, facing in zip((first, first, second), self.facing)
        )
        if self.styles != "off":
            rng = np.random.default_rng([self.seed, self.epoch, index, _STYLES])
            if not _are_plain(draw_styles(rng, self.styles, self.style_share)):
                identity, real, pose = (_cropped(shot, rng) for shot in (identity, real, pose))
        return identity, real, pose, pose.with_character(first)

    def describe(self, index: int) -> dict[str, str]:
        """The shot of each picture of sample `index`."""
        return dict(zip(_ROLES, map(str, self.shots(index))))

    def _two_characters(self, rng: np.random.Generator) -> tuple[int, int]:
        first, second = (int(seed) for seed in rng.integers(self.seeds.start, self.seeds.stop, 2))
        if first == second:
            second = self.seeds.start + (second + 1 - self.seeds.start) % len(self.seeds)
        return first, second

    def _new_samples(self, indices: Sequence[int]) -> Batch:
        styles = []
        for index in indices:
            rng = np.random.default_rng([self.seed, self.epoch, index, _STYLES])
            own, other = draw_styles(rng, self.styles, self.style_share)
            styles += [own, own, other, own]  # in the order of _ROLES
        renders = self._render([shot for index in indices for shot in self.shots(index)], len(_ROLES), styles)
        return {key: value[:, k].contiguous() for name, value in renders.items() for key, k in self._keys(name).items()}

    def _shared_samples(self, indices: Sequence[int]) -> Batch:
        samples = []  # the pictures of a sample's group, and (character, scene) of its four pictures
        for index in indices:
            sample = group_sample(self.seed, self.epoch, index, self.samples_per_render_group)
            own, other = sample.character, 1 - sample.character
            places = [(own, sample.identity), (own, sample.real), (other, sample.pose), (own, sample.pose)]
            samples.append((self._group(sample.group), places))
        return {
            key: torch.stack([renders[name][places[k]] for renders, places in samples])
            for name in self.outputs
            for key, k in self._keys(name).items()
        }

    @staticmethod
    def _keys(output: str) -> dict[str, int]:
        """The keys of a sample that hold an output of `render`, and of which of the _ROLES each is."""
        if output in OF_TARGET:
            return {OF_TARGET[output]: _ROLES.index("target")}
        return {role + SUFFIXES[output]: k for k, role in enumerate(_ROLES)}

    def _render(self, shots: Sequence[Shot], together: int, styles: Sequence[Style]) -> dict[str, Tensor]:
        """Pictures by output, (len(shots) / together, together, 3, S, S)."""
        if _are_plain(styles):
            renders = render(shots, self.size, self.device, self.outputs)
        else:
            made = render_styled(shots, self.size, styles, self.device)
            renders = {name: made[name] for name in self.outputs}
        return {name: value.cpu().unflatten(0, (-1, together)) for name, value in renders.items()}

    def _group_shots(self, group: int) -> tuple[list[Shot], list[Shot]]:
        """The shots of the two characters of a render group."""
        rng = np.random.default_rng([self.seed, self.epoch, group, 1])
        first, second = self._two_characters(rng)
        facing = [self.facing[0] if k < PORTRAITS else self.facing[2] for k in range(SCENES)]
        shots = [draw_shot(rng, first, self.clips, share, self.mixed_motions) for share in facing]
        if not _are_plain(self._group_styles(group)):
            rng = np.random.default_rng([self.seed, self.epoch, group, _CROPS])
            shots = [_cropped(shot, rng) for shot in shots]
        return shots, [shot.with_character(second) for shot in shots]

    def _render_group(self, group: int) -> dict[str, Tensor]:
        """All pictures of a render group, by output: (2, SCENES, 3, S, S)."""
        (first, second), (own, other) = self._group_shots(group), self._group_styles(group)
        return self._render([*first, *second], SCENES, [own] * SCENES + [other] * SCENES)

    def _group_styles(self, group: int) -> Styles:
        """The styles of the two characters of a render group: whoever's identity it is, the other one is the pose."""
        rng = np.random.default_rng([self.seed, self.epoch, group, _STYLES])
        return draw_styles(rng, self.styles, self.style_share)

    def _group(self, group: int) -> dict[str, Tensor]:
        """The pictures of a render group: prefetched, kept, or rendered now."""
        if self._prefetcher:
            return self._prefetcher(group)
        key = self.epoch, group
        if key not in self._rendered:
            self._rendered[key] = self._render_group(group)
            while len(self._rendered) > KEPT_GROUPS:
                self._rendered.popitem(last=False)
        return self._rendered[key]
