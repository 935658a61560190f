"""A convolution with spectral normalisation (Miyato et al., ICLR 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpectralNormConv2d(nn.Conv2d):
    """Conv2d whose weight is divided by its largest singular value, estimated by one power iteration in each forward.

    Its arithmetic and its names (`weight_orig`, `weight_u`, `weight_v`) are those of torch.nn.utils.spectral_norm,
    which torch has deprecated and published checkpoints were made with. In contrast to it, this one stays in float32
    under autocast.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, *args: Any, eps: float = 1e-12, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.eps, self.held = eps, False
        self.weight_orig = nn.Parameter(self.weight.detach().clone())
        del self.weight
        matrix = self.weight_orig.detach().flatten(1)  # (c_out, c_in * k * k)
        self.register_buffer("weight_u", F.normalize(torch.randn(matrix.shape[0]), dim=0, eps=eps))
        self.register_buffer("weight_v", F.normalize(torch.randn(matrix.shape[1]), dim=0, eps=eps))

    def normalised_weight(self) -> Tensor:
        """The weight divided by its spectral norm, (c_out, c_in, k, k). In training, u and v take one step first."""
        with torch.autocast(self.weight_orig.device.type, enabled=False):
            matrix = self.weight_orig.flatten(1)
            if self.training and not self.held:
                with torch.no_grad():
                    v = F.normalize(torch.mv(matrix.t(), self.weight_u), dim=0, eps=self.eps)
                    u = F.normalize(torch.mv(matrix, v), dim=0, eps=self.eps)
                    self.weight_v.copy_(v)
                    self.weight_u.copy_(u)
            else:
                u, v = self.weight_u, self.weight_v
            # clones, because the next forward changes u and v before this one's backward pass may read them
            sigma = torch.dot(u.clone(), torch.mv(matrix, v.clone()))
            return self.weight_orig / sigma

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.normalised_weight(), self.bias)


@contextmanager
def held(networks: Iterable[nn.Module], hold: bool = True) -> Iterator[None]:
    """A context without power iterations, so that all micro-batches of a batch use the same weights."""
    layers = [m for network in networks for m in network.modules() if isinstance(m, SpectralNormConv2d)] if hold else []
    for layer in layers:
        layer.held = True
    try:
        yield
    finally:
        for layer in layers:
            layer.held = False
