"""The patch discriminator: are these two pictures one real character?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from capture.nn.blocks import ConvBlock, ResBlock


class Discriminator(nn.Module):
    """D(pair) -> logits of patch scores. Input (B, 2 * c_in, S, S), output (B, 1, S / 2^disc_downs, same).

    The published network ends in a sigmoid, which the losses here apply in the numerically safe form.

    Args:
        disc_downs: halvings.  n_res: ResBlocks.  c_in: channels of one picture.  c: channels at full size.
        norm: none | in | bn.  w_norm: none | spectral.  activ: see ConvBlock.
    """

    def __init__(
        self,
        disc_downs: int,
        n_res: int,
        c_in: int,
        c: int,
        norm: str,
        bias: bool,
        w_norm: str,
        activ: str,
        pad_type: str,
    ):
        super().__init__()
        self.downs = disc_downs
        kind: dict[str, Any] = dict(norm=norm, w_norm=w_norm, activ=activ)
        blocks: list[nn.Module] = [ConvBlock(2 * c_in, c, bias=bias, pad_type=pad_type, **kind)]
        for _ in range(disc_downs):
            blocks.append(ConvBlock(c, 2 * c, sample="down", bias=bias, pad_type=pad_type, **kind))
            c *= 2
        blocks += [ResBlock(c, c, **kind) for _ in range(n_res)]
        blocks.append(ConvBlock(c, 1, bias=bias, pad_type=pad_type, w_norm=w_norm, activ="none"))
        self.model = nn.Sequential(*blocks)

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless pictures of side `size` leave two patches a side, which borders need."""
        if size // 2**self.downs < 2:
            raise ValueError(
                f"disc_downs {self.downs} needs pictures of at least {2 ** (self.downs + 1)} pixels, image_size is "
                f"{size}: lower it"
            )

    def forward(self, pair: Tensor) -> Tensor:
        logits: Tensor = self.model(pair)  # (B, 1, S / 2^disc_downs, same)
        return logits


def score_pairs(discriminator: nn.Module, pairs: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    """Score several batches of (image, reference) pairs, each (B, 3, S, S), in one forward: a logit map for each."""
    stacked = torch.cat([torch.cat(pair, dim=1) for pair in pairs])  # (len(pairs) * B, 6, S, S)
    return list(discriminator(stacked).chunk(len(pairs)))
