"""Training CaPTURe (An and Choi, Neurocomputing 2023): setup, train, step, validate."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from capture.checkpoint import FOLDER, FORMAT, LATEST, latest_path, load_checkpoint, load_weights, save_checkpoint
from capture.config import MAY_CHANGE_ON_RESUME, RESULT_CONFIG, differences, dump_yaml
from capture.device import pick_device, use_bf16
from capture.ema import EMA
from capture.errors import CaptureError
from capture.files import write_bytes
from capture.images import denormalise, normalise
from capture.interrupts import ignore_interrupts, stop_on_signal
from capture.losses import discriminator_loss, generator_loss
from capture.metrics.image import l1, ssim
from capture.models import Discriminator, init_weights, score_pairs
from capture.run_log import RunLog
from capture.transfer import PoseTransfer, build_generator
from datasets import Data
from datasets.sampling import EndlessBatches

logger = logging.getLogger("capture")


def build_networks(config: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    """G and D as configured, initialised from the seed, on the CPU."""
    torch.manual_seed(config["train_config"]["seed"])
    generator = build_generator(config)
    try:
        discriminator = Discriminator(**config["discriminator_config"])
    except ValueError as error:
        raise CaptureError(f"discriminator_config: {error}") from None
    for network in (generator, discriminator):
        init_weights(network, config["main_config"]["init"])
    return generator, discriminator


class Trainer:
    """One run, in one result folder. `Trainer(config, data, folder).train()` starts it, or goes on where it stopped."""

    def __init__(self, config: dict[str, Any], data: Data, folder: Path):
        self.config, self.data, self.folder = config, data, folder
        options, self.loss_config = config["train_config"], config["loss_config"]
        self.batch_size = config["dataset_config"]["batch_size"]
        self.adversarial = bool(self.loss_config["dis_ganLoss_weight"] or self.loss_config["gen_ganLoss_weight"])

        # Devices and precision are accelerate's; losses and optimisers stay in float32.
        self.bf16 = use_bf16(options["precision"], pick_device())
        self.accelerator = Accelerator(mixed_precision="bf16" if self.bf16 else "no")
        self.device = self.accelerator.device
        if self.accelerator.num_processes > 1:
            raise CaptureError(
                "training runs in one process so far; start train.py without torchrun or accelerate launch"
            )
        self.steps_per_epoch = math.ceil(
            config["dataset_config"]["samples_per_epoch"] / (self.batch_size * self.accelerator.num_processes)
        )
        self.total_steps = options["num_epochs"] * self.steps_per_epoch

        # Two networks, two optimisers, the moving average that people will use, and the noise's own generator.
        generator, discriminator = (
            network.to(self.device, memory_format=torch.channels_last) for network in build_networks(config)
        )
        self.ema = EMA(generator, options["ema_decay"])
        self.noise_rng = torch.Generator().manual_seed(options["seed"] + self.accelerator.process_index)
        adam = {"betas": tuple(options["adam_betas"]), "fused": True}
        opt_g = torch.optim.Adam(generator.parameters(), lr=options["lr_G"], **adam)
        opt_d = torch.optim.Adam(discriminator.parameters(), lr=options["lr_D"], **adam)
        self.step_number, self.meters, self.meter_steps = 0, {}, 0
        self._resume(generator, discriminator, opt_g, opt_d)
        self.generator, self.discriminator, self.opt_g, self.opt_d = self.accelerator.prepare(
            generator, discriminator, opt_g, opt_d
        )
        # For G's update: past DistributedDataParallel, since D's parameters get no gradient there.
        self.plain_generator = self.accelerator.unwrap_model(self.generator)
        self.plain_discriminator = self.accelerator.unwrap_model(self.discriminator)

    def train(self) -> bool:
        """Train to the configured number of epochs. False if interrupted (Ctrl-C): saved, and ready to go on."""
        if self.step_number >= self.total_steps:
            logger.info(f"{self.folder}: trained for {self.epoch} epochs already; raise --num_epochs to go on")
            return True
        write_bytes(self.folder / RESULT_CONFIG, dump_yaml(self.config).encode())
        self.log = RunLog(self.folder, self.step_number)
        logger.info(
            f"{'resuming at' if self.step_number else 'training from'} step {self.step_number} "
            f"of {self.total_steps} on {self.device} in {'bf16' if self.bf16 else 'fp32'}; "
            f"output goes to {self.folder}"
        )
        bar = tqdm(
            total=self.total_steps * self.batch_size,
            initial=self.step_number * self.batch_size,
            unit="sample",
            desc=f"epoch {self.epoch + 1}",
            smoothing=0.05,
            dynamic_ncols=True,
        )
        started = last_save = last_shown = epoch_start = time.monotonic()
        last_epoch = self.config["train_config"]["num_epochs"]
        first_step = self.step_number  # of this epoch in this process
        try:
            with stop_on_signal() as stopped:
                for batch in self._batches():
                    batch = self._to_device(batch)
                    self._measure(self.step(batch))
                    self.step_number += 1
                    bar.update(self.batch_size)

                    # Losses are read, and so waited for, about twice a second, not at every step.
                    if time.monotonic() - last_shown > 0.5:
                        bar.set_postfix({k: f"{v:.3f}" for k, v in self._read_meters().items()}, refresh=False)
                        last_shown = time.monotonic()

                    if self.step_number % self.steps_per_epoch == 0:
                        taken = (self.step_number - first_step) * self.batch_size
                        self._end_epoch(batch, taken / max(time.monotonic() - epoch_start, 1e-9))
                        bar.set_description(f"epoch {min(self.epoch + 1, last_epoch)}", refresh=False)
                        last_save = epoch_start = time.monotonic()
                        first_step = self.step_number
                    elif time.monotonic() - last_save > 60 * self.config["main_config"]["save_minutes"] > 0:
                        self.save(self.folder / FOLDER / LATEST)
                        last_save = time.monotonic()

                    if self.step_number >= self.total_steps:
                        return True
                    if time.monotonic() - started > 60 * self.config["train_config"]["max_minutes"] > 0:
                        self.save(self.folder / FOLDER / LATEST)
                        logger.info(f"max_minutes are over: saved at step {self.step_number} of {self.total_steps}")
                        return True
                    if stopped:
                        self.save(self.folder / FOLDER / LATEST)
                        logger.info(
                            f"interrupted: saved at step {self.step_number}; the same command goes on from here"
                        )
                        return False
        finally:
            bar.close()
            self.log.close()

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One update of D and of G from float batches (B, 3, S, S); returns the losses' parts, detached.

        fusion = G(x, p) has no ground truth of the released kind; reconstruction = G(y, x) must be x.
        """
        x, y, p = batch["identity"], batch["real"], batch["pose"]
        self._set_learning_rates()

        # One generator forward for both pictures.
        noise = self.plain_generator.draw_noise(2 * len(x), self.device, self.noise_rng)
        images = self.generator(torch.cat([x, y]), torch.cat([p, x]), noise)  # (2B, 3, S, S)
        fusion, reconstruction = images.chunk(2)

        # D: real pairs are (x, y); the fakes, cut off from G, are (fusion, y) and (reconstruction, y).
        parts: dict[str, Tensor] = {}
        fake_logits = None
        if self.adversarial:
            pairs = [(x, y), (fusion.detach(), y), (reconstruction.detach(), y)]
            loss, parts = discriminator_loss(*score_pairs(self.discriminator, pairs), self.loss_config)
            self.opt_d.zero_grad()
            self.accelerator.backward(loss)
            self.opt_d.step()
            # G: the same fakes before the updated D, whose own parameters need no gradient now.
            self.plain_discriminator.requires_grad_(False)
            fake_logits = score_pairs(self.plain_discriminator, [(fusion, y), (reconstruction, y)])
            self.plain_discriminator.requires_grad_(True)

        loss, more = generator_loss(fake_logits, fusion, reconstruction, batch, self.loss_config)
        self.opt_g.zero_grad()
        self.accelerator.backward(loss)
        self.opt_g.step()
        self.ema.update(self.plain_generator, self.step_number)
        return {**parts, **more}

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

    @property
    def networks(self) -> tuple[nn.Module, nn.Module]:
        """G and D."""
        return self.plain_generator, self.plain_discriminator

    def save(self, path: Path) -> None:
        """Everything that the rest of the run depends on, in one atomic write, by one process."""
        if not self.accelerator.is_main_process:
            return
        save_checkpoint(path, {
            "epoch": self.epoch,
            "step": self.step_number,
            "gen_state_dict": self.plain_generator.state_dict(),
            "disc_state_dict": self.plain_discriminator.state_dict(),
            "ema_state_dict": self.ema.average.state_dict(),
            "gen_opt": self.opt_g.state_dict(),
            "disc_opt": self.opt_d.state_dict(),
            "noise_rng": self.noise_rng.get_state(),
            "meters": {name: value.cpu() for name, value in self.meters.items()},
            "meter_steps": self.meter_steps,
            "config": self.config,
        })  # fmt: skip

    def _resume(self, generator: nn.Module, discriminator: nn.Module, opt_g, opt_d) -> None:
        """Take up the newest checkpoint of the result folder, if there is one."""
        path = latest_path(self.folder)
        if not path.exists():
            return
        state = load_checkpoint(path)
        if state.get("format") != FORMAT:
            raise CaptureError(
                f"{path}: a checkpoint of the published release: it can be rendered with, not resumed; "
                "choose another --result_title"
            )
        other = [d for d in differences(state["config"], self.config) if d[0] not in MAY_CHANGE_ON_RESUME]
        if other:
            keys = "; ".join(f"{key} is {theirs} there and {ours} now" for key, theirs, ours in other)
            raise CaptureError(
                f"{self.folder}: holds a run with another configuration: {keys}; "
                "choose another --result_title or remove that folder"
            )
        load_weights(generator, state["gen_state_dict"], path, self.config, state["config"])
        load_weights(discriminator, state["disc_state_dict"], path, self.config, state["config"])
        load_weights(self.ema.average, state["ema_state_dict"], path, self.config, state["config"])
        opt_g.load_state_dict(state["gen_opt"])
        opt_d.load_state_dict(state["disc_opt"])
        self.noise_rng.set_state(state["noise_rng"])
        self.step_number, self.meter_steps = state["step"], state["meter_steps"]
        self.meters = {name: value.to(self.device) for name, value in state["meters"].items()}

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        """Batches from the current step on, without end. Sample i depends on i and the seed alone."""
        workers = self.config["dataset_config"]["num_workers"]
        sampler = EndlessBatches(
            self.batch_size, self.step_number, self.accelerator.process_index, self.accelerator.num_processes
        )
        loader = DataLoader(
            self.data.train,
            batch_sampler=sampler,
            num_workers=workers,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=ignore_interrupts,
        )
        return iter(loader)

    def _to_device(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        moved = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        return {
            name: normalise(value).contiguous(memory_format=torch.channels_last)
            if value.dtype == torch.uint8
            else value
            for name, value in moved.items()
        }

    def _set_learning_rates(self) -> None:
        """As configured, falling to zero over the last lr_decay_epochs: a function of the step alone."""
        options = self.config["train_config"]
        falling = options["lr_decay_epochs"] * self.steps_per_epoch
        share = min(1.0, (self.total_steps - self.step_number) / falling) if falling else 1.0
        for optimiser, rate in ((self.opt_g, options["lr_G"]), (self.opt_d, options["lr_D"])):
            for group in optimiser.param_groups:
                group["lr"] = rate * share

    def _measure(self, parts: dict[str, Tensor]) -> None:
        for name, value in parts.items():
            self.meters[name] = self.meters[name] + value if name in self.meters else value.clone()
        self.meter_steps += 1

    def _read_meters(self) -> dict[str, float]:
        """Means over the epoch so far. Stops the run where one is not a number."""
        means = {name: value.item() / self.meter_steps for name, value in self.meters.items()}
        wrong = [name for name, value in means.items() if not math.isfinite(value)]
        if wrong:
            raise CaptureError(
                f"{self.folder}: loss {wrong[0]} is not finite at step {self.step_number}; the last checkpoint "
                "is kept: lower lr_G and lr_D, or use precision fp32"
            )
        return means

    def _end_epoch(self, batch: dict[str, Tensor], rate: float) -> None:
        """Pictures, metrics, then the checkpoint: what a crash in between leaves is written again after resuming."""
        options, epoch = self.config["main_config"], self.epoch
        means = self._read_meters()
        if self.accelerator.is_main_process:
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
        self.meters, self.meter_steps = {}, 0
        if epoch % options["interval"] == 0 and epoch > options["save_minimum_epoch"]:
            self.save(self.folder / FOLDER / f"{epoch}epoch_checkpoint.pt")
        self.save(self.folder / FOLDER / LATEST)

    def _render(self, pairs: dict[str, Tensor]) -> Tensor:
        """The moving average's pictures, uint8 (N, 3, S, S), for uint8 pairs."""
        renderer = PoseTransfer(self.ema.average, self.config, self.device, self.config["train_config"]["precision"])
        return renderer.render(pairs["identity"], pairs["pose"], self.batch_size)
