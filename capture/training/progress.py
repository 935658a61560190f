"""The progress bar of a run."""

from __future__ import annotations

from tqdm import tqdm


def progress_bar(position: int, total: int, title: str, shown: bool) -> tqdm:
    """A bar in samples over the whole run, with the time that is left.

    Args:
        position: samples so far.  total: of the whole run.  shown: false in the processes of a job that stay quiet.
    """
    return tqdm(
        total=total,
        initial=position,
        unit="sample",
        desc=title,
        smoothing=0.05,
        dynamic_ncols=True,
        disable=not shown,
    )


def progress_title(epochs: int, total: int) -> str:
    """What stands before the bar, which counts the samples of all epochs together."""
    return f"epoch {min(epochs + 1, total)} of {total}, all samples" if total > 1 else "epoch 1 of 1"
