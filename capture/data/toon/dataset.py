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
from capture.data.sampling import ONE_PICTURE, IdentityPictures
from capture.data.styles.pairing import Styles, draw_crop, draw_styles
from capture.data.styles.style import PLAIN, Style
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.prefetch import RenderPrefetcher
from capture.data.toon.render_groups import (
    GROUPS_PER_BLOCK,
    PORTRAITS,
    SAMPLES_PER_RENDER_GROUP,
    SCENES,
    group_sample,
    other_scenes,
)
from capture.data.toon.rendering.camera import Crop, Shot
from capture.data.toon.rendering.render import render
from capture.data.toon.shots import FACING, LAST_SEED, draw_shot
from capture.data.toon.styles.bodies import draw_bodies, on_four_legs
from capture.data.toon.styles.drawing import render_styled
from capture.io.iuv import MAPS
from capture.io.roles import identity_roles

HELD_OUT_SEEDS = range(10000)  # characters of test sets, which training never renders
KEPT_GROUPS = 2 * GROUPS_PER_BLOCK  # render groups that are kept, because the samples of a block are shuffled
_ROLES = ("identity", "real", "pose", "target")
_STYLES, _CROPS, _OTHERS, _BODIES = 3, 4, 7, 8  # the last numbers of the seeds of what is drawn at random
SUFFIXES = {"rgb": "", "iuv": MAPS, "iuv_faces": MAPS}  # output of `render` -> what follows the role in a sample's key
OF_TARGET = {"alpha": TARGET_ALPHA, "ground": TARGET_GROUND}  # outputs that a sample has of its target alone


