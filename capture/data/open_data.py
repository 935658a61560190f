"""Opening the data of a run: folders of frames, the built-in toon characters, or several of them in turn."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.data.frames import FrameDataset, held_out_pairs, load_pairs
from capture.data.index.catalog import scan
from capture.data.mixed import Mixed
from capture.data.packed.contents import is_address, is_packed
from capture.data.sample_source import TARGET_ALPHA, SampleSource
from capture.data.sampling import IdentityPictures
from capture.data.styles.source import StyledSource
from capture.io.iuv import MAPS

logger = logging.getLogger("capture")

TOON = "toon"  # this dataset_path stands for characters that are rendered while training
SEPARATOR = " + "  # between the datasets of a dataset_path that names several
# what decides how toon's characters move and look, and does nothing without them
DRAWN = ("toon_mixed_motions", "toon_reach", "toon_bodies", "toon_styles", "toon_face_parts", "toon_on_device")


class Extras(NamedTuple):
    """What samples have beside their pictures: IUV maps; the alpha of the target's figure and the ground behind it."""

    maps: bool
    figures: bool


@dataclass
class Data:
    """What a run trains on, and what it is validated on.

    Attributes:
        train: training samples by index, without end.
        description: one line for people.
        kinds: how many sources the samples come from in turn: samples 0 .. kinds - 1 are one of each.
    """

    train: SampleSource
    description: str
    _test: Callable[[int], dict[str, Tensor]]
    kinds: int = 1

    def test_batch(self, count: int) -> dict[str, Tensor]:
        """The first `count` held-out pairs, always the same ones.

        Returns:
            uint8 (N, 3, S, S): `identity` and `pose`; `target` where every pair has one; and where `open_data` was
            asked for maps, `<name>_uv` of each picture for which every pair has a map. {} without a test split.
        """
        return self._test(count) if count else {}


