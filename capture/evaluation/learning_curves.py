"""Learning curves of training runs: a validation metric against samples and against seconds of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.training.run_log import read_metrics

METRICS = ("val_LPIPS", "val_L1")  # of metrics.jsonl, in the order in which they are drawn
CLOCKS = {  # rate in metrics.jsonl -> what seconds that follow from it are; the first one that all curves have is taken
    "samples_per_cpu_second": "processor seconds",
    "samples_per_second": "seconds",
}


@dataclass
class Curve:
    """The points of one run and one metric.

    Attributes:
        samples: numbers of training samples.  seconds: of training, by the rate of each epoch.  values: of the metric.
        clock: what the seconds are, one of CLOCKS.
    """

    name: str
    samples: list[float]
    seconds: list[float]
    values: list[float]
    clock: str = CLOCKS["samples_per_second"]


def read_curves(results: Sequence[tuple[str, Path]], metric: str) -> list[Curve]:
    """The curves of the runs whose metrics.jsonl has the metric.

    Args:
        results: (name, result folder).
    """
    return read_staged_curves([(name, [result]) for name, result in results], metric)


def read_staged_curves(results: Sequence[tuple[str, Sequence[Path]]], metric: str) -> list[Curve]:
    """The curves of methods that were trained in stages, each beginning with the weights of the one before.

    A row of metrics.jsonl has the number of samples so far and the samples a second of its epoch. The seconds
    follow from these. They are those of training alone, without validation and without the time between two runs.
    Where every row of every run has it, they are seconds of the processor, which other programs on the machine do not
    change much. Samples and seconds of a stage count from the end of the one before.

    Args:
        results: (name, result folders in the order of training). One without metrics.jsonl counts as nothing.
    """
    rows = {stage: read_metrics(stage) for _, stages in results for stage in stages if has_metrics(stage)}
    timed = [row for found in rows.values() for row in found if row.get("samples") is not None]
    rate_name = next((name for name in CLOCKS if timed and all(row.get(name) for row in timed)), list(CLOCKS)[-1])
    curves = [
        _read_curve(name, [rows[stage] for stage in stages if stage in rows], metric, rate_name)
        for name, stages in results
    ]
    return [curve for curve in curves if curve.values]


def has_metrics(result: Path) -> bool:
    """Whether a result folder has the metrics of a training."""
    return (result / "metrics.jsonl").is_file()


def _read_curve(name: str, stages: Sequence[list[dict[str, Any]]], metric: str, rate_name: str) -> Curve:
    """One curve, from the rows of each stage's metrics.jsonl."""
    curve, seconds, earlier = Curve(name, [], [], [], CLOCKS[rate_name]), 0.0, 0.0
    for rows in stages:
        before = 0.0
        for row in rows:
            samples, rate = row.get("samples"), row.get(rate_name)
            if samples is None or not rate:
                continue
            seconds += (samples - before) / rate
            before = samples
            if metric in row:
                curve.samples.append(earlier + samples)
                curve.seconds.append(seconds)
                curve.values.append(row[metric])
        earlier += before
    return curve
