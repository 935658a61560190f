"""The decoder of CaPTURe-Parts: skips of both encoders, the layout and noise -> features of the output."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture.decoder import check_widths
from capture.methods.capture.encoders import Skips, listed_layers
from capture.methods.capture_parts.feature_pyramid import FeaturePyramid
from capture.methods.capture_parts.layout import Correspondence
from capture.methods.capture_parts.output_query_attention import AttentionOutput, OutputQueryAttention
from capture.methods.capture_parts.refiner import warp_to_layout
from capture.nn.blocks import ConvBlock, ResBlock, adain


class PartsDecoder(nn.Module):
    """CaPTURe's decoder, told by a layout what is to be where; it ends before colours, which the refiner makes.

    Beside CaPTURe's: attention is asked by positions of the output; what the pose shows is warped to the layout; and
    the identity's smallest map joins the pose's, its mean scaling and shifting what instance norm leaves of the first
    maps, since a code that is the same at every position would be taken away by instance norm.

    Args:
        channels: of the encoders' skip levels.  networks: capture_parts_config.networks.
        detach_attention: see OutputQueryAttention.
    Attributes:
        identity_levels, pose_levels: the skip levels that are read at all.
    """

    def __init__(self, channels: dict[int, int], networks: dict[str, Any], detach_attention: bool):
        super().__init__()
        m, downs, code = networks["min_ch"], len(channels) - 3, channels[len(channels)]
        self.downs, self.smallest = downs, downs + 3
        widths = [m] * (downs - 1) + [m // 2, m // 4]  # of the state before each up-ResBlock and after the last
        self.adain_layers = listed_layers("adain_layers", networks["adain_layers"], range(downs))
        self.attn_layers = listed_layers("attention_layers", networks["attention_layers"], range(downs))
        if not self.attn_layers:
            raise ValueError("capture_parts_config.networks.attention_layers: name at least one layer")
        check_widths(channels, widths, {*self.adain_layers, *self.attn_layers})
        largest = downs + 1 - max(self.attn_layers)
        pyramid_levels = {*range(largest, self.smallest + 1)}
        self.identity_levels = {0} | {downs + 1 - i for i in self.adain_layers} | pyramid_levels
        self.pose_levels = {0, 1} | pyramid_levels
        self.identity_pyramid, self.pose_pyramid = (
            FeaturePyramid(channels, self.smallest, largest, m) for _ in range(2)
        )
        up = nn.Upsample(scale_factor=2, mode="nearest")
        self.code_to_map = nn.Sequential(up, ConvBlock(2 * code, code))
        up_widths = [2 * code, 2 * code, code, code // 2, m]  # before the first of the convolutions and after each
        self.up_convs = nn.ModuleList(ConvBlock(a, b, norm="in") for a, b in zip(up_widths, up_widths[1:]))
        self.modulated_widths = [n for n in up_widths[1:] for _ in ("scale", "shift")]
        self.modulation = nn.Linear(code, sum(self.modulated_widths))
        width, t = networks["attention_width"] or max(m // 8, 1), networks["attention_temperature"]
        self.attention = nn.ModuleList(
            OutputQueryAttention(widths[i], m, code, width, t, detach_attention) for i in self.attn_layers
        )
        self.res_up = nn.ModuleList(ResBlock(widths[i], widths[i + 1], sample="up") for i in range(downs))
        self.layout_conv = ConvBlock(networks["layout_ch"], m)
        self.c_out = widths[-1]

    def forward(
        self, identity: Skips, pose: Skips, eps: Tensor, correspondence: Correspondence
    ) -> tuple[Tensor, list[AttentionOutput]]:
        """Skips of both encoders, eps (B, 4w) -> features (B, m / 4, h, w), and what the attention modules made."""
        z = torch.cat([identity[0], eps.to(identity[0].dtype)], dim=1)[:, :, None, None]  # (B, 8w, 1, 1)
        x = F.interpolate(self.code_to_map(z), size=pose[0].shape[-2:], mode="nearest")  # (B, 4w, s, s)
        smallest = identity[self.smallest]  # (B, 4w, s, s), without noise
        code = smallest.mean(dim=(2, 3))  # (B, 4w)
        x = self._modulated_convs(torch.cat([pose[0], x + smallest], dim=1), code)  # (B, m, h / 2^downs, same)
        features = F.adaptive_avg_pool2d(correspondence.features, x.shape[-1]).to(x.dtype)
        x = x + self.layout_conv(features)
        identity_pyramid = self.identity_pyramid(identity)  # level -> (B, m, H, W)
        pose_pyramid = {k: warp_to_layout(y, correspondence) for k, y in self.pose_pyramid(pose).items()}
        found = []
        for i, block in enumerate(self.res_up):
            k = self.downs + 1 - i
            if i in self.attn_layers:
                attention = self.attention[self.attn_layers.index(i)]
                found.append(attention(x, identity[k], identity_pyramid[k], pose_pyramid[k], code))
                x = found[-1].out
            if i in self.adain_layers:
                x = adain(x, identity[k])
            x = block(x)  # twice the side
        return x, found

    @property
    def attention_temperatures(self) -> list[float]:
        """The temperature of each attention module."""
        return [module.t for module in self.attention if isinstance(module, OutputQueryAttention)]

    def _modulated_convs(self, x: Tensor, code: Tensor) -> Tensor:
        """The first convolutions, each scaled and shifted by the identity: (B, 8w, s, s) -> (B, m, 4 s, 4 s)."""
        modulation = 0.1 * self.modulation(code)[:, :, None, None]
        scales_and_shifts = iter(modulation.split(self.modulated_widths, dim=1))
        for i, block in enumerate(self.up_convs):
            if i < 2:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(x)
            x = x * (1 + next(scales_and_shifts)) + next(scales_and_shifts)
        return x
