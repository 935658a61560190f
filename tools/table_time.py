"""How long a run would take on this machine, measured by a few updates of its real networks on its real data."""

from __future__ import annotations

import copy
import tempfile
import time
from pathlib import Path

import torch

from capture.data.open_data import open_data
from capture.methods.build import batch_keys
from capture.training.trainer import Trainer
from tools.table_rows import Run

MOST_STEPS = 50
CPU_BATCH = 4  # the samples of an update that are timed on a CPU, whose speed hardly depends on it


def measure(run: Run, seconds: float) -> float:
    """Training samples a second of a run, in one process, from some `seconds` of updates. Nothing is kept.

    The time of loading a process's first batches is subtracted; validation and pictures are not measured.
    """
    config = copy.deepcopy(run.config)
    config["main_config"]["start_from"] = ""  # the speed does not depend on the weights
    options = config["dataset_config"]
    if not torch.cuda.is_available() and options["image_size"] >= 128:
        options["batch_size"] = min(options["batch_size"], CPU_BATCH)
    data = open_data(config, batch_keys(config))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, data, Path(folder) / "run")
        trainer.run_steps(1)  # starts libraries and caches
        one = _timed(trainer, 1)
        steps = max(1, min(MOST_STEPS, int(seconds / one)))
        several = _timed(trainer, 1 + steps)
    return options["batch_size"] * steps / max(several - one, several / (2 + steps))


def _timed(trainer: Trainer, steps: int) -> float:
    start = time.monotonic()
    trainer.run_steps(steps)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic() - start
