"""The two encoders: who the character is, and what pose it takes.

Both store skip features in a dict: k = 1 .. downs + 3 from the image's side down to S / 2^(downs+2), in the paper's
order (256² and downs = 4: c@256², 2c@128², m@64², m@32², m@16², 2m@8², 4m@4²). Feature 0 is where the decoder starts.
"""

from __future__ import annotations

from torch import Tensor, nn

from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import ConvBlock, LinearBlock, ResBlock, adain

PICTURE = -1  # the identity picture itself, beside the skip features
SEEN = (-2, -3)  # what the body's reader sees in a picture: logits of parts, features


def skip_channels(downs: int, c: int, min_ch: int, code_ch: int = 0) -> dict[int, int]:
    """Channels of skip feature k = 1 .. downs + 3: doubling from c up to m = min_ch, then 2 and 4 times code_ch (m)."""
    widths = [min(c * 2**k, min_ch) for k in range(downs + 1)] + [2 * (code_ch or min_ch), 4 * (code_ch or min_ch)]
    return dict(enumerate(widths, start=1))


class Trunk(nn.Module):
    """What the encoders share: ConvBlock, `downs` down-ResBlocks, two down ConvBlocks with ReLU."""

    def __init__(self, downs: int, c_in: int, c: int, min_ch: int, in_norm: bool, pad_type: str, code_ch: int = 0):
        super().__init__()
        kind = dict(norm="in" if in_norm else "none", pad_type=pad_type)
        ch = skip_channels(downs, c, min_ch, code_ch)
        self.conv_layer = ConvBlock(c_in, c, **kind)
        self.res_down = nn.ModuleList(ResBlock(ch[k], ch[k + 1], sample="down", **kind) for k in range(1, downs + 1))
        self.make_code = nn.ModuleList(
            ConvBlock(ch[k], ch[k + 1], sample="down", activ="relu", **kind) for k in (downs + 1, downs + 2)
        )

    def levels(self) -> list[nn.Module]:
        """The module that makes skip feature k from feature k - 1, for k = 1, 2, ..."""
        return [self.conv_layer, *self.res_down, *self.make_code[:2]]


class IdentityEncoder(Trunk):
    """Identity image (B, 3, S, S) -> skips {0: code (B, 4m), 1..: features, downs + 4: (mu, sigma) (B, 8m)}."""

    def __init__(self, downs=4, c_in=3, c=64, min_ch=256, in_norm=False, pad_type="zeros", code_ch=0):
        super().__init__(downs, c_in, c, min_ch, in_norm, pad_type, code_ch)
        width = code_ch or min_ch
        self.code_linear_layer = nn.ModuleList([LinearBlock(4 * width, 8 * width)])

    def forward(self, image: Tensor, eps: Tensor) -> dict[int, Tensor]:
        features, x = {}, image
        for k, level in enumerate(self.levels(), start=1):
            features[k] = x = level(x)
        statistics = self.code_linear_layer[0](x.float().mean(dim=(2, 3)).to(x.dtype))  # (B, 8m)
        features[len(features) + 1] = statistics
        mu, sigma = statistics.chunk(2, dim=1)
        features[0] = (eps + mu) * sigma  # sic, not mu + eps * sigma: this is how it was trained
        return features


class PoseEncoder(Trunk):
    """Pose image (B, 3, S, S) and the identity's skips -> skips {0: (B, 4m, s, s), 1..: features}.

    s = S / 2^(downs+2), or half of that with res2. At the skip levels of enc_attn_layers and enc_adain_layers
    ([-1]: none) a feature is mixed with the identity's before it is stored. conv_num is read by nothing.
    """

    def __init__(
        self,
        downs=4,
        c_in=3,
        c=64,
        min_ch=256,
        enc_adain_layers=(-1,),
        enc_attn_layers=(-1,),
        in_norm=True,
        conv_num=0,
        res2=False,
        pad_type="zeros",
        code_ch=0,
    ):
        super().__init__(downs, c_in, c, min_ch, in_norm, pad_type, code_ch)
        norm = "in" if in_norm else "none"
        ch = skip_channels(downs, c, min_ch, code_ch)
        self.make_code.append(
            ConvBlock(
                ch[downs + 3],
                ch[downs + 3],
                sample="down" if res2 else "none",
                norm=norm,
                activ="relu",
                pad_type=pad_type,
            )
        )
        self.adain_layers = listed_layers("enc_adain_layers", enc_adain_layers, ch)
        attn_layers = listed_layers("enc_attn_layers", enc_attn_layers, ch)
        self.attn_modules = nn.ModuleDict({str(k): ReverseAttention(ch[k]) for k in attn_layers})

    def forward(self, image: Tensor, identity: dict[int, Tensor]) -> dict[int, Tensor]:
        features, x = {}, image
        for k, level in enumerate(self.levels(), start=1):
            x = level(x)
            if str(k) in self.attn_modules:
                x = self.attn_modules[str(k)](x, identity[k], x)
            if k in self.adain_layers:
                x = adain(x, identity[k])
            features[k] = x
        features[0] = self.make_code[2](x)
        return features

    @property
    def needs_identity(self) -> bool:
        """Whether a pose's features depend on the identity (and so can't be shared between identities)."""
        return bool(self.adain_layers) or len(self.attn_modules) > 0


def listed_layers(key: str, layers: list[int], allowed) -> list[int]:
    """The levels that a configuration lists; -1 stands for none. ValueError for a level that isn't there."""
    chosen = [int(k) for k in layers if int(k) != -1]
    wrong = [k for k in chosen if k not in allowed]
    if wrong:
        raise ValueError(f"{key} names level {wrong[0]}; levels here are {min(allowed)} to {max(allowed)} (-1: none)")
    return chosen
