"""Initial weights of networks."""

from __future__ import annotations

import math

from torch import nn

from capture.nn.spectral_norm import SpectralNormConv2d


class OwnInit(nn.Module):
    """A module that initialises some of its weights itself, after init_weights."""

    def init_own(self) -> None:
        """Set the weights of this module in place."""
        raise NotImplementedError


INITS = ("xavier", "kaiming", "gaussian")


def init_weights(network: nn.Module, init: str = "xavier") -> None:
    """Initialise every convolution and linear layer in place; biases become 0.

    xavier: normal, gain sqrt 2 (uniform, same gain, under spectral norm); kaiming: normal, fan in;
    gaussian: standard deviation 0.02. Then `init_own` is called on every OwnInit module.

    Raises:
        ValueError: an unknown `init`.
    """
    if init not in INITS:
        raise ValueError(f"main_config.init '{init}' is none of {', '.join(INITS)}")
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        spectral = isinstance(module, SpectralNormConv2d)
        weight = module.weight_orig if isinstance(module, SpectralNormConv2d) else module.weight
        if init == "xavier":
            (nn.init.xavier_uniform_ if spectral else nn.init.xavier_normal_)(weight, gain=math.sqrt(2))
        elif init == "kaiming":
            nn.init.kaiming_normal_(weight)
        else:
            nn.init.normal_(weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, OwnInit):
            module.init_own()
