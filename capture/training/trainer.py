"""Training a method on data: setup, train, step, validate."""

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
from tqdm import tqdm

from capture.checkpoints.checkpoint import FOLDER, LATEST, load_weights, save_checkpoint
from capture.common.device import check_compiler, use_bf16
from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.common.memory import explain_out_of_memory, keep_freed_memory
from capture.common.processes import Processes
from capture.common.signals import stop_on_signal
from capture.config.load import RESULT_CONFIG
from capture.config.yaml import dump_yaml
from capture.data.loading import make_loader
from capture.data.open_data import Data
from capture.data.sampling import EndlessBatches
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, normalise
from capture.methods import Method, build_method
from capture.methods.capture_parts.attention_loss import MAPS
from capture.metrics.image import l1, ssim
from capture.nn.recompute import recompute_blocks
from capture.nn.spectral_norm import held
from capture.training.averages import EMA
from capture.training.meters import Meters
from capture.training.nonfinite import Guard, NotFinite, stopped_by
from capture.training.resume import restore_optimiser, resumable_state, saying_damaged, step_of
from capture.training.run_log import RunLog

logger = logging.getLogger("capture")

GO_ON, SAVE, TIME_IS_OVER, INTERRUPTED = range(4)  # what a process may wish after a step; the greatest wish decides


def new_method(config: dict[str, Any]) -> Method:
    """The configured method with fresh weights from the seed, on the CPU."""
    torch.manual_seed(config["train_config"]["seed"])
    method = build_method(config)
    method.initialise()
    return method


