"""How these networks start: torch's defaults, and heads that say "nothing moves"."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import nn

from capture.nn.spectral_norm import SpectralNormConv2d


def initialise(network: nn.Module) -> None:
    """Fresh parameters and statistics in place, from torch's global generator, as building the network drew them."""
    for module in reversed(list(network.modules())):  # parts before wholes, which may have the last word
        if isinstance(module, SpectralNormConv2d):
            _initialise_spectral(module)
        elif callable(getattr(module, "reset_parameters", None)):
            module.reset_parameters()


def _initialise_spectral(conv: SpectralNormConv2d) -> None:
    nn.init.kaiming_uniform_(conv.weight_orig, a=math.sqrt(5))
    bound = 1 / math.sqrt(conv.weight_orig[0].numel())
    nn.init.uniform_(conv.bias, -bound, bound)
    for vector in (conv.weight_u, conv.weight_v):
        vector.copy_(F.normalize(vector.normal_(), dim=0, eps=conv.eps))
