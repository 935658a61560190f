"""The progress of a run: its bar, and how many samples a second it takes."""

from __future__ import annotations

import time

import torch
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


class Speed:
    """Samples a second since the last restart: by the clock, and on a CPU by processor time too.

    On a machine that other programs use as well, the clock says little about a method, and processor time says what
    it costs. Processor time is that of this process and of the `processes` that share its batches alike, without
    processes that load data.
    """

    def __init__(self, device: torch.device, processes: int):
        self._processes = processes if device.type == "cpu" else 0
        self.restart()

    def restart(self) -> None:
        """Begin to count anew."""
        self._clock, self._used, self._samples = time.monotonic(), time.process_time(), 0

    def count(self, samples: int) -> None:
        """Count the samples of a step."""
        self._samples += samples

    def rates(self) -> dict[str, float]:
        """`samples_per_second` and, on a CPU, `samples_per_cpu_second`."""
        rates = {"samples_per_second": self._samples / max(time.monotonic() - self._clock, 1e-9)}
        if self._processes:
            used = self._processes * (time.process_time() - self._used)
            rates["samples_per_cpu_second"] = self._samples / max(used, 1e-9)
        return rates
