"""The validation at the end of an epoch: metrics and image grids of the generator's moving average."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.pretrained import WeightsMissing, weights_folder
from capture.data.open_data import Data
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise
from capture.methods.base import Generator
from capture.metrics.image import l1, ssim
from capture.metrics.lpips import Perceptual
from capture.training.run_log import RunLog

logger = logging.getLogger("capture")


class Validation:
    """Renders training pairs and held-out pairs.

    Args:
        generator: the moving average of the generator.  batch_size: number of pairs that are rendered together.
    """

    def __init__(self, generator: Generator, config: dict[str, Any], data: Data, device: torch.device, batch_size: int):
        self.generator, self.config, self.data, self.device = generator, config, data, device
        self.batch_size = batch_size
        self.rows = config["main_config"]["sample_rows"]
        self.count = config["main_config"]["validation_pairs"]
        self.perceptual: Perceptual | None = None

    def read_pairs(self) -> None:
        """Read the held-out pairs and LPIPS's weights, so that a run that lacks them ends before it writes anything.

        Raises:
            CaptureError: pairs that can't be read, or `validation_lpips` without the weights of AlexNet.
        """
        batches = [self.data.test_batch(count) for count in (self.rows, self.count)]
        if missing := next(filter(None, map(self._missing, batches)), []):
            logger.warning(
                "the held-out pairs have no %s, which the method reads: no validation, and no pictures of them",
                " and no ".join(missing),
            )
        if self.config["main_config"]["validation_lpips"]:
            try:
                self.perceptual = Perceptual.load("alex", weights_folder(), self.device, "CAPTURE_WEIGHTS")
            except WeightsMissing as error:
                raise CaptureError(f"validation_lpips: {error}") from None

    def metrics(self) -> dict[str, float]:
        """The mean L1, SSIM and, where it is asked for, LPIPS of the held-out pairs, for pictures in [0, 1].

        {} where the pairs have no targets, or lack a map that the method reads.
        """
        pairs = self.data.test_batch(self.count)
        if "target" not in pairs or self._missing(pairs):
            return {}
        output = self.render(pairs).float() / 255
        target = pairs["target"].float() / 255
        means = {"val_L1": l1(output, target).mean().item(), "val_SSIM": ssim(output, target).mean().item()}
        if self.perceptual is not None:
            batches = zip(output.split(self.batch_size), target.split(self.batch_size))
            distances = [self.perceptual(*(x.to(self.device) for x in batch)) for batch in batches]
            means["val_LPIPS"] = torch.cat(distances).mean().item()
        return means

    def draw(self, log: RunLog, batch: dict[str, Tensor], epoch: int, step: int) -> None:
        """Write the image grids of an epoch: of `batch`, floats on the device, and of held-out pairs.

        Pairs that lack a map that the method reads are left out.
        """
        roles = {"target", *self.generator.inputs, "identity", "pose"}
        shown = {name: value[: self.rows] for name, value in batch.items() if name in roles}
        train = {name: _as_picture(value).cpu() for name, value in shown.items()}
        for split, pairs in (("train", train), ("test", self.data.test_batch(self.rows))):
            if pairs and not self._missing(pairs):
                truth = [pairs["target"]] if "target" in pairs else []
                columns = [pairs["identity"], pairs["pose"], self.render(pairs), *truth]
                log.pictures(split, epoch, step, columns)

    def _missing(self, pairs: dict[str, Tensor]) -> list[str]:
        """What the generator reads and these pairs lack; [] where there are no pairs."""
        return [role for role in self.generator.inputs if role not in pairs] if pairs else []

    def render(self, pairs: dict[str, Tensor]) -> Tensor:
        """Render pairs of uint8 pictures. Returns uint8 (N, 3, S, S)."""
        transfer = PoseTransfer(self.generator, self.config, self.device, self.config["train_config"]["precision"])
        maps = {name: value for name, value in pairs.items() if name.endswith("_uv")}
        return transfer.render(pairs["identity"], pairs["pose"], self.batch_size, maps=maps)


def _as_picture(value: Tensor) -> Tensor:
    return value if value.dtype == torch.uint8 else denormalise(value)
