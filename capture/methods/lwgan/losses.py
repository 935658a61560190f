"""The losses of Liquid Warping GAN: free functions; each returns a number for each sample, (B,), unless it says more.

Liu et al., ICCV 2019, section 3.3, with the targets of the release's LSGAN: 1 and -1 for the discriminator, and 0 for
the generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.nn.perceptual import Features, PerceptualLoss

LAYER_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # of relu1_1, relu2_1, relu3_1, relu4_1, relu5_1


def mean_over(values: Tensor, counts: Tensor) -> Tensor:
    """The mean of values (B,) over the samples that count (B,) bool; 0 where none does."""
    return (values * counts).sum() / counts.sum().clamp(min=1)


def l1(prediction: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of pictures (B, C, S, S)."""
    return (prediction - truth).abs().flatten(1).mean(1)


class TransferLoss:
    """The perceptual distance between the transfer and the truth, both (B, 3, S, S) in [-1, 1].

    The pictures go in as they are, in [-1, 1], at their own size, not standardised by ImageNet's mean and deviation: so
    the release has it.

    Args:
        features: the network whose features are compared, weighted by LAYER_WEIGHTS; None: the L1 distance of the
            pixels. Its mean and standard deviation are replaced by 0 and 1.
    """

    def __init__(self, features: Features | None):
        weights: Sequence[float] = (1.0,) if features is None else LAYER_WEIGHTS
        self.distance = PerceptualLoss(features, weights, (1,))
        if features is not None:
            features.get_buffer("mean").zero_()
            features.get_buffer("std").fill_(1)

    @classmethod
    def load(cls, net: str, folder: str | Path | None = None) -> TransferLoss:
        """By the published weights of vgg19 (as the release) or alexnet, or "none" for pixels; see PerceptualLoss.load.

        Raises:
            CaptureError: the weights are missing, damaged or another network's.
        """
        return cls(PerceptualLoss.load(net, LAYER_WEIGHTS, (1,), folder).features)

    def __call__(self, prediction: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
        """A scalar: the mean over the samples that count (B,) bool; the others take no part."""
        prediction = torch.where(counts[:, None, None, None], prediction, truth)
        mean: Tensor = self.distance(prediction, truth) * len(counts) / counts.sum().clamp(min=1)
        return mean


def mask_loss(masks: Sequence[Tensor], targets: Sequence[Tensor], kind: Literal["bce", "mse"] = "bce") -> Tensor:
    """Predicted background masks (B, 1, S, S) in [0, 1] against their targets; the mean over the masks of a sample."""
    distance = F.binary_cross_entropy if kind == "bce" else F.mse_loss
    with torch.autocast(masks[0].device.type, enabled=False):
        pairs = [distance(mask.float(), target, reduction="none") for mask, target in zip(masks, targets)]
    return torch.stack([pair.flatten(1).mean(1) for pair in pairs]).mean(0)


def mask_smoothness(masks: Sequence[Tensor]) -> Tensor:
    """Total variation of masks (B, 1, S, S): mean absolute horizontal and vertical differences, summed."""
    across = [mask.diff(dim=3).abs().flatten(1).mean(1) + mask.diff(dim=2).abs().flatten(1).mean(1) for mask in masks]
    return torch.stack(across).mean(0)


def generator_adversarial(fake: Tensor) -> Tensor:
    """Scores (B, 1, s, s) of the transfer, towards 0."""
    return fake.square().flatten(1).mean(1)


def discriminator_adversarial(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (B, 1, s, s) of true pictures towards 1 and of made ones towards -1; the sum is the loss."""
    return (real - 1).square().flatten(1).mean(1), (fake + 1).square().flatten(1).mean(1)
