"""The trainer: sets a run up, trains it, saves and resumes it."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capture.checkpoints.checkpoint import FOLDER, LATEST, save_checkpoint
from capture.common.device import check_compiler, use_bf16
from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.common.memory import explain_out_of_memory, keep_freed_memory
from capture.common.processes import Processes
from capture.common.signals import stop_on_signal
from capture.config.load import RESULT_CONFIG
from capture.config.yaml import dump_yaml
from capture.data.open_data import Data
from capture.methods.build import new_method
from capture.nn.recompute import recompute_blocks
from capture.training.averages import EMA
from capture.training.batches import endless_batches, to_device
from capture.training.meters import Meters
from capture.training.nonfinite import Guard, NotFinite, stopped_by
from capture.training.progress import Speed, progress_bar, progress_title
from capture.training.resume import restore
from capture.training.run_log import RunLog
from capture.training.schedule import rate_factor
from capture.training.update import Update
from capture.training.utilisation import Utilisation
from capture.training.validation import Validation

logger = logging.getLogger("capture")

CONTINUE, SAVE, TIME_IS_OVER, INTERRUPTED = range(4)  # actions after a step; all processes take the greatest one


class Trainer:
    """One run in one result folder. `Trainer(config, data, folder).train()` starts the run or resumes it.

    While it trains, the caller must hold the folder's lock (capture.common.folder_lock), unless no other process can
    write there.
    """

    def __init__(self, config: dict[str, Any], data: Data, folder: Path):
        self.config, self.data, self.folder = config, data, folder
        options = self.options = config["train_config"]

        # A batch has the samples of one update. The processes share it, and each divides its share into micro-batches.
        self.processes = Processes()
        self.device = self.processes.device
        keep_freed_memory(self.device)
        self.batch_size = config["dataset_config"]["batch_size"]
        self.share = self.processes.share(self.batch_size)
        self.micro_batches = options["micro_batches"]
        samples = self.share.stop - self.share.start
        if samples % self.micro_batches:
            raise CaptureError(
                f"micro_batches {self.micro_batches} does not divide the {samples} samples that each process takes"
            )
        self.steps_per_epoch = math.ceil(config["dataset_config"]["samples_per_epoch"] / self.batch_size)
        self.total_steps = options["num_epochs"] * self.steps_per_epoch

        # The networks, an optimiser for each, the generator's moving average, and the run's random numbers.
        self.bf16 = use_bf16(options["precision"], self.device)
        self.method = new_method(config)
        smallest = self.method.min_micro_batch
        if samples // self.micro_batches < smallest:
            raise CaptureError(f"batch_size: this method takes at least {smallest} samples a process and micro-batch")
        for network in self.method.networks.values():
            network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not annotated
        self.networks = self.method.networks
        self.ema = EMA(self.method.generator, options["ema_decay"])
        self.rng = torch.Generator().manual_seed(options["seed"])
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: self._optimiser(network) for name, network in self.networks.items()
        }
        self.guard = Guard(options["clip_grad_norm"], raise_at_once=self.device.type == "cpu")
        self.meters = Meters()
        self.step_number, self.notes = restore(  # the notes name keys whose values have changed
            folder,
            config,
            networks=self.networks,
            average=self.ema.average,
            optimisers=self.optimisers,
            rng=self.rng,
            meters=self.meters,
            needs_trained=self.method.needs_trained(config),
            set_aside=self.processes.main,
        )
        per_process = max(self.batch_size // self.processes.world, 1)
        self.validation = Validation(self.ema.average, config, data, self.device, per_process)
        if options["recompute"] and not recompute_blocks(self.networks["gen"]):
            raise CaptureError("train_config.recompute: this method has no blocks that can be recomputed; set it false")
        if options["compile"]:
            check_compiler(self.device)
        for name in self.method.update_order:
            if options["compile"]:
                self.networks[name].compile(dynamic=False)
            self.method.trained[name] = self.processes.wrap(self.networks[name])
        self.utilisation = Utilisation(self.device, self.bf16, options["compile"])
        self.update = Update(self.method, self.optimisers, self.guard, self.processes, self.micro_batches, self.bf16)

    def train(self) -> bool:
        """Train up to the configured number of epochs. False where Ctrl-C interrupted the run, which is then saved."""
        if self.step_number >= self.total_steps:
            count = f"{self.epoch} epoch{'s' if self.epoch != 1 else ''}"
            logger.info(f"{self.folder}: trained for {count} already; raise --num_epochs to go on")
            return True
        batches = self._batches()  # first, so that data that can't be read is found before anything is written
        if self.processes.main:
            self.validation.read_pairs()
            write_bytes(self.folder / RESULT_CONFIG, dump_yaml(self.config).encode())
        self.log = RunLog(self.folder, self.step_number, write=self.processes.main)
        for line in (*self.notes, self._opening()):
            logger.info(line)
        position = self.step_number * self.batch_size
        bar = progress_bar(position, self.total_steps * self.batch_size, self._bar_title(), self.processes.main)
        speed = Speed(self.device, self.processes.world)  # in this epoch and process
        started = last_save = last_shown = time.monotonic()
        try:
            with self.processes.watching(), self._explaining(), stop_on_signal() as stopped:
                for batch in batches:
                    batch = to_device(batch, self.device)
                    self._step_and_count(batch)
                    bar.update(self.batch_size)
                    speed.count(self.batch_size)
                    now = time.monotonic()

                    # Reading the losses waits for the device, so they are read twice a second, not at every step.
                    if now - last_shown > 0.5 and self.processes.main:
                        self.guard.wait()
                        means = self.meters.means().items()
                        bar.set_postfix({k: f"{v.item():.3f}" for k, v in means}, refresh=False)
                        last_shown = now

                    if self.step_number % self.steps_per_epoch == 0:
                        self._end_epoch(batch, speed.rates())
                        bar.set_description(self._bar_title(), refresh=False)
                        last_save = time.monotonic()
                        speed.restart()
                        if self.step_number >= self.total_steps:
                            return True

                    # Processes may receive signals at different steps, but all must take the same action.
                    action = self._action(bool(stopped), now - started, now - last_save)
                    action = self.processes.agree(action, self.step_number)
                    if action:
                        self.save(self.folder / FOLDER / LATEST)
                        last_save = time.monotonic()
                    if action == TIME_IS_OVER:
                        logger.info(f"max_minutes are over: saved at step {self.step_number} of {self.total_steps}")
                        return True
                    if action == INTERRUPTED:
                        logger.info(
                            f"interrupted: saved at step {self.step_number}; the same command goes on from here"
                        )
                        return False
            raise AssertionError("batches never end")
        finally:
            bar.close()
            self.log.close()

    def run_steps(self, count: int) -> list[dict[str, Tensor]]:
        """Make the next `count` updates, without log, pictures and checkpoints. Returns the metrics of each."""
        batches = self._batches()
        return [self._step_and_count(to_device(next(batches), self.device)) for _ in range(count)]

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update every network from this process's batch, moved by `to_device`. Returns the metrics (update.py)."""
        factor = rate_factor(self.step_number, self.steps_per_epoch, self.total_steps, self.options["lr_schedule"])
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self.options[self.method.learning_rates[name]] * factor
        noise = self.method.sample_noise(self.batch_size, self.rng)[self.share].to(self.device)
        metrics = self.utilisation.step(lambda: self.update(batch, noise, self.step_number))
        self.ema.update(self.networks["gen"], self.step_number)
        return metrics

    @property
    def epoch(self) -> int:
        """The number of completed epochs."""
        return self.step_number // self.steps_per_epoch

    def save(self, path: Path) -> None:
        """Write a checkpoint with the complete state of the run, atomically, in the main process."""
        self.guard.wait()
        meters = self.meters.state()
        if self.processes.world > 1:
            meters["meters"] = {k: v.cpu() for k, v in self.processes.mean(self.meters.sums).items()}
        if not self.processes.main:
            return
        state = {
            "epoch": self.epoch,
            "step": self.step_number,
            **{f"{name}_state_dict": network.state_dict() for name, network in self.networks.items()},
            **{f"{name}_opt": optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "ema_state_dict": self.ema.average.state_dict(),
            "noise_rng": self.rng.get_state(),
            "threads": torch.get_num_threads(),
            **meters,
            "config": self.config,
        }
        save_checkpoint(path, state)

    def _step_and_count(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        metrics = self.step(batch)
        self.meters.add(metrics)
        self.step_number += 1
        return metrics

    def _optimiser(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), betas=tuple(self.options["adam_betas"]), fused=True)

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        return endless_batches(self.data, self.config["dataset_config"], self.step_number, self.processes)

    def _bar_title(self) -> str:
        return progress_title(self.epoch, self.options["num_epochs"])

    def _action(self, stopped: bool, running: float, unsaved: float) -> int:
        """The action that this process proposes, after so many seconds of running and since the last checkpoint."""
        if stopped:
            return INTERRUPTED
        if running > 60 * self.options["max_minutes"] > 0:
            return TIME_IS_OVER
        return SAVE if unsaved > 60 * self.config["main_config"]["save_minutes"] > 0 else CONTINUE

    def _end_epoch(self, batch: dict[str, Tensor], rates: dict[str, float]) -> None:
        """Write pictures and metrics, then the checkpoint. After a crash in between, resuming writes them again."""
        options, epoch = self.config["main_config"], self.epoch
        self.guard.wait()
        means = {name: value.item() for name, value in self.processes.mean(self.meters.means()).items()}
        if self.processes.main:
            self.validation.draw(self.log, batch, epoch, self.step_number)
            means.update(self.validation.metrics())
            row = {"epoch": epoch, "step": self.step_number, "samples": self.step_number * self.batch_size}
            speed = self.utilisation.metrics(rates["samples_per_second"] / self.batch_size)
            rounded = {k: round(v, 3) for k, v in rates.items()} | {k: round(v, 6) for k, v in means.items()}
            self.log.row({**row, **speed, **rounded})
            means.update(**rates, **speed)
        logger.info(f"epoch {epoch}: " + ", ".join(f"{k} {v:.4g}" for k, v in means.items()))
        self.meters.reset()
        if epoch % options["interval"] == 0 and epoch > options["save_minimum_epoch"]:
            self.save(self.folder / FOLDER / f"{epoch}epoch_checkpoint.pt")
        self.save(self.folder / FOLDER / LATEST)

    def _opening(self) -> str:
        others = f" and {self.processes.world - 1} more" if self.processes.world > 1 else ""
        return (
            f"{'resuming at' if self.step_number else 'training from'} step {self.step_number} of {self.total_steps} "
            f"on {self.device}{others} in {'bf16' if self.bf16 else 'fp32'}"
            f"{', compiled' if self.options['compile'] else ''}; output goes to {self.folder}"
        )

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """Turn a lack of memory, and losses that are not finite, into a CaptureError."""
        samples = (self.share.stop - self.share.start) // self.micro_batches
        doing = f"{self.folder}: training at batch_size {self.batch_size} ({samples} samples a micro-batch)"
        remedy = "lower batch_size, raise micro_batches, set recompute true, or lower image_size"
        try:
            with explain_out_of_memory(self.device, doing, remedy):
                yield
        except NotFinite as error:
            numbers = range(error.step * self.batch_size, (error.step + 1) * self.batch_size)
            raise stopped_by(error, self.folder, self.data.train, numbers, self.processes.main) from None