def open_data(config: dict[str, Any], keys: Collection[str] = ()) -> Data:
    """Open the data that `dataset_config` names.

    Args:
        config: the whole configuration.
        keys: what a batch must hold beside `identity`, `real` and `pose`, such as {"target", "identity_uv"}. IUV maps
            are rendered or loaded only if one of the keys ends in `_uv`, and `target_alpha` with `target_ground` only
            if the former is one of the keys. Data that lacks a key is opened without it;
            whoever needs the key checks the samples.
    Raises:
        CaptureError: a dataset is missing or empty, or no samples can be drawn from it.
    """
    options, seed = config["dataset_config"], config["train_config"]["seed"]
    extras = Extras(any(key.endswith(MAPS) for key in keys), TARGET_ALPHA in keys)
    paths = options["dataset_path"].split(SEPARATOR)
    passed_over = [f"{name} {options[name]}" for name in DRAWN if options[name] not in (0, "off")]
    if TOON not in paths and passed_over:
        instead = "; style_filters draws pictures of folders in styles" * (options["toon_styles"] != "off")
        logger.info(
            f"note: dataset_config: {', '.join(passed_over)}: passed over without toon in dataset_path{instead}"
        )
    opened = {path: _open_one(path, options, seed, extras) for path in paths}  # a path named twice is opened once
    if len(paths) == 1:
        return opened[paths[0]]
    return Data(
        Mixed([opened[path].train for path in paths]),
        "in turn: " + "; ".join(opened[path].description for path in paths),
        functools.cache(lambda n: _interleave([data.test_batch(-(-n // len(opened))) for data in opened.values()], n)),
        len(paths),
    )


def _open_one(path: str, options: dict[str, Any], seed: int, extras: Extras) -> Data:
    if path == TOON:
        return _open_toon(options, seed, extras)
    return (_open_packed if is_packed(path) else _open_frames)(path, options, seed, extras)


def _open_packed(path: str, options: dict[str, Any], seed: int, extras: Extras) -> Data:
    from capture.data.packed.source import PackedSource

    if options["identity_pictures"] > 1:
        raise CaptureError(
            f"dataset_config.identity_pictures {options['identity_pictures']}: the shards of {path} hold one picture "
            "of each identity; set it to 1, or name the folder that they were packed from"
        )
    packed = PackedSource(path, options["image_size"], options["batch_size"], seed, extras.maps)
    contents = packed.contents

    @functools.cache
    def test_batch(count: int) -> dict[str, Tensor]:
        pairs = [] if is_address(path) else held_out_pairs(Path(path), count)
        return load_pairs(pairs, options["image_size"], extras.maps) if pairs else {}

    description = f"{path}: {contents.samples} samples of {contents.source} in shards"
    return Data(_styled(packed, options, seed, extras), description, test_batch)


def _open_toon(options: dict[str, Any], seed: int, extras: Extras) -> Data:
    from capture.data.toon.dataset import ToonStream
    from capture.data.toon.held_out import held_out_batch
    from capture.data.toon.motion.motions import CLIPS, VARIED
    from capture.data.toon.render_groups import SAMPLES_PER_RENDER_GROUP

    size, views = options["image_size"], options["toon_views"]
    if options["samples_per_render_group"] != SAMPLES_PER_RENDER_GROUP and not options["share_renders"]:
        raise CaptureError(
            "dataset_config.samples_per_render_group counts the samples that share renders; set share_renders true"
        )
    if options["toon_bodies"] and (options["toon_styles"] == "off" or not options["style_share"]):
        raise CaptureError(
            "dataset_config.toon_bodies counts samples that are drawn in styles, and there are none; "
            "set toon_styles few or many, and style_share above 0"
        )
    if options["toon_reach"] and not options["toon_mixed_motions"]:
        raise CaptureError(
            "dataset_config.toon_reach is a share of mixed motions, and there are none; set toon_mixed_motions above 0"
        )
    if options["style_filters"] != "off" and {*options["dataset_path"].split(SEPARATOR)} == {TOON}:
        raise CaptureError(
            "dataset_config.style_filters draws finished pictures in styles, and toon draws its own; set toon_styles"
        )
    held_out_clips = VARIED[len(VARIED) - options["toon_test_clips"] :]
    stream = ToonStream(
        size,
        2**62,  # one endless epoch, in which the index alone decides a sample
        seed,
        [clip for clip in CLIPS if clip not in held_out_clips],
        uv=extras.maps,
        views=views,
        share_renders=options["share_renders"],
        samples_per_render_group=options["samples_per_render_group"],
        mixed_motions=options["toon_mixed_motions"],
        reach=options["toon_reach"],
        styles=options["toon_styles"],
        style_share=options["style_share"],
        bodies=options["toon_bodies"],
        figures=extras.figures,
        face_parts=options["toon_face_parts"],
        identity_pictures=_identity_pictures(TOON, options, seed),
        on_device=options["toon_on_device"],
    )
    return Data(
        stream,
        "toon, rendered live: new characters without end, true targets known",
        functools.cache(lambda count: held_out_batch(count, size, views=views, uv=extras.maps)),
    )


def _open_frames(path: str, options: dict[str, Any], seed: int, extras: Extras) -> Data:
    size = options["image_size"]
    catalog = scan(path)
    pictures = _identity_pictures(path, options, seed)
    frames = FrameDataset(catalog, size, seed, options["cache_gb"], uv=extras.maps, identity_pictures=pictures)

    @functools.cache  # the same few pairs are looked at every epoch
    def test_batch(count: int) -> dict[str, Tensor]:
        pairs = held_out_pairs(catalog.root, count)
        return load_pairs(pairs, size, extras.maps, catalog.uv_parts) if pairs else {}

    return Data(_styled(frames, options, seed, extras), str(catalog) + ", IUV maps known" * frames.has_maps, test_batch)


def _identity_pictures(path: str, options: dict[str, Any], seed: int) -> IdentityPictures:
    paths = options["dataset_path"].split(SEPARATOR)
    places = tuple(k for k, one in enumerate(paths) if one == path)
    return IdentityPictures(options["identity_pictures"], options["batch_size"], seed, len(paths), places)


def _styled(source: SampleSource, options: dict[str, Any], seed: int, extras: Extras) -> SampleSource:
    """The samples in styles, where they are asked for, and with what `extras` says of their figures."""
    if options["style_filters"] == "off" and not extras.figures:
        return source
    return StyledSource(source, seed, options["style_filters"], options["style_share"], extras.figures)


def _interleave(batches: list[dict[str, Tensor]], count: int) -> dict[str, Tensor]:
    """Rows of several batches by turns, `count` rows at most, with the names that all batches have."""
    batches = [batch for batch in batches if batch]
    if not batches:
        return {}
    turns = max(len(batch["identity"]) for batch in batches)
    names = [name for name in batches[0] if all(name in batch for batch in batches)]
    rows = {name: [batch[name][i] for i in range(turns) for batch in batches if i < len(batch[name])] for name in names}
    return {name: torch.stack(pictures[:count]) for name, pictures in rows.items()}
