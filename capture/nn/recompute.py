"""Activation checkpointing: blocks that store their inputs only, and compute the rest again in the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Recomputable(nn.Module):
    """A block that gives the same result when it is computed twice: it has no randomness and changes no buffer."""

    recompute = False

    def __call__(self, *args: Any) -> Any:
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(super().__call__, *args, use_reentrant=False, preserve_rng_state=False)
        return super().__call__(*args)


def recompute_blocks(network: nn.Module) -> int:
    """Turn activation checkpointing on in every Recomputable block of `network`. Returns the number of blocks."""
    blocks = [module for module in network.modules() if isinstance(module, Recomputable)]
    for block in blocks:
        block.recompute = True
    return len(blocks)
