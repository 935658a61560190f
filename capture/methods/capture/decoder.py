"""The decoder: pose code and identity code in, picture out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture.encoders import PICTURE, SEEN, listed_layers, skip_channels
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.methods.capture_parts.feature_pyramid import Context
from capture.methods.capture_parts.layout import LAYOUT, Places
from capture.methods.capture_parts.output_attention import OutputAttention
from capture.methods.capture_parts.refiner import BodyPainter, brought
from capture.nn.blocks import ConvBlock, ResBlock, adain, blend

ROWS = ("identity", "pose", "output")  # whose positions the attention asks for


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
        attn_rows: identity | pose (ReverseAttention) | output (OutputAttention).  attn_width: of queries and keys.
        carry: the attention nearest the picture gathers the identity's pixels too, in squares, and the picture is a
            blend of these and of what is painted (with attn_rows output).
        pose_skip: the pose's features at full size are joined with the state before the picture is painted.
        retarget: the identity's smallest map joins the pose's, and its mean scales and shifts what instance norm
            leaves. (A code that is the same at every position is taken away by instance norm, and so can't change
            proportions.)
        code_ch: what the smallest maps' channels are multiples of, 0 for min_ch.
        c_out: channels of the picture.
        body: a Body tells what is to be where: what the pose shows is brought there, and a BodyPainter paints
            (pose_skip and carry have no part in it).
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
        pose_skip=False,
        retarget=False,
        code_ch=0,
        c_out=3,
        body=False,
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
        self.pose_levels = {0} | {downs + 1 - i for i in self.attn_layers}
        skips = skip_channels(downs, c, m, w)
        self._check_widths(skips)
        if attn_rows not in ROWS:
            raise ValueError(f"attn_rows '{attn_rows}' is none of {', '.join(ROWS)}")
        output = attn_rows == "output" and bool(self.attn_layers)
        if carry and not output:
            raise ValueError("dec_config.carry: needs dec_attn_layers whose attn_rows are output")
        carry = carry and not body
        self.carries = max(self.attn_layers) if carry else None  # the layer whose attention gathers pixels
        self.identity_context = self.pose_context = None
        if output:
            smallest, largest = downs + 3, downs + 1 - max(self.attn_layers)
            self.identity_context, self.pose_context = (Context(skips, smallest, largest, m) for _ in range(2))
            self.identity_levels |= {*range(largest, smallest + 1)} | ({PICTURE} if carry else set())
            self.pose_levels |= {*range(largest, smallest + 1)}

        up = nn.Upsample(scale_factor=2, mode="nearest")
        self.code_to_feat = nn.ModuleList([up, ConvBlock(8 * w, 4 * w)])
        blocks = [up, ConvBlock(8 * w, 8 * w, norm=norm), up, ConvBlock(8 * w, 4 * w, norm=norm)]
        blocks += [up] if res2 else []
        blocks += [ConvBlock(4 * w, 2 * w, norm=norm), ConvBlock(2 * w, m, norm=norm)]
        self.upBlock = nn.Sequential(*blocks)
        self.shaped = [block for block in self.upBlock if isinstance(block, ConvBlock)] if retarget else []
        if retarget:
            if res2:
                raise ValueError("dec_config.retarget: identity and pose must be of one size; set res2 false")
            self.identity_levels |= {downs + 3}
            self.shape_linear = nn.Linear(4 * w, 2 * sum(block.conv.out_channels for block in self.shaped))
        common = dict(t=t, alpha=alpha_init, beta=beta_init, width=attn_width)
        extra = {self.carries: c_out * 4 ** (downs - self.carries)} if carry else {}  # channels of the gathered pixels
        self.attnModule_256 = nn.ModuleList(
            OutputAttention(self.widths[i], m, 4 * w, **common, extra=extra.get(i, 0))
            if output
            else ReverseAttention(self.widths[i], **common, rows=attn_rows)
            for i in self.attn_layers
        )
        self.model = nn.ModuleList(ResBlock(self.widths[i], self.widths[i + 1], sample="up") for i in levels)
        if pose_skip and not body:
            self.pose_join = ConvBlock(self.widths[-1] + c, self.widths[-1])
            self.pose_levels |= {1}
        self.pose_skip = pose_skip
        if body:
            self.identity_levels |= {PICTURE, *SEEN}
            self.pose_levels |= {1, *SEEN}
            self.layout_join = ConvBlock(LAYOUT, m)
            self.painter = BodyPainter(self.widths[-1], c, c_out)
            return
        self.toRGB = ConvBlock(self.widths[-1], c_out, activ="tanh")
        if carry:
            self.share = ConvBlock(self.widths[-1], c_out // 3, activ="none")

    def _check_widths(self, skips: dict[int, int]) -> None:
        for i in sorted({*self.adain_layers, *self.attn_layers}):
            have, want = skips[self.downs + 1 - i], self.widths[i]
            if have != want:
                raise ValueError(
                    f"decoder layer {i} has {want} channels where the encoders' skip {self.downs + 1 - i} has {have}: "
                    "min_ch must be 4 times c, or leave that layer out of dec_adain_layers and dec_attn_layers"
                )

    def forward(
        self, identity: dict[int, Tensor], pose: dict[int, Tensor], eps: Tensor, places: Places | None = None
    ) -> Tensor:
        z = torch.cat([identity[0], eps.to(identity[0].dtype)], dim=1)[:, :, None, None]  # (B, 8m, 1, 1)
        x = self.code_to_feat[1](self.code_to_feat[0](z))  # (B, 4m, 2, 2)
        x = F.interpolate(x, size=pose[0].shape[-2:], mode="nearest")  # (B, 4m, s, s)
        who = identity.get(self.downs + 3)  # (B, 4m, s, s), without noise
        code = None if who is None else who.mean(dim=(2, 3))  # (B, 4m)
        x = self._layout(x, pose[0], who, code)  # (B, m, S / 2^downs, same)
        contexts, carried = self._contexts(identity, pose), None
        if places is not None:
            x = x + self.layout_join(F.adaptive_avg_pool2d(places.state, x.shape[-1]).to(x.dtype))
            if contexts is not None:
                contexts = contexts[0], {level: brought(context, places) for level, context in contexts[1].items()}
        for i, block in enumerate(self.model):
            skip = self.downs + 1 - i
            if i in self.attn_layers:
                attention = self.attnModule_256[self.attn_layers.index(i)]
                if contexts is None:
                    there = pose[skip] if places is None else brought(pose[skip], places)
                    x = attention(x, identity[skip], there)
                else:
                    side = 2 ** (self.downs - i)  # of the square of pixels that a position here stands for
                    pixels = F.pixel_unshuffle(identity[PICTURE], side) if i == self.carries else None
                    found = attention(x, identity[skip], *(context[skip] for context in contexts), code, pixels)
                    x = found.out
                    if pixels is not None:
                        carried = F.pixel_shuffle(found.pixels, side)  # (B, 3, S, S)
            if i in self.adain_layers:
                x = adain(x, identity[skip])
            x = block(x)  # twice the side
        if places is not None:
            return self.painter(x, pose[1], identity[PICTURE], places)
        if self.pose_skip:
            x = self.pose_join(torch.cat([x, pose[1]], dim=1))  # (B, m / 4, S, S)
        out = self.toRGB(x)  # (B, 3, S, S)
        return out if carried is None else blend(out, carried, self.share(x))

    def _layout(self, code_map: Tensor, pose: Tensor, who: Tensor | None, code: Tensor | None) -> Tensor:
        """What is to be where: from the smallest maps of code, pose and identity (B, 4m, s, s), and its mean."""
        if not self.shaped:
            return self.upBlock(torch.cat([pose, code_map], dim=1))
        shape = 0.1 * self.shape_linear(code)[:, :, None, None]
        shapes = iter(shape.split([n for block in self.shaped for n in (block.conv.out_channels,) * 2], dim=1))
        x = torch.cat([pose, code_map + who], dim=1)
        for layer in self.upBlock:
            x = layer(x)
            if layer in self.shaped:
                x = x * (1 + next(shapes)) + next(shapes)
        return x

    def _contexts(
        self, identity: dict[int, Tensor], pose: dict[int, Tensor]
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]] | None:
        """Of identity and pose, where the attention wants them."""
        if self.identity_context is None:
            return None
        return self.identity_context(identity), self.pose_context(pose)
