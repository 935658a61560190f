"""Curves of several runs in one picture.

python -m tools.curves OUT.png result/A result/B ...            every loss and metric against updates
python -m tools.curves --compare OUT.png result/A result/B ...  LPIPS (else L1) against samples and against seconds
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from capture.benchmarks.report import write_figure
from capture.common.errors import CaptureError, command_line
from capture.evaluation.learning_curves import METRICS, Curve, read_curves
from capture.training.run_log import read_metrics

SHOWN = (
    "G_recon",
    "G_target",
    "G_perceptual",
    "G_correspondence",
    "G_attention",
    "attention_right",
    "segmentation_ce",
    "layout_ce",
    "identity_epe",
    "pose_epe",
    "identity_refined_epe",
    "pose_refined_epe",
    "G_gan",
    "D_real",
    "D_fake",
    "val_L1",
    "val_SSIM",
    "val_LPIPS",
)
OLD_NAMES = {  # of metrics in the metrics.jsonl of older versions
    "G_surface": "G_correspondence",
    "read_miss": "segmentation_ce",
    "layout_miss": "layout_ce",
    "identity_far": "identity_epe",
    "pose_far": "pose_epe",
    "identity_mended": "identity_refined_epe",
    "pose_mended": "pose_refined_epe",
}


def read_rows(result: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.jsonl by today's names of the metrics."""
    return [{OLD_NAMES.get(name, name): value for name, value in row.items()} for row in read_metrics(result)]


def labels(results: Sequence[Path]) -> list[str]:
    """The names of result folders, each after as many of the folders that it is in as tell it from the others."""
    paths = [Path(os.path.abspath(result)).parts for result in results]

    def label(own: tuple[str, ...]) -> str:
        others = [path for path in paths if path != own]
        length = next(n for n in range(1, len(own) + 1) if all(path[-n:] != own[-n:] for path in others))
        return "/".join(own[-length:])

    return [label(own) for own in paths]


def plot(results: list[Path], path: Path, keys: tuple[str, ...] = SHOWN) -> None:
    """One panel for each key that the runs' metrics.jsonl have, one line for each run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = [(label, read_rows(result)) for label, result in zip(labels(results), results)]
    keys = tuple(key for key in keys if any(key in row for _, rows in runs for row in rows))
    if not keys:
        raise CaptureError(
            f"{', '.join(map(str, results))}: nothing in metrics.jsonl to draw; give runs that ended an epoch"
        )
    columns = 2 if len(keys) > 3 else len(keys)
    rows_of_panels = -(-len(keys) // columns)
    figure, axes = pyplot.subplots(
        rows_of_panels, columns, figsize=(5 * columns, 3 * rows_of_panels), squeeze=False, layout="constrained"
    )
    for axis, key in zip(axes.flat, keys):
        for number, (name, rows) in enumerate(runs):
            points = [(row["step"], row[key]) for row in rows if key in row]
            if points:  # a run has the same colour in every panel, whichever runs are in it
                marker = "o" if len(points) == 1 else ""
                axis.plot(*zip(*points), label=name, color=f"C{number}", marker=marker, markersize=3, linewidth=1.5)
        axis.legend(fontsize="small")
        axis.set_title(key)
        axis.set_xlabel("updates")
        axis.grid(alpha=0.3)
    for axis in list(axes.flat)[len(keys) :]:
        axis.axis("off")
    write_figure(figure, path, dpi=100)


def compare(results: list[Path], path: Path) -> None:
    """Two panels, one line for each run: validation LPIPS against training samples and against seconds of training.

    Runs without val_LPIPS (`validation_lpips: true` writes it) are compared by val_L1, and then all of them are.

    Raises:
        CaptureError: a run has neither; the message names it.
    """
    named = list(zip(labels(results), results))
    found = {metric: read_curves(named, metric) for metric in METRICS}
    metric = next((metric for metric, curves in found.items() if len(curves) == len(results)), None)
    if metric is None:
        having = {curve.name for curve in found["val_L1"]}
        lacking = next((str(result) for name, result in named if name not in having), str(results[0]))
        raise CaptureError(f"{lacking}: no val_LPIPS or val_L1 in metrics.jsonl; train with validation_pairs above 0")
    draw_comparison(found[metric], metric, path)


def draw_comparison(curves: Sequence[Curve], metric: str, path: Path) -> None:
    """Two panels, one line for each curve: the metric against samples and against seconds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    for axis, unit in zip(axes, ("training samples", f"{curves[0].clock} of training")):
        for number, curve in enumerate(curves):
            across = curve.samples if axis is axes[0] else curve.seconds
            axis.plot(across, curve.values, label=curve.name, color=f"C{number}", marker="o", markersize=3)
        axis.set_xlabel(unit)
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"{metric} (lower is better)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize="small")
    write_figure(figure, path, dpi=100)


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--compare"]
    if len(arguments) < 2:
        raise CaptureError("give a .png to write and result folders: python -m tools.curves OUT.png result/A ...")
    results = [Path(argument) for argument in arguments[1:]]
    for result in results:
        if not (result / "metrics.jsonl").is_file():
            raise CaptureError(f"{result}: no metrics.jsonl here; give result folders of runs that ended an epoch")
    draw = compare if "--compare" in sys.argv[1:] else plot
    draw(results, Path(arguments[0]))
    print(arguments[0])


if __name__ == "__main__":
    command_line(main)()
