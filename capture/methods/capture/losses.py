"""The losses of CaPTURe: free functions from tensors to (loss, parts by name).

Parts are detached tensors, so that reading them is the caller's choice and no step waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

GAN_LOSSES = ("BCE", "MSE", "hinge")


def gan_loss(logits: Tensor, kind: str, real: bool, for_generator: bool = False) -> Tensor:
    """The adversarial loss of a map of patch logits, towards real or fake.

    BCE is taken on the logits (the same value as on probabilities, and safe); MSE and hinge on the probabilities,
    as published. The generator's hinge loss is minus the mean score.
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
    raise ValueError(f"ganLoss_type '{kind}' is none of {', '.join(GAN_LOSSES)}")


def masked_l1(image: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
    """Mean absolute difference of (B, 3, S, S) images, over the samples where `known` (B,) is true (0 if none is)."""
    return masked_mean((image.float() - target.float()).abs().mean(dim=(1, 2, 3)), known)


def masked_mean(per_sample: Tensor, known: Tensor | None = None) -> Tensor:
    """Mean of (B,) over the samples where `known` (B,) is true (0 if none is)."""
    if known is None:
        return per_sample.mean()
    return (per_sample * known).sum() / known.sum().clamp(min=1)


def discriminator_loss(real: Tensor, fakes: Sequence[Tensor], config: dict) -> tuple[Tensor, dict]:
    """L_D from the logits of the real pair (x, y) and of the fakes, as published of fusion and reconstruction."""
    kind = config["ganLoss_type"]
    on_real = gan_loss(real.float(), kind, real=True)
    on_fake = sum(gan_loss(fake.float(), kind, False) for fake in fakes) / len(fakes)
    loss = (on_real + on_fake) * config["dis_ganLoss_weight"]
    return loss, {"D_real": on_real.detach(), "D_fake": on_fake.detach()}


def generator_loss(
    fake_logits: Sequence[Tensor] | None,
    fusion: Tensor,
    reconstruction: Tensor | None,
    batch: dict[str, Tensor],
    config: dict,
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None,
    surfaces: dict[str, tuple[Tensor, dict[str, Tensor]]] | None = None,
) -> tuple[Tensor, dict]:
    """L_G: fool D with the fakes, rebuild x from y's identity and x's pose, and match the true target where known.

    Args:
        fake_logits: D's on (fusion, y) and (reconstruction, y); None for a run without a discriminator.
        reconstruction: None where it has no weight and isn't made.
        batch: float `identity` x, and perhaps `target` with `has_target`.
        perceptual: a distance (B, 3, S, S) x 2 -> (B,) for the fusion and its target.
        surfaces: what surfaces say, by its name in gen_<name>Loss_weight: a loss, and parts to tell.
    """
    loss, parts = torch.zeros((), device=fusion.device), {}
    if reconstruction is not None:
        recon = masked_l1(reconstruction, batch["identity"])
        loss, parts["G_recon"] = recon * config["gen_reconLoss_weight"], recon.detach()
    if fake_logits is not None:
        kind = config["ganLoss_type"]
        gan = sum(gan_loss(logits.float(), kind, True, for_generator=True) for logits in fake_logits) / len(fake_logits)
        loss, parts["G_gan"] = loss + gan * config["gen_ganLoss_weight"], gan.detach()
    if "target" in batch:
        known = batch.get("has_target")
        target = masked_l1(fusion, batch["target"], known)
        parts["G_target"] = target.detach()  # reported even where it does not train
        loss = loss + target * config["gen_targetLoss_weight"]
        if perceptual is not None:
            distance = masked_mean(perceptual(fusion, batch["target"]).float(), known)
            parts["G_perceptual"] = distance.detach()
            loss = loss + distance * config["gen_perceptualLoss_weight"]
    for name, (far, told) in (surfaces or {}).items():
        loss = loss + far * config[f"gen_{name}Loss_weight"]
        parts |= {f"G_{name}": far.detach(), **told}
    return loss, parts
