"""The release's way of computing, restated plainly: eager float32, its repeated forwards, N x N attention.

The weights and the values are the same as ours (tested); only the work differs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture.discriminator import Discriminator
from capture.methods.capture.generator import CaPTUReGenerator
from capture.methods.capture.losses import gan_loss
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import ConvBlock, InstanceNorm, ResBlock, adain


class NxNAttention(nn.Module):
    """ReverseAttention with both attention matrices written out, (B, N, N)."""

    def __init__(self, ours: ReverseAttention):
        super().__init__()
        self.ours = ours

    def forward(self, feature: Tensor, identity: Tensor, pose: Tensor) -> Tensor:
        o = self.ours
        b, c, h, w = feature.shape

        def weights(query: Tensor, key: Tensor) -> Tensor:
            q, k = o.query_conv(query).flatten(2), o.key_conv(key).flatten(2)  # (B, d, N)
            return torch.softmax(torch.bmm(q.transpose(1, 2), k) / o.t, dim=-1)  # (B, N, N)

        value = o.value_conv(identity).flatten(2)  # (B, C, N)
        attended = torch.bmm(value, weights(identity, pose).transpose(1, 2)).view(b, c, h, w)
        f_a = (1 - o.beta) * identity + o.beta * attended
        h_in = adain(feature, identity)
        reverse = torch.bmm(h_in.flatten(2), (1 - weights(pose, identity)).transpose(1, 2)).view(b, c, h, w)
        f_ra = (1 - o.alpha) * reverse + o.alpha * h_in
        return o.out_conv(torch.cat([f_a, f_ra], dim=1))


class UpsampleFirst(nn.Module):
    """An up-ResBlock that enlarges before its 1x1 skip convolution."""

    def __init__(self, ours: ResBlock):
        super().__init__()
        self.ours = ours

    def forward(self, x: Tensor) -> Tensor:
        main = self.ours.conv2(self.ours.conv1(x))
        skip = self.ours.skip(F.interpolate(x, scale_factor=2, mode="nearest"))
        return self.ours.activ((main + skip) / 2**0.5)


class PlainInstanceNorm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x)


def as_released(generator: CaPTUReGenerator) -> CaPTUReGenerator:
    """Turn a generator's blocks, in place, into the release's way of computing the same."""
    for block in generator.modules():
        if isinstance(block, ConvBlock) and isinstance(block.norm, InstanceNorm):
            block.norm = PlainInstanceNorm()
    decoder = generator.decoder
    decoder.attention = nn.ModuleList(NxNAttention(module) for module in decoder.attention)
    decoder.res_up = nn.ModuleList(UpsampleFirst(block) for block in decoder.res_up)
    return generator


class ReleaseTraining:
    """Its training step: a forward for each picture and each pair, plain Adam, losses read at every step."""

    def __init__(self, config: dict[str, Any], device: torch.device):
        self.config = config
        self.generator = as_released(CaPTUReGenerator(config["generator_config"])).to(device)
        self.discriminator = Discriminator(**config["discriminator_config"]).to(device)
        adam = {"betas": (0.5, 0.999), "lr": 1e-4}
        self.opt_g = torch.optim.Adam(self.generator.parameters(), **adam)
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), **adam)

    def step(self, batch: dict[str, Tensor]) -> list[float]:
        x, y, p = batch["identity"], batch["real"], batch["pose"]
        losses, kind = self.config["loss_config"], self.config["loss_config"]["ganLoss_type"]
        score = lambda a, b: self.discriminator(torch.cat([a, b], dim=1))  # noqa: E731
        noise = [self.generator.sample_noise(len(x), x.device) for _ in range(2)]
        fusion = self.generator({"identity": x, "pose": p}, noise[0])
        reconstruction = self.generator({"identity": y, "pose": x}, noise[1])

        loss_d = 0.5 * sum(
            gan_loss(score(x, y), kind, True) + gan_loss(score(fake.detach(), y), kind, False)
            for fake in (fusion, reconstruction)
        )
        self.opt_d.zero_grad()
        loss_d.backward()
        self.opt_d.step()

        loss_gan = sum(gan_loss(score(fake, y), kind, True) for fake in (fusion, reconstruction)) / 2
        loss_g = loss_gan + losses["gen_reconLoss_weight"] * (reconstruction - x).abs().mean()
        self.opt_g.zero_grad()
        loss_g.backward()
        self.opt_g.step()
        return [loss_d.item(), loss_g.item()]
