"""Activation checkpointing: blocks that keep their inputs alone and compute the rest again when going backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Recomputable(nn.Module):
    """A block without randomness and without buffers that change, so that computing it twice gives the same."""

    recompute = False

    def __call__(self, *args: Any) -> Any:
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(super().__call__, *args, use_reentrant=False, preserve_rng_state=False)
        return super().__call__(*args)


def recompute_blocks(network: nn.Module) -> int:
    """Make every Recomputable block of `network` forget what it can compute again; how many there are."""
    blocks = [module for module in network.modules() if isinstance(module, Recomputable)]
    for block in blocks:
        block.recompute = True
    return len(blocks)
