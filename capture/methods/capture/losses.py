"""The losses of CaPTURe: free functions from tensors to (loss, metrics by name).

Metrics are detached tensors, so that reading them is the caller's choice and no step waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.base import Loss
from capture.nn.masked import masked_l1


def gan_loss(logits: Tensor, kind: str, real: bool, for_generator: bool = False) -> Tensor:
    """The adversarial loss of a map of patch logits, towards real or fake.

    BCE is taken on the logits (the same value as on probabilities, and safe); MSE and hinge on the probabilities,
    as published. The generator's hinge loss is minus the mean score.

    Args:
        kind: BCE | MSE | hinge.
    """
    if kind == "BCE":
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))
    score = torch.sigmoid(logits)
    if kind == "MSE":
        return ((score - float(real)) ** 2).mean()
    if kind == "hinge":
        if for_generator:
            return -score.mean()
        return F.relu(1 - score if real else 1 + score).mean()
    raise ValueError(f"ganLoss_type '{kind}' is none of BCE, MSE, hinge")


def discriminator_loss(real: Tensor, fakes: Sequence[Tensor], kind: str) -> Loss:
    """L_D from the logits of the real pair (x, y) and of the fakes: (fusion, y) and (reconstruction, y)."""
    on_real = gan_loss(real.float(), kind, real=True)
    on_fake = torch.stack([gan_loss(fake.float(), kind, real=False) for fake in fakes]).mean()
    return on_real + on_fake, {"D_real": on_real.detach(), "D_fake": on_fake.detach()}


def adversarial_loss(fakes: Sequence[Tensor], kind: str) -> Loss:
    """How far the generator is from fooling D, from D's logits of the fakes."""
    gan = torch.stack([gan_loss(fake.float(), kind, real=True, for_generator=True) for fake in fakes]).mean()
    return gan, {"G_gan": gan.detach()}


def reconstruction_loss(reconstruction: Tensor, identity: Tensor) -> Loss:
    """L1 between G(y, x), the identity of y in the pose of x, and x itself."""
    recon = masked_l1(reconstruction, identity)
    return recon, {"G_recon": recon.detach()}
