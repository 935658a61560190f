"""The identity encoder and the pose encoder.

Both return skip features by level: 1 .. downs + 3, from the picture's side S down to S / 2^(downs+2), in the paper's
order (256² and downs = 4: c@256², 2c@128², m@64², m@32², m@16², 2m@8², 4m@4²). Level 0 is where the decoder starts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from torch import Tensor, nn

from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import ConvBlock, LinearBlock, ResBlock, adain

Skips = dict[int, Tensor]


def skip_channels(downs: int, c: int, min_ch: int) -> dict[int, int]:
    """Channels of skip levels 1 .. downs + 3: doubling from c up to m = min_ch, then 2m and 4m."""
    widths = [min(c * 2**k, min_ch) for k in range(downs + 1)] + [2 * min_ch, 4 * min_ch]
    return dict(enumerate(widths, start=1))


class Trunk(nn.Module):
    """What the encoders share: a ConvBlock, down-ResBlocks, and two down ConvBlocks with ReLU.

    Args:
        channels: of the skip levels 1, 2, ...  c_in: channels of the picture.
        in_norm: instance norm.  pad_type: zeros | reflect | replicate | circular.
    """

    def __init__(self, channels: dict[int, int], c_in: int, in_norm: bool, pad_type: str):
        super().__init__()
        ch, downs = channels, len(channels) - 3
        kind: dict[str, Any] = dict(norm="in" if in_norm else "none", pad_type=pad_type)
        self.conv_layer = ConvBlock(c_in, ch[1], **kind)
        self.res_down = nn.ModuleList(ResBlock(ch[k], ch[k + 1], sample="down", **kind) for k in range(1, downs + 1))
        self.make_code = nn.ModuleList(
            ConvBlock(ch[k], ch[k + 1], sample="down", activ="relu", **kind) for k in (downs + 1, downs + 2)
        )

    def levels(self) -> list[nn.Module]:
        """The modules that make skip levels 1, 2, ..., each from the level before."""
        return [self.conv_layer, *self.res_down, *self.make_code[:2]]


class IdentityEncoder(Trunk):
    """Who the character is: identity picture (B, 3, S, S) -> skips {0: code (B, 4m), 1, 2, ...: features}."""

    def __init__(self, channels: dict[int, int], c_in: int, in_norm: bool, pad_type: str):
        super().__init__(channels, c_in, in_norm, pad_type)
        width = channels[len(channels)]  # 4m
        self.code_linear = LinearBlock(width, 2 * width)

    def forward(self, image: Tensor, eps: Tensor) -> Skips:
        """image: (B, 3, S, S).  eps: (B, 4m), the noise of the code."""
        skips, x = {}, image
        for k, level in enumerate(self.levels(), start=1):
            skips[k] = x = level(x)  # (B, channels[k], S / 2^(k-1), same)
        statistics = self.code_linear(x.float().mean(dim=(2, 3)).to(x.dtype))  # (B, 8m)
        mu, sigma = statistics.chunk(2, dim=1)  # (B, 4m) each
        skips[0] = (eps + mu) * sigma  # not mu + eps * sigma: the release was trained so
        return skips


class PoseEncoder(Trunk):
    """What pose it takes: pose picture (B, 3, S, S) -> skips {0: (B, 4m, s, s), 1, 2, ...: features}.

    s = S / 2^(downs+2), or half of that with res2. At the skip levels of enc_attn_layers and enc_adain_layers
    ([-1]: none) a feature is mixed with the identity's before it is stored.
    """

    def __init__(
        self,
        channels: dict[int, int],
        c_in: int,
        in_norm: bool,
        pad_type: str,
        enc_adain_layers: Sequence[int] = (-1,),
        enc_attn_layers: Sequence[int] = (-1,),
        res2: bool = False,
    ):
        super().__init__(channels, c_in, in_norm, pad_type)
        width = channels[len(channels)]  # 4m
        norm = "in" if in_norm else "none"
        sample = "down" if res2 else "none"
        self.make_code.append(ConvBlock(width, width, sample=sample, norm=norm, activ="relu", pad_type=pad_type))
        self.adain_layers = listed_layers("enc_adain_layers", enc_adain_layers, channels)
        attn_layers = listed_layers("enc_attn_layers", enc_attn_layers, channels)
        self.attn_modules = nn.ModuleDict({str(k): ReverseAttention(channels[k]) for k in attn_layers})

    def forward(self, image: Tensor, identity: Skips) -> Skips:
        """image: (B, 3, S, S).  identity: the skips of the identity encoder."""
        skips, x = {}, image
        for k, level in enumerate(self.levels(), start=1):
            x = level(x)  # (B, channels[k], S / 2^(k-1), same)
            if str(k) in self.attn_modules:
                x = self.attn_modules[str(k)](x, identity[k], x)
            if k in self.adain_layers:
                x = adain(x, identity[k])
            skips[k] = x
        skips[0] = self.make_code[2](x)  # (B, 4m, s, s)
        return skips

    @property
    def identity_levels(self) -> set[int]:
        """The identity's skip levels that a pose's features depend on; without any, identities can share them."""
        return {*self.adain_layers, *map(int, self.attn_modules)}


def listed_layers(key: str, layers: Sequence[int], allowed: Collection[int]) -> list[int]:
    """The levels that a configuration lists; -1 stands for none. ValueError for a level that does not exist."""
    chosen = [int(k) for k in layers if int(k) != -1]
    wrong = [k for k in chosen if k not in allowed]
    if wrong:
        raise ValueError(f"{key} names level {wrong[0]}; levels here are {min(allowed)} to {max(allowed)} (-1: none)")
    return chosen
