"""Learning curves of training runs: a validation metric against samples and against seconds of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.training.run_log import read_metrics

METRICS = ("val_LPIPS", "val_L1")  # of metrics.jsonl, in the order in which they are drawn


@dataclass
class Curve:
    """The points of one run and one metric.

    Attributes:
        samples: numbers of training samples.  seconds: of training, by the rate of each epoch.  values: of the metric.
    """

    name: str
    samples: list[float]
    seconds: list[float]
    values: list[float]


def read_curves(results: Sequence[tuple[str, Path]], metric: str) -> list[Curve]:
    """The curves of the runs whose metrics.jsonl has the metric.

    Args:
        results: (name, result folder).
    """
    curves = [read_curve(name, [result], metric) for name, result in results]
    return [curve for curve in curves if curve.values]


def read_curve(name: str, stages: Sequence[Path], metric: str) -> Curve:
    """The curve of a method that was trained in stages, each beginning with the weights of the one before.

    A row of metrics.jsonl has the number of samples so far and the samples a second of its epoch. The seconds
    follow from these. They are those of training alone, without validation and without the time between two runs.
    Samples and seconds of a stage count from the end of the one before.

    Args:
        stages: result folders, in the order of training. One without metrics.jsonl counts as nothing.
    """
    curve, seconds, earlier = Curve(name, [], [], []), 0.0, 0.0
    for result in stages:
        if not (result / "metrics.jsonl").is_file():
            continue
        before = 0.0
        for row in read_metrics(result):
            samples, rate = row.get("samples"), row.get("samples_per_second")
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
