"""Training steps: ours in its ways against the release's, on the same batch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from capture.benchmarks.release import ReleaseTraining
from capture.benchmarks.timing import as_the_system_has_it, compare, flop, matrix_peak
from capture.common.device import native_bf16
from capture.data.open_data import Data
from capture.training.trainer import Trainer


def measure(config: dict[str, Any], device: torch.device, batches: tuple[int, ...] = (2,), repeats: int = 3) -> list:
    """Rows of samples/s, each for a whole update of both networks from pictures already on the device."""
    rows, fast = [], "bf16" if native_bf16(device) else "fp32"
    peak = matrix_peak(device, torch.bfloat16 if fast == "bf16" else torch.float32)
    ways = {
        "ours, fp32": {"precision": "fp32"},
        f"ours, {fast}": {"precision": fast},
        f"ours, {fast}, compiled": {"precision": fast, "compile": True},
        f"ours, {fast}, recomputed blocks": {"precision": fast, "recompute": True},
    }
    for batch in batches:
        size = config["dataset_config"]["image_size"]
        images = {n: torch.rand(batch, 3, size, size, device=device) * 2 - 1 for n in ("identity", "real", "pose")}
        release = ReleaseTraining(config, device)
        runs = {"release": as_the_system_has_it(lambda r=release, b=images: r.step(b), device)}
        ours = {name: v.contiguous(memory_format=torch.channels_last) for name, v in images.items()}
        for name, options in ways.items():
            trainer = _trainer(config, batch, options)
            runs[name] = lambda t=trainer, b=ours: t.step(b)
        work = {name: flop(runs[name]) for name in ("release", f"ours, {fast}")}
        timings = compare(runs, repeats, device, warm_up=1)
        for name, timing in timings.items():
            row = {
                "batch": batch,
                "way": name,
                "seconds_per_sample": timing.median / batch,
                "samples_per_second": batch / timing.median,
                "times_release": timings["release"].median / timing.median,
                "spread": timing.spread,
                "peak_mb": timing.peak_mb,
                "gflop_per_sample": work.get(name, 0) / batch / 1e9 or None,
            }
            if "bf16" in name and "recomputed" not in name:
                row["share_of_peak"] = work[f"ours, {fast}"] / timing.median / peak
            rows.append(row)
    return rows


def _trainer(config: dict[str, Any], batch: int, options: dict[str, Any]) -> Trainer:
    """A trainer of its own, in a folder that is never written to."""
    config = {
        **config,
        "dataset_config": {**config["dataset_config"], "batch_size": batch},
        "train_config": {**config["train_config"], **options},
    }
    nothing = Data(train=None, description="", _test=lambda count: {})
    return Trainer(config, nothing, Path(tempfile.gettempdir()) / "no-such-result")