def _roles(identity_pictures: int) -> tuple[str, ...]:
    """The pictures of a sample."""
    return _ROLES + identity_roles(identity_pictures)[1:]


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
        device: where pictures are rendered, and are afterwards.
        on_device: render on the device that `use_device` names, in this process.
        uv: add the IUV map of each picture, `<name>_uv`.
        face_parts: the maps have eyes and mouths as parts of their own (capture.io.iuv.FACE_PARTS).
        characters: how many different characters there are; 0 for new ones without end.
        views: all (cameras all around), or front (cameras about the front, with a standard deviation of 28 degrees).
        share_renders: make many samples of a few renders (capture.data.toon.render_groups): fewer characters for the
            same number of samples, in a tenth of the time.
        samples_per_render_group: how many samples are made of the ten pictures of a render group, at most
            SAMPLES_PER_RENDER_GROUP.
        mixed_motions: the share of shots whose motion is a mixture of two clips.
        reach: the share of these whose head and arms are anywhere that they can reach.
        styles: off, or the variety of styles, few or many (capture.data.styles.style.KINDS). Identity, real and target
            then share a style, the pose has another one, and figures are anywhere in the frame.
        style_share: how many samples, or render groups, are drawn in styles; the others are plain.
        bodies: how many of the samples, or render groups, that are drawn in styles have unusual bodies
            (capture.data.toon.styles.bodies).
        identity_pictures: how many pictures of the identity there are. The further ones are A in other clips and views;
            of a render group, its other scenes.
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
        reach: float = 0.0,
        styles: str = "off",
        style_share: float = 1.0,
        bodies: float = 0.0,
        figures: bool = False,
        face_parts: bool = False,
        identity_pictures: IdentityPictures = ONE_PICTURE,
        on_device: bool = False,
    ) -> None:
        self.on_device = on_device
        self.identity_pictures = identity_pictures
        self.styles, self.style_share = styles, style_share if styles != "off" else 0.0
        self.bodies = bodies
        self.size, self.samples_per_epoch, self.seed, self.device = size, samples_per_epoch, seed, device
        self.map_kind = "iuv_faces" if face_parts else "iuv"
        self.outputs = ("rgb",) + (self.map_kind,) * uv + tuple(OF_TARGET) * figures
        self.share_renders, self.samples_per_render_group = share_renders, samples_per_render_group
        self.facing, self.motions = FACING[views], (mixed_motions, reach)
        first = HELD_OUT_SEEDS.stop
        self.seeds = range(first, first + max(characters, 2) if characters else LAST_SEED)
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

    def use_device(self, device: torch.device) -> bool:
        """With `on_device`: render there from now on."""
        if self.on_device:
            self.device = str(device)
        return self.on_device

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
            draw_shot(rng, character, self.clips, facing, *self.motions)
            for character, facing in zip((first, first, second), self.facing)
        )
        if self.styles != "off":
            rng = np.random.default_rng([self.seed, self.epoch, index, _STYLES])
            styles = draw_styles(rng, self.styles, self.style_share)
            if not _are_plain(styles):
                identity, real, pose = (_cropped(shot, rng) for shot in (identity, real, pose))
            identity, real, pose = self._with_bodies(index, styles, [identity, real, pose])[1]
        return identity, real, pose, pose.with_character(identity.character_seed)

    def describe(self, index: int) -> dict[str, str]:
        """The shot of each picture of sample `index`."""
        count = self.identity_pictures.count([index])
        return dict(zip(_roles(count), map(str, [*self.shots(index), *self.other_shots(index, count - 1)])))

    def other_shots(self, index: int, count: int) -> list[Shot]:
        """The shots of up to three further pictures of the identity of sample `index`."""
        if self.share_renders:
            sample = group_sample(self.seed, self.epoch, index, self.samples_per_render_group)
            own = self._group_shots(sample.group)[sample.character]
            return [own[scene] for scene in other_scenes(self.seed, self.epoch, index, sample)[:count]]
        character = self.shots(index)[0].character_seed
        rng = np.random.default_rng([self.seed, self.epoch, index, _OTHERS])
        styles = self._sample_styles(index)
        plain = _are_plain(styles)
        shots = []
        for _ in range(count):
            shot = draw_shot(rng, character, self.clips, self.facing[1], *self.motions)
            shots.append(shot if plain else _cropped(shot, rng))
        return self._with_bodies(index, styles, shots)[1]

    def _sample_styles(self, number: int) -> Styles:
        """The styles of a sample or of a render group, without what is said of bodies."""
        rng = np.random.default_rng([self.seed, self.epoch, number, _STYLES])
        return draw_styles(rng, self.styles, self.style_share)

    def _with_bodies(self, number: int, styles: Styles, shots: list[Shot]) -> tuple[Styles, list[Shot]]:
        """The styles and shots of a sample or of a render group, with unusual bodies by chance."""
        if not self.bodies:
            return styles, shots
        rng = np.random.default_rng([self.seed, self.epoch, number, _BODIES])
        styles, end = draw_bodies(rng, self.bodies, styles)
        return styles, on_four_legs(shots, end, rng) if end else shots

    def _two_characters(self, rng: np.random.Generator) -> tuple[int, int]:
        first, second = (int(seed) for seed in rng.integers(self.seeds.start, self.seeds.stop, 2))
        if first == second:
            second = self.seeds.start + (second + 1 - self.seeds.start) % len(self.seeds)
        return first, second

    def _new_samples(self, indices: Sequence[int]) -> Batch:
        roles, styles, shots = _roles(self.identity_pictures.count(indices)), [], []
        more = len(roles) - len(_ROLES)
        for index in indices:
            own, other = self._with_bodies(index, self._sample_styles(index), [])[0]
            styles += [own, own, other, own, *[own] * more]  # in the order of the roles
            shots += [*self.shots(index), *self.other_shots(index, more)]
        renders = self._render(shots, len(roles), styles)
        return {
            key: value[:, k].contiguous()
            for name, value in renders.items()
            for key, k in self._keys(name, roles).items()
        }

    def _shared_samples(self, indices: Sequence[int]) -> Batch:
        roles = _roles(self.identity_pictures.count(indices))
        samples = []  # the pictures of a sample's group, and (character, scene) of each of its pictures
        for index in indices:
            sample = group_sample(self.seed, self.epoch, index, self.samples_per_render_group)
            own, other = sample.character, 1 - sample.character
            places = [(own, sample.identity), (own, sample.real), (other, sample.pose), (own, sample.pose)]
            places += [(own, scene) for scene in other_scenes(self.seed, self.epoch, index, sample)]
            samples.append((self._group(sample.group), places))
        return {
            key: torch.stack([renders[name][places[k]] for renders, places in samples])
            for name in self.outputs
            for key, k in self._keys(name, roles).items()
        }

    @staticmethod
    def _keys(output: str, roles: Sequence[str]) -> dict[str, int]:
        """The keys of a sample that hold an output of `render`, and of which of the roles each is."""
        if output in OF_TARGET:
            return {OF_TARGET[output]: roles.index("target")}
        return {role + SUFFIXES[output]: k for k, role in enumerate(roles)}

    def _render(self, shots: Sequence[Shot], together: int, styles: Sequence[Style]) -> dict[str, Tensor]:
        """Pictures by output, (len(shots) / together, together, 3, S, S)."""
        if _are_plain(styles):
            renders = render(shots, self.size, self.device, self.outputs)
        else:
            made = render_styled(shots, self.size, styles, self.device, self.map_kind)
            renders = {name: made[name] for name in self.outputs}
        return {name: value.unflatten(0, (-1, together)) for name, value in renders.items()}

    def _group_shots(self, group: int) -> tuple[list[Shot], list[Shot]]:
        """The shots of the two characters of a render group."""
        rng = np.random.default_rng([self.seed, self.epoch, group, 1])
        first, second = self._two_characters(rng)
        facing = [self.facing[0] if k < PORTRAITS else self.facing[2] for k in range(SCENES)]
        shots = [draw_shot(rng, first, self.clips, share, *self.motions) for share in facing]
        styles = self._sample_styles(group)
        if not _are_plain(styles):
            rng = np.random.default_rng([self.seed, self.epoch, group, _CROPS])
            shots = [_cropped(shot, rng) for shot in shots]
        others = [shot.with_character(second) for shot in shots]
        return self._with_bodies(group, styles, shots)[1], self._with_bodies(group, styles, others)[1]

    def _render_group(self, group: int) -> dict[str, Tensor]:
        """All pictures of a render group, by output: (2, SCENES, 3, S, S)."""
        (first, second), (own, other) = self._group_shots(group), self._group_styles(group)
        return self._render([*first, *second], SCENES, [own] * SCENES + [other] * SCENES)

    def _group_styles(self, group: int) -> Styles:
        """The styles of the two characters of a render group: whoever's identity it is, the other one is the pose."""
        return self._with_bodies(group, self._sample_styles(group), [])[0]

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
