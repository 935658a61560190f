"""The decoder: pose code and identity code in, picture out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.models.context import Context
from capture.models.encoders import PICTURE, listed_layers, skip_channels
from capture.models.layers import ConvBlock, ResBlock, adain
from capture.models.reverse_attention import ReverseAttention


class Decoder(nn.Module):
    """Skips of both encoders and a noise vector -> image (B, 3, S, S) in [-1, 1].

    The identity code and noise become a map beside the pose's smallest feature; ConvBlocks and two upsamplings bring
    it to S / 2^downs, and `downs` up-ResBlocks to S. Before up-ResBlock i, reverse attention (dec_attn_layers) and
    AdaIN (dec_adain_layers) bring in skip level downs + 1 - i of the encoders.

    Attributes:
        identity_levels, pose_levels: the skip levels that are read at all.

    Args:
        t: temperature of the attention (None: the square root of the query's width).
        alpha_init, beta_init: where the attention's a and b start (see ReverseAttention).
        attn_rows, attn_width: rows and width of ReverseAttention.
        carry: the attention nearest the picture gathers the identity's pixels too, in squares, and the picture is a
            blend of these and of what is painted.
        context: keys are made of what Context says of the identity (rows "output").
        code_ch: what the smallest maps' channels are multiples of, 0 for min_ch.
        c_out: channels of the picture.
    """

    def __init__(
        self,
        downs=4,
        c=64,
        min_ch=256,
        dec_adain_layers=(1, 2, 3),
        dec_attn_layers=(0,),
        t=16,
        res2=False,
        alpha_init=1.0,
        beta_init=1.0,
        attn_rows="identity",
        attn_width=0,
        carry=False,
        context=False,
        code_ch=0,
        c_out=3,
    ):
        super().__init__()
        m, w = min_ch, code_ch or min_ch
        norm = "none" if res2 else "in"
        self.downs = downs
        self.widths = [m] * (downs - 1) + [m // 2, m // 4]  # of the state before each up-ResBlock and after the last
        levels = range(downs)
        self.adain_layers = listed_layers("dec_adain_layers", dec_adain_layers, levels)
        self.attn_layers = listed_layers("dec_attn_layers", dec_attn_layers, levels)
        self.identity_levels = {0} | {downs + 1 - i for i in (*self.adain_layers, *self.attn_layers)}
        if carry and (not self.attn_layers or attn_rows == "identity"):
            raise ValueError("dec_config.carry: needs attention in dec_attn_layers whose attn_rows are output or pose")
        self.carries = max(self.attn_layers) if carry else None  # the layer that does
        if carry:
            self.identity_levels |= {PICTURE}
        self.pose_levels = {0} | {downs + 1 - i for i in self.attn_layers}
        skips = skip_channels(downs, c, m, w)
        self._check_widths(skips)
        self.context = None
        if context:
            if not self.attn_layers or attn_rows != "output":
                raise ValueError("dec_config.context: needs attention in dec_attn_layers whose attn_rows are output")
            smallest, largest = downs + 3, downs + 1 - max(self.attn_layers)
            self.context = Context(skips, smallest, largest, m)
            self.identity_levels |= set(range(largest, smallest + 1))

        up = nn.Upsample(scale_factor=2, mode="nearest")
        self.code_to_feat = nn.ModuleList([up, ConvBlock(8 * w, 4 * w)])
        blocks = [up, ConvBlock(8 * w, 8 * w, norm=norm), up, ConvBlock(8 * w, 4 * w, norm=norm)]
        blocks += [up] if res2 else []
        blocks += [ConvBlock(4 * w, 2 * w, norm=norm), ConvBlock(2 * w, m, norm=norm)]
        self.upBlock = nn.Sequential(*blocks)
        self.attnModule_256 = nn.ModuleList(
            ReverseAttention(
                *(self.widths[i], t, alpha_init, beta_init, attn_rows, attn_width),
                extra=c_out * 4 ** (downs - i) if i == self.carries else 0,
                key_channels=m if context else 0,
            )
            for i in self.attn_layers
        )
        self.model = nn.ModuleList(ResBlock(self.widths[i], self.widths[i + 1], sample="up") for i in levels)
        self.toRGB = ConvBlock(self.widths[-1], c_out, activ="tanh")
        if carry:
            self.share = ConvBlock(self.widths[-1], c_out // 3, activ="none")  # of what is carried

    def _check_widths(self, skips: dict[int, int]) -> None:
        for i in sorted({*self.adain_layers, *self.attn_layers}):
            have, want = skips[self.downs + 1 - i], self.widths[i]
            if have != want:
                raise ValueError(
                    f"decoder layer {i} has {want} channels where the encoders' skip {self.downs + 1 - i} has {have}: "
                    "min_ch must be 4 times c, or leave that layer out of dec_adain_layers and dec_attn_layers"
                )

    def forward(self, identity: dict[int, Tensor], pose: dict[int, Tensor], eps: Tensor) -> Tensor:
        z = torch.cat([identity[0], eps.to(identity[0].dtype)], dim=1)[:, :, None, None]  # (B, 8m, 1, 1)
        x = self.code_to_feat[1](self.code_to_feat[0](z))  # (B, 4m, 2, 2)
        x = F.interpolate(x, size=pose[0].shape[-2:], mode="nearest")  # (B, 4m, s, s)
        x = self.upBlock(torch.cat([pose[0], x], dim=1))  # (B, m, S / 2^downs, same)
        context = self.context(identity) if self.context is not None else {}
        for i, block in enumerate(self.model):
            skip = self.downs + 1 - i
            if i in self.attn_layers:
                attention = self.attnModule_256[self.attn_layers.index(i)]
                given = x, identity[skip], pose[skip]
                if i == self.carries:
                    side = 2 ** (self.downs - i)
                    x, carried = attention(*given, F.pixel_unshuffle(identity[PICTURE], side), context.get(skip))
                    carried = F.pixel_shuffle(carried, side)  # (B, 3, S, S)
                else:
                    x = attention(*given, None, context.get(skip))
            if i in self.adain_layers:
                x = adain(x, identity[skip])
            x = block(x)  # twice the side
        painted = self.toRGB(x)  # (B, 3, S, S)
        if self.carries is None:
            return painted
        share = torch.sigmoid(self.share(x) - 2).repeat(1, 3, 1, 1)  # (B, 3, S, S), an eighth at first
        return (1 - share) * painted + share * carried
