"""Adapting trained weights to one character or one style, from its pictures alone: `train.py --adapt`.

The method makes training samples of the pictures (`Method.adaptation_samples`), and a short run that starts from the
weights learns from them. An eighth of the samples is held out, and measured after every epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.registry import method_class
from capture.config.load import RESULT_CONFIG, load_config, load_result_config
from capture.data.open_data import Data
from capture.data.sample_source import Batch, SampleSource
from capture.inference.character import load_identity
from capture.inference.framing import known_framing
from capture.inference.inputs import Listing, Notes
from capture.inference.transfer import PoseTransfer
from capture.io.images import WHITE
from capture.methods.build import build_method

SAMPLES = 256  # made of the pictures, held-out ones included
HELD_OUT = 8  # one of so many
DEFAULTS = {  # of a run that adapts, unless the command line says otherwise
    "train_config.num_epochs": 4,
    "train_config.max_minutes": 3.0,
    "train_config.lr_G": 0.0003,
    "train_config.lr_schedule.warmup_steps": 20,
    "train_config.lr_schedule.decay_epochs": 3,
    "train_config.ema_decay": 0.98,
    "dataset_config.samples_per_epoch": 224,
    "dataset_config.num_workers": 0,
    "main_config.validation_pairs": 16,
}


def adaptation_config(result: Path, pictures: Path, argv: Sequence[str]) -> dict[str, Any]:
    """The configuration of a run that adapts the weights of a result folder: the folder's own, with other defaults.

    Args:
        argv: ["--key", "value", ...] of the command line, which come last.
    Raises:
        CaptureError: not a result folder, a method that can't adapt, or see load_config.
    """
    method = method_class(load_result_config(result)["main_config"]["method"])
    if not method.adaptation:
        raise CaptureError(f"{result}: {method.title} can't be adapted from pictures alone; CaPTURe-Parts can")
    values = {**DEFAULTS, **method.adaptation, "main_config.start_from": result, "main_config.adapt_to": pictures}
    defaults = [word for key, value in values.items() for word in (f"--{key}", str(value))]
    return load_config([result / RESULT_CONFIG], [*defaults, *argv])


def open_adaptation_data(config: dict[str, Any]) -> Data:
    """The samples of the pictures that `main_config.adapt_to` names, made by the weights of `start_from`.

    Raises:
        CaptureError: no pictures there, one that can't be read, weights that can't be loaded, or a perceptual network
            whose weights are not available.
    """
    files = Listing.of(Path(config["main_config"]["adapt_to"])).pictures
    if not files:
        raise CaptureError(f"{config['main_config']['adapt_to']}: no pictures here to adapt to")
    build_method(config)  # refuses what it lacks now, and not after the samples, which take half a minute
    transfer = PoseTransfer.load(config["main_config"]["start_from"], "cpu")
    known = known_framing(transfer.config)
    ground = known.ground if known else WHITE
    notes = Notes()
    pictures = [load_identity(file, transfer.size, known, 1, notes) for file in files]
    notes.finish()
    method = method_class(config["main_config"]["method"])
    seed = config["train_config"]["seed"]
    samples = method.adaptation_samples(transfer.generator, torch.stack(pictures), ground, SAMPLES, seed)
    assert samples is not None
    held_out = torch.tensor(held_out_numbers(len(samples["has_target"])))
    return Data(
        AdaptationSamples(samples, seed),
        f"{len(files)} picture{'s' * (len(files) != 1)} of {config['main_config']['adapt_to']}, rearranged by parts",
        lambda count: {name: value[held_out[:count]] for name, value in samples.items() if name != "has_target"},
    )


def held_out_numbers(count: int) -> range:
    """The numbers of the samples that are held out, the last ones. Samples show the pictures in turn, so that one of
    every so many would hold out the same pictures always."""
    return range(count - count // HELD_OUT, count)


class AdaptationSamples(SampleSource):
    """Samples that are made already, shuffled anew in every round.

    Args:
        samples: uint8 (N, 3, S, S) by role, and has_target (N,); held_out_numbers are left out.
    """

    def __init__(self, samples: dict[str, Tensor], seed: int):
        self.samples, self.seed = samples, seed
        count = len(samples["has_target"])
        self.numbers = np.array([i for i in range(count) if i not in held_out_numbers(count)])

    def batch(self, indices: Sequence[int]) -> Batch:
        chosen = torch.tensor([self._number(index) for index in indices])
        return {name: value[chosen] for name, value in self.samples.items()}

    def describe(self, index: int) -> dict[str, str]:
        return {name: f"{name} of adaptation sample {self._number(index)}" for name in self.samples}

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        return True

    def _number(self, index: int) -> int:
        turn, position = divmod(index, len(self.numbers))
        order = np.random.default_rng([self.seed, turn]).permutation(len(self.numbers))
        return int(self.numbers[order[position]])
