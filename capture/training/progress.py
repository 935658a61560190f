"""The progress bar of a run."""

from __future__ import annotations

from tqdm import tqdm


def progress_bar(position: int, total: int, title: str, shown: bool) -> tqdm:
    """A progress bar that counts the samples of the whole run and estimates the remaining time.

    Args:
        position: number of samples so far.  total: number of samples in the run.
        shown: false in the processes of a job that print nothing.
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
    """The title of the progress bar, whose samples are those of all epochs."""
    return f"epoch {min(epochs + 1, total)} of {total}, all samples" if total > 1 else "epoch 1 of 1"
