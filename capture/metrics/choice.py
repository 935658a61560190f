"""The metrics that a table can have: their names on the command line, their columns, and which way is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from capture.common.errors import CaptureError


@dataclass(frozen=True)
class Metric:
    """A column of the table.

    Attributes:
        key: in files.  heading: in tables for people.
        per_pair: whether every pair has a number; else only the whole set has one.
    """

    key: str
    heading: str
    lower_is_better: bool = True
    per_pair: bool = True


METRICS = {  # name for --metrics -> its columns, in the order of the table
    "l1": (Metric("l1", "L1"),),
    "ssim": (Metric("ssim", "SSIM", lower_is_better=False),),
    "lpips": (Metric("lpips", "LPIPS"),),
    "dists": (Metric("dists", "DISTS"),),
    "fid": (Metric("fid", "FID", per_pair=False),),
    "kid": (Metric("kid", "KID alex", per_pair=False),),
    "fg": (Metric("l1_foreground", "L1 fg"), Metric("ssim_foreground", "SSIM fg", lower_is_better=False)),
    "pose": (Metric("pose_error", "Pose"), Metric("parts_missed", "Missed")),
    "identity": (Metric("identity_error", "Identity"),),
}
DEFAULT = ("l1", "ssim", "lpips", "fid", "fg")
NEED_WEIGHTS = ("lpips", "dists", "fid", "kid", "pose", "identity")
LOWER_IS_BETTER = {metric.key: metric.lower_is_better for group in METRICS.values() for metric in group}
EXPLAINED = {  # key -> a sentence of the legend, for the columns that not everybody knows
    "dists": "DISTS: difference of structure and texture; lower is better.",
    "kid": "KID alex: kernel distance of AlexNet's features; lower is better, around 0 for the same distribution.",
    "pose_error": "Pose: distance of part centres as a share of the side; lower is better.",
    "parts_missed": "Missed: share of the target's parts not found in the output; lower is better.",
    "identity_error": "Identity: distance of the parts' mean colours in OKLab; lower is better.",
}


def parse_metrics(text: str) -> tuple[str, ...]:
    """The names in a list such as "l1,lpips,pose", or "all", in the order of the table.

    Raises:
        CaptureError: an unknown name, or none.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    names = list(METRICS) if names == ["all"] else names
    unknown = next((name for name in names if name not in METRICS), None)
    if unknown is not None or not names:
        raise CaptureError(
            f"--metrics {text}: {unknown or 'nothing'} is not a metric; give all, or {','.join(METRICS)}"
        )
    return tuple(name for name in METRICS if name in names)


def columns(names: Sequence[str]) -> dict[str, str]:
    """Key -> heading of the columns of these metrics."""
    return {metric.key: metric.heading for name in METRICS if name in names for metric in METRICS[name]}


def per_pair_keys(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of these metrics that have a number for every pair."""
    return tuple(metric.key for name in METRICS if name in names for metric in METRICS[name] if metric.per_pair)
