"""The decoder: skips of both encoders and noise -> picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture.encoders import Skips, listed_layers
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import ConvBlock, ResBlock, adain


class Decoder(nn.Module):
    """Skips of both encoders and a noise vector -> image (B, 3, S, S) in [-1, 1].

    The identity's code and noise become a map beside the pose's smallest feature. ConvBlocks and two upsamplings bring
    it to S / 2^downs, and `downs` up-ResBlocks to S. Before up-ResBlock i, reverse attention (dec_attn_layers) and
    AdaIN (dec_adain_layers) bring in skip level downs + 1 - i of the encoders.

    Args:
        channels: of the encoders' skip levels.  min_ch: m.
        t: temperature of the attention (None: the square root of the query's width).
        alpha_init: where the attention's a starts (see ReverseAttention).
    Attributes:
        identity_levels, pose_levels: the skip levels that are read at all.
    """

    def __init__(
        self,
        channels: dict[int, int],
        min_ch: int,
        dec_adain_layers: Sequence[int],
        dec_attn_layers: Sequence[int],
        t: float | None,
        res2: bool,
        alpha_init: float,
    ):
        super().__init__()
        m, downs = min_ch, len(channels) - 3
        norm = "none" if res2 else "in"
        widths = [m] * (downs - 1) + [m // 2, m // 4]  # of the state before each up-ResBlock and after the last
        self.downs = downs
        self.adain_layers = listed_layers("dec_adain_layers", dec_adain_layers, range(downs))
        self.attn_layers = listed_layers("dec_attn_layers", dec_attn_layers, range(downs))
        self.identity_levels = {0} | {downs + 1 - i for i in (*self.adain_layers, *self.attn_layers)}
        self.pose_levels = {0} | {downs + 1 - i for i in self.attn_layers}
        check_widths(channels, widths, {*self.adain_layers, *self.attn_layers})

        up = nn.Upsample(scale_factor=2, mode="nearest")
        self.code_to_map = nn.Sequential(up, ConvBlock(8 * m, 4 * m))
        blocks = [up, ConvBlock(8 * m, 8 * m, norm=norm), up, ConvBlock(8 * m, 4 * m, norm=norm)]
        blocks += [up] if res2 else []
        blocks += [ConvBlock(4 * m, 2 * m, norm=norm), ConvBlock(2 * m, m, norm=norm)]
        self.up_convs = nn.Sequential(*blocks)
        self.attention = nn.ModuleList(ReverseAttention(widths[i], t, alpha_init) for i in self.attn_layers)
        self.res_up = nn.ModuleList(ResBlock(widths[i], widths[i + 1], sample="up") for i in range(downs))
        self.to_rgb = ConvBlock(widths[-1], 3, activ="tanh")

    def forward(self, identity: Skips, pose: Skips, eps: Tensor) -> Tensor:
        """identity, pose: skips of the encoders.  eps: (B, 4m), the decoder's own noise."""
        z = torch.cat([identity[0], eps], dim=1)[:, :, None, None]  # (B, 8m, 1, 1)
        x = self.code_to_map(z)  # (B, 4m, 2, 2)
        x = F.interpolate(x, size=pose[0].shape[-2:], mode="nearest")  # (B, 4m, s, s)
        x = self.up_convs(torch.cat([pose[0], x], dim=1))  # (B, m, S / 2^downs, same)
        for i, block in enumerate(self.res_up):
            skip = self.downs + 1 - i
            if i in self.attn_layers:
                attention = self.attention[self.attn_layers.index(i)]
                x = attention(x, identity[skip], pose[skip])
            if i in self.adain_layers:
                x = adain(x, identity[skip])
            x = block(x)  # twice the side
        image: Tensor = self.to_rgb(x)  # (B, 3, S, S)
        return image


def check_widths(channels: dict[int, int], widths: Sequence[int], layers: set[int]) -> None:
    """ValueError where a decoder's state, of `widths` by layer, can't meet the skip level that belongs to a layer."""
    downs = len(channels) - 3
    for i in sorted(layers):
        have, want = channels[downs + 1 - i], widths[i]
        if have != want:
            raise ValueError(
                f"decoder layer {i} has {want} channels where the encoders' skip {downs + 1 - i} has {have}: "
                "min_ch must be 4 times c, or leave that layer out of dec_adain_layers and dec_attn_layers"
            )
