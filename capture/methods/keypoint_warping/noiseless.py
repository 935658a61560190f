"""What rendering asks of a generator besides pictures, for methods without noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Noiseless(nn.Module):
    """A generator that takes noise of width 0."""

    code_width = 0

    def draw_noise(
        self, batch: int, device: torch.device | str = "cpu", generator: torch.Generator | None = None
    ) -> Tensor:
        """(batch, 2, 0): nothing, so that callers need not ask."""
        return torch.zeros(batch, 2, self.code_width, device=device)