class Trainer:
    """One run, in one result folder. `Trainer(config, data, folder).train()` starts it, or goes on where it stopped.

    Whoever may not be alone with that folder holds its lock (capture.checkpoints.lock) for as long.
    """

    def __init__(self, config: dict[str, Any], data: Data, folder: Path):
        self.config, self.data, self.folder = config, data, folder
        options = self.options = config["train_config"]

        # A batch is an update's samples, over all processes; each works its share off in `micro_batches` passes.
        self.processes = Processes()
        self.device = self.processes.device
        keep_freed_memory(self.device)
        self.batch_size = config["dataset_config"]["batch_size"]
        self.share = self.processes.share(self.batch_size)
        self.passes = options["micro_batches"]
        mine = self.share.stop - self.share.start
        if mine % self.passes:
            raise CaptureError(
                f"micro_batches {self.passes} does not divide the {mine} samples that a process takes of a batch"
            )
        self.steps_per_epoch = math.ceil(config["dataset_config"]["samples_per_epoch"] / self.batch_size)
        self.total_steps = options["num_epochs"] * self.steps_per_epoch

        # Networks, an optimiser for each, the moving average that people will use, and the run's own randomness.
        self.bf16 = use_bf16(options["precision"], self.device)
        self.method = new_method(config)
        smallest = self.method.smallest_pass
        if mine // self.passes < smallest:
            raise CaptureError(f"batch_size: this method takes at least {smallest} samples a process and pass")
        for network in self.method.networks.values():
            network.to(self.device, memory_format=torch.channels_last)
        self.networks = self.method.networks
        self.ema = EMA(self.networks["gen"], options["ema_decay"])
        self.rng = torch.Generator().manual_seed(options["seed"])
        self.optimisers = {name: self._optimiser(network) for name, network in self.networks.items()}
        self.guard = Guard(options["clip_grad_norm"], wait=self.device.type == "cpu")
        self.step_number, self.meters = 0, Meters()
        self.notes: list[str] = []  # on what a resumed run does otherwise
        self._resume()
        if options["recompute"] and not recompute_blocks(self.networks["gen"]):
            raise CaptureError("train_config.recompute: this method has no blocks that can be recomputed; set it false")
        if options["compile"]:
            check_compiler(self.device)
        for name in self.method.updates:
            if options["compile"]:
                self.networks[name].compile(dynamic=False)
            self.method.trained[name] = self.processes.wrap(self.networks[name])

    def train(self) -> bool:
        """Train to the configured number of epochs. False if interrupted (Ctrl-C): saved, and ready to go on."""
        if self.step_number >= self.total_steps:
            logger.info(f"{self.folder}: trained for {self.epoch} epochs already; raise --num_epochs to go on")
            return True
        batches = self._batches()  # before anything is written: frames or pairs that can't be read leave nothing behind
        if self.processes.main:
            for count in (self.config["main_config"]["sample_rows"], self.config["main_config"]["validation_pairs"]):
                self.data.test_batch(count)
            write_bytes(self.folder / RESULT_CONFIG, dump_yaml(self.config).encode())
        self.log = RunLog(self.folder, self.step_number, write=self.processes.main)
        for line in (*self.notes, self._opening()):
            logger.info(line)
        bar = tqdm(
            total=self.total_steps * self.batch_size,
            initial=self.step_number * self.batch_size,
            unit="sample",
            desc=f"epoch {self.epoch + 1}",
            smoothing=0.05,
            dynamic_ncols=True,
            disable=not self.processes.main,
        )
        started = last_save = last_shown = epoch_start = time.monotonic()
        first_step = self.step_number  # of this epoch in this process
        try:
            with self.processes.watching(), self._explaining(), stop_on_signal() as stopped:
                for batch in batches:
                    batch = self._to_device(batch)
                    self.meters.add(self.step(batch))
                    self.step_number += 1
                    bar.update(self.batch_size)
                    now = time.monotonic()

                    # Losses are read, and so waited for, about twice a second, not at every step.
                    if now - last_shown > 0.5 and self.processes.main:
                        self.guard.check()
                        losses = self.meters.means().items()
                        bar.set_postfix({k: f"{v.item():.3f}" for k, v in losses}, refresh=False)
                        last_shown = now

                    if self.step_number % self.steps_per_epoch == 0:
                        taken = (self.step_number - first_step) * self.batch_size
                        self._end_epoch(batch, taken / max(now - epoch_start, 1e-9))
                        bar.set_description(f"epoch {min(self.epoch + 1, self.options['num_epochs'])}", refresh=False)
                        last_save = epoch_start = time.monotonic()
                        first_step = self.step_number
                        if self.step_number >= self.total_steps:
                            return True

                    # Signals and clocks differ between processes; what is done about them must not.
                    wish = self._wish(bool(stopped), now - started, now - last_save)
                    wish = self.processes.agree(wish, self.step_number)
                    if wish:
                        self.save(self.folder / FOLDER / LATEST)
                        last_save = time.monotonic()
                    if wish == TIME_IS_OVER:
                        logger.info(f"max_minutes are over: saved at step {self.step_number} of {self.total_steps}")
                        return True
                    if wish == INTERRUPTED:
                        logger.info(
                            f"interrupted: saved at step {self.step_number}; the same command goes on from here"
                        )
                        return False
        finally:
            bar.close()
            self.log.close()

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One update of every network from this process's float batch (B, 3, S, S).

        Returns:
            The losses' parts and the gradients' norms, detached scalars on the device.
        Raises:
            NotFinite: one of them is not a number or infinite (see capture.training.nonfinite for when).
        """
        self._set_learning_rates()
        random = self.method.draw_randomness(self.batch_size, self.rng)[self.share].to(self.device)
        count = len(random) // self.passes
        pieces = [
            ({name: value[i : i + count] for name, value in batch.items()}, random[i : i + count])
            for i in range(0, len(random), count)
        ]
        kept = {} if self.passes == 1 else None  # several passes can't all keep their pictures
        parts: dict[str, Tensor] = {}
        for name in self.method.updates:
            terms: dict[str, Tensor] = {}
            self.optimisers[name].zero_grad()
            for i, (piece, drawn) in enumerate(pieces):
                unfinished = i + 1 < self.passes
                apart = self.processes.keep_apart(self.method.trained[name], unfinished)
                with apart, held(self.networks.values(), hold=i > 0):
                    with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                        loss, more = self.method.loss(name, piece, drawn, kept)
                    (loss / self.passes).backward()
                for part, value in more.items():
                    terms[part] = terms.get(part, 0) + value / self.passes
            norm = self.guard.admit(self.step_number, name, self.networks[name], self.optimisers[name], terms)
            self.optimisers[name].step()
            parts |= terms | {f"grad_{name}": norm}
        self.ema.update(self.networks["gen"], self.step_number)
        return parts

    def validate(self, count: int) -> dict[str, float]:
        """Mean L1 and SSIM, on [0, 1], of the moving average over held-out pairs with a target ({} without any)."""
        pairs = self.data.test_batch(count)
        if "target" not in pairs:
            return {}
        output = self._render(pairs).float() / 255
        target = pairs["target"].float() / 255
        return {"val_L1": l1(output, target).mean().item(), "val_SSIM": ssim(output, target).mean().item()}

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self.step_number // self.steps_per_epoch

    def save(self, path: Path) -> None:
        """Everything that the rest of the run depends on, in one atomic write, by one process."""
        self.guard.check()
        meters = self.meters.state()
        if self.processes.world > 1:
            meters["meters"] = {k: v.cpu() for k, v in self.processes.mean(self.meters.sums).items()}
        if not self.processes.main:
            return
        save_checkpoint(path, {
            "epoch": self.epoch,
            "step": self.step_number,
            **{f"{name}_state_dict": network.state_dict() for name, network in self.networks.items()},
            **{f"{name}_opt": optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "ema_state_dict": self.ema.average.state_dict(),
            "noise_rng": self.rng.get_state(),
            **meters,
            "config": self.config,
        })  # fmt: skip

    def _resume(self) -> None:
        """Take up the newest good checkpoint of the result folder, else the generator that start_from names, if any."""
        found = resumable_state(self.folder, self.config, set_aside=self.processes.main)
        start = self.config["main_config"]["start_from"]
        if found is None and start:
            other = PoseTransfer.load(start, "cpu")
            for network in (self.networks["gen"], self.ema.average):
                load_weights(network, other.generator.state_dict(), start, self.config, other.config)
            self.notes = [f"note: starting from the generator of {start}"]
        if found is None:
            return
        path, state, self.notes = found
        weights = {f"{name}_state_dict": network for name, network in self.networks.items()}
        for name, network in {**weights, "ema_state_dict": self.ema.average}.items():
            load_weights(network, state.get(name) or {}, path, self.config, state["config"])
        for name, optimiser in self.optimisers.items():
            restore_optimiser(optimiser, state.get(f"{name}_opt"), path)
        with saying_damaged(path):
            self.rng.set_state(state["noise_rng"])
            self.meters.load(state, self.device)
            self.step_number = step_of(state)

    def _optimiser(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), betas=tuple(self.options["adam_betas"]), fused=True)

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        """Batches from the current step on, without end; frames that fit are decoded into a cache first.

        Sample i depends on i and the seed alone.
        """
        sampler = EndlessBatches(self.batch_size, self.step_number, self.processes.rank, self.processes.world)
        workers = self.config["dataset_config"]["num_workers"]
        return iter(make_loader(self.data.train, sampler, workers, self.device, progress=self.processes.main))

    def _to_device(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        moved = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        return {
            name: normalise(value).contiguous(memory_format=torch.channels_last)
            if value.dtype == torch.uint8 and not name.endswith(MAPS)
            else value
            for name, value in moved.items()
        }

    def _set_learning_rates(self) -> None:
        """As configured, less at first, after lr_drop_epochs and over the last lr_decay_epochs."""
        falling = self.options["lr_decay_epochs"] * self.steps_per_epoch
        share = min(1.0, (self.total_steps - self.step_number) / falling) if falling else 1.0
        share *= min(1.0, (self.step_number + 1) / max(self.options["lr_warmup_steps"], 1))
        share *= 0.1 ** sum(0 <= epoch <= self.epoch for epoch in self.options["lr_drop_epochs"])
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self.options[self.method.learning_rates[name]] * share

    def _wish(self, stopped: bool, running: float, unsaved: float) -> int:
        """What this process would do now, after so many seconds of running and of nothing saved."""
        if stopped:
            return INTERRUPTED
        if running > 60 * self.options["max_minutes"] > 0:
            return TIME_IS_OVER
        return SAVE if unsaved > 60 * self.config["main_config"]["save_minutes"] > 0 else GO_ON

    def _end_epoch(self, batch: dict[str, Tensor], rate: float) -> None:
        """Pictures, metrics, then the checkpoint: what a crash in between leaves is written again after resuming."""
        options, epoch = self.config["main_config"], self.epoch
        self.guard.check()
        means = {name: value.item() for name, value in self.processes.mean(self.meters.means()).items()}
        if self.processes.main:
            rows = options["sample_rows"]
            shown = {
                name: denormalise(batch[name][:rows]).cpu() for name in ("identity", "pose", "target") if name in batch
            }
            for split, pairs in (("train", shown), ("test", self.data.test_batch(rows))):
                if pairs:
                    truth = [pairs["target"]] if "target" in pairs else []
                    self.log.pictures(
                        split, epoch, self.step_number, [pairs["identity"], pairs["pose"], self._render(pairs), *truth]
                    )
            means.update(self.validate(options["validation_pairs"]))
            self.log.row(
                {
                    "epoch": epoch,
                    "step": self.step_number,
                    "samples": self.step_number * self.batch_size,
                    "samples_per_second": round(rate, 3),
                    **{k: round(v, 6) for k, v in means.items()},
                }
            )
        logger.info(f"epoch {epoch}: " + ", ".join(f"{k} {v:.4f}" for k, v in means.items()))
        self.meters.reset()
        if epoch % options["interval"] == 0 and epoch > options["save_minimum_epoch"]:
            self.save(self.folder / FOLDER / f"{epoch}epoch_checkpoint.pt")
        self.save(self.folder / FOLDER / LATEST)

    def _render(self, pairs: dict[str, Tensor]) -> Tensor:
        """The moving average's pictures, uint8 (N, 3, S, S), for uint8 pairs."""
        renderer = PoseTransfer(self.ema.average, self.config, self.device, self.options["precision"])
        return renderer.render(pairs["identity"], pairs["pose"], max(self.batch_size // self.processes.world, 1))

    def _opening(self) -> str:
        where = f"{self.device}" + (f" and {self.processes.world - 1} more" if self.processes.world > 1 else "")
        return (
            f"{'resuming at' if self.step_number else 'training from'} step {self.step_number} of {self.total_steps} "
            f"on {where} in {'bf16' if self.bf16 else 'fp32'}{', compiled' if self.options['compile'] else ''}; "
            f"output goes to {self.folder}"
        )

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """Turn what may befall a step into one line."""
        share = (self.share.stop - self.share.start) // self.passes
        doing = f"{self.folder}: training at batch_size {self.batch_size} ({share} samples a pass)"
        remedy = "lower batch_size, raise micro_batches, set recompute true, or lower image_size"
        try:
            with explain_out_of_memory(self.device, doing, remedy):
                yield
        except NotFinite as error:
            samples = range(error.step * self.batch_size, (error.step + 1) * self.batch_size)
            raise stopped_by(error, self.folder, self.data.train, samples, self.processes.main) from None
