"""Where training samples and test pairs come from: folders of frames, or the built-in toon characters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from capture.common.errors import CaptureError
from capture.data.augment import Augmented
from capture.data.frames import FrameDataset, held_out_pairs, load_pairs
from capture.data.index.catalog import scan
from capture.data.mixed import Mixed
from capture.methods.capture_parts.attention_loss import SURFACE_LOSSES

TOON = "toon"  # as dataset_path: render live
JOINS = " + "  # several


@dataclass
class Data:
    """What a run trains on and looks at.

    Attributes:
        train: samples by index, without end: dicts of uint8 (3, S, S) tensors.
        description: one line for people.
        kinds: datasets that samples come from in turn.
    """

    train: Dataset
    description: str
    _test: Callable[[int], dict[str, Tensor]]
    kinds: int = 1

    def test_batch(self, count: int) -> dict[str, Tensor]:
        """The first `count` held-out pairs as uint8 (N, 3, S, S), always the same: `identity`, `pose`, maybe `target`.

        {} where the dataset has no test split.
        """
        return self._test(count) if count else {}


def open_data(config: dict[str, Any]) -> Data:
    """The data that `dataset_config` names.

    Raises:
        CaptureError: it isn't there, is empty, or can't be sampled from.
    """
    options, seed = config["dataset_config"], config["train_config"]["seed"]
    paths = options["dataset_path"].split(JOINS)
    surfaces = any(config["loss_config"][name] > 0 for name in SURFACE_LOSSES)
    known = {path: _open_one(path, options, seed, surfaces) for path in paths}  # one named twice is opened once
    if len(paths) == 1:
        data = known[paths[0]]
    else:
        data = Data(
            Mixed([known[path].train for path in paths]),
            "in turn: " + "; ".join(known[path].description for path in paths),
            functools.cache(lambda n: _in_turn([one.test_batch(-(-n // len(known))) for one in known.values()], n)),
            len(paths),
        )
    if options["augment"] != "none":
        data = Data(Augmented(data.train, options["augment"], seed), data.description, data.test_batch, data.kinds)
    return data


def _open_one(path: str, options: dict[str, Any], seed: int, surfaces: bool) -> Data:
    size = options["image_size"]
    if path == TOON:
        from capture.data.toon import ToonStream
        from capture.data.toon.held_out import held_out_batch
        from capture.data.toon.motion.motions import CLIPS, VARIED
        from capture.data.toon.render_groups import PER_TROUPE

        if options["reuse_samples"] != PER_TROUPE and not options["reuse_drawings"]:
            raise CaptureError("dataset_config.reuse_samples: of drawings used again; set reuse_drawings true")
        views, left_out = options["toon_views"], VARIED[len(VARIED) - options["toon_test_clips"] :]
        clips = [clip for clip in CLIPS if clip not in left_out]
        stream = ToonStream(  # one endless epoch: samples by index alone
            size,
            2**62,
            seed,
            clips,
            uv=surfaces,
            reuse=options["reuse_drawings"],
            views=views,
            characters=options["toon_characters"],
            improvised=options["toon_improvised"],
            reuse_samples=options["reuse_samples"],
        )
        return Data(
            stream,
            f"toon, rendered live: {options['toon_characters'] or 'no end of'} characters, true targets known",
            functools.cache(lambda count: held_out_batch(count, size, views=views)),
        )
    catalog = scan(path)

    @functools.cache  # the same few pairs are looked at every epoch
    def test_batch(count: int) -> dict[str, Tensor]:
        pairs = held_out_pairs(catalog.root, count)
        return load_pairs(pairs, size) if pairs else {}

    dataset = FrameDataset(catalog, size, seed, options["cache_gb"], uv=surfaces)
    return Data(dataset, str(catalog) + ", surfaces known" * dataset.has_maps, test_batch)


def _in_turn(batches: list[dict[str, Tensor]], count: int) -> dict[str, Tensor]:
    """Rows of several batches by turns, `count` at most; only what all of them have."""
    batches = [batch for batch in batches if batch]
    if not batches:
        return {}
    turns = max(len(batch["identity"]) for batch in batches)
    names = [name for name in batches[0] if all(name in batch for batch in batches)]
    rows = {name: [batch[name][i] for i in range(turns) for batch in batches if i < len(batch[name])] for name in names}
    return {name: torch.stack(pictures[:count]) for name, pictures in rows.items()}
