"""One update of CaPTURe's networks with true targets. Terms whose weight is 0 cost nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Loss
from capture.methods.capture import method as capture
from capture.methods.capture.generator import CaPTUReGenerator
from capture.methods.capture.losses import reconstruction_loss
from capture.methods.capture_supervised.pose_rows import use_pose_rows
from capture.methods.supervision import target_loss, target_perceptual_loss
from capture.nn.perceptual import MAX_STRIDE, lpips_loss


class Method(capture.Method):
    """CaPTURe, and L1 and LPIPS between the fusion and its true target, where a sample has one."""

    title = "CaPTURe (true targets)"
    paper = "networks: An and Choi, Neurocomputing 2023; supervision: this project"

    def __init__(self, config: dict[str, Any]):
        super().__init__(config)
        weights, supervision = config["loss_config"], config["supervision_config"]
        if not weights["dis_ganLoss_weight"] and not weights["gen_ganLoss_weight"]:
            self.update_order = ("gen",)
        self.supervision, self.perceptual = supervision, None
        if supervision["perceptual_weight"]:
            self.perceptual = lpips_loss(
                supervision["perceptual_net"], supervision["perceptual_path"], "supervision_config.perceptual_weight"
            )

    @classmethod
    def batch_keys(cls, config: dict[str, Any]) -> dict[str, str]:
        weights = config["supervision_config"]
        asks = [f"{name} {weights[name]}" for name in ("target_weight", "perceptual_weight") if weights[name]]
        why = (
            f"supervision_config: {' and '.join(asks)}: this dataset has no true targets; toon and rendered datasets do"
        )
        return {"target": f"{why}; or train with main_config.method capture"} if asks else {}

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> CaPTUReGenerator:
        generator = super().build_generator(config)
        if config["supervision_config"]["attention_rows"] == "pose":
            use_pose_rows(generator)
        return generator

    def sample_noise(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 16m + 2): the noise of fusion and reconstruction, and two numbers in [0, 1) that say how far the
        grid on which LPIPS looks at pictures is moved."""
        noise = super().sample_noise(batch, rng).flatten(1)  # (B, 2 * 2 * 4m)
        return torch.cat([noise, torch.rand(batch, 2, generator=rng)[:1].expand(batch, -1)], dim=1)

    def loss(self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None) -> Loss:
        x, y, weights = batch["identity"], batch["real"], self.losses
        grid_offset = (noise[0, -2:] * MAX_STRIDE).long()  # (2,) pixels
        noise = noise[:, :-2].unflatten(1, (2, 2, -1))  # (B, 2, 2, 4m)
        fakes = self.fakes(name, batch, noise, cache)  # fusion and, where it has a weight, reconstruction
        if name == "disc":
            loss, metrics = self.discriminator_loss(x, y, fakes)
            return loss * weights["dis_ganLoss_weight"], metrics
        terms: dict[str, tuple[float, Loss]] = {}
        if len(fakes) > 1:
            terms["recon"] = weights["gen_reconLoss_weight"], reconstruction_loss(fakes[1], x)
        if "disc" in self.update_order:
            terms["gan"] = weights["gen_ganLoss_weight"], self.adversarial_loss(y, fakes)
        if "target" in batch:
            terms["target"] = self.supervision["target_weight"], target_loss(fakes[0], batch)
            if self.perceptual is not None:
                distance = partial(self.perceptual, offset=grid_offset)
                weight = self.supervision["perceptual_weight"]
                terms["perceptual"] = weight, target_perceptual_loss(fakes[0], batch, distance)
        loss, metrics = torch.zeros((), device=x.device), {}
        for weight, (term, its_metrics) in terms.values():
            loss = loss + weight * term
            metrics |= its_metrics
        return loss, metrics

    def fakes(
        self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None
    ) -> tuple[Tensor, ...]:
        if self.losses["gen_reconLoss_weight"] > 0:
            return super().fakes(name, batch, noise, cache)
        if cache is not None and "fakes" in cache:
            known: tuple[Tensor, ...] = cache["fakes"]
            return known
        inputs = {"identity": batch["identity"], "pose": batch["pose"]}
        with torch.set_grad_enabled(name == "gen" or cache is not None):
            fusion = self.trained["gen"](inputs, noise[:, 0])  # (B, 3, S, S)
        if cache is not None:
            cache["fakes"] = (fusion,)
        return (fusion,)
