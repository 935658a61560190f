"""The processes of a training job: sharing batches, averaging gradients, acting together. Based on accelerate."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn

from capture.common.errors import CaptureError

AGREE_EVERY = 8  # steps between two exchanges of the processes' actions


class Processes:
    """The processes of a job started by torchrun or `accelerate launch`, or this one alone.

    Attributes:
        device: of this process.  rank: number of this process.  world: number of processes.
        main: whether this process writes files and logs.
    """

    def __init__(self) -> None:
        wrapping = DistributedDataParallelKwargs(gradient_as_bucket_view=True)
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=[wrapping])
        self.device = self.accelerator.device
        self.rank, self.world = self.accelerator.process_index, self.accelerator.num_processes
        self.main = self.accelerator.is_main_process

    def share(self, batch_size: int) -> slice:
        """This process's rows of a batch.

        Raises:
            CaptureError: the batch can't be shared evenly.
        """
        if batch_size % self.world:
            raise CaptureError(
                f"batch_size {batch_size} can't be shared evenly by {self.world} processes; "
                f"make it a multiple of {self.world} (it counts the samples of all processes together)"
            )
        share = batch_size // self.world
        return slice(self.rank * share, (self.rank + 1) * share)

    def wrap(self, network: nn.Module) -> nn.Module:
        """Wrap `network` so that each backward pass averages its gradients over all processes."""
        if self.world > 1 and self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return self.accelerator.prepare_model(network)

    def keep_apart(self, network: nn.Module, apart: bool) -> contextlib.AbstractContextManager[None]:
        """A context in which gradients are not averaged over the processes, if `apart`; else one without effect."""
        return self.accelerator.no_sync(network) if apart else contextlib.nullcontext()

    def agree(self, action: int, step: int) -> int:
        """The greatest action of all processes, which they exchange every few steps; 0 at the steps in between."""
        if self.world == 1:
            return action
        if step % AGREE_EVERY:
            return 0
        return int(self.accelerator.gather(torch.tensor([action], device=self.device)).max())

    def mean(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The mean of scalars over all processes."""
        if self.world == 1 or not values:
            return values
        means = self.accelerator.reduce(torch.stack(list(values.values())), "mean")
        return dict(zip(values, means))

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Turn the error that follows the death of another process into a CaptureError."""
        try:
            yield
        except RuntimeError as error:
            text = str(error).lower()
            signs = ("connection closed", "connection reset", "broken pipe", "connectfull", "nccl", "timed out")
            if self.world == 1 or not any(sign in text for sign in signs):
                raise
            raise CaptureError(
                f"process {self.rank} of {self.world} lost another one, which was killed or failed (its own "
                "message, if any, is above); the same command goes on from the last checkpoint"
            ) from None

    def leave(self, status: int = 0) -> int:
        """End the work: return the exit status, or, where there are several processes, exit at once.

        At a normal exit, the threads of the connections between the processes and the interpreter may wait for each
        other, so that a job that has finished would not end.
        """
        if self.world == 1:
            return status
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
