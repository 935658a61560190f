"""MRAA's background: how the camera moved between two pictures (Siarohin et al., CVPR 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from capture.nn.hourglass import Encoder
from capture.nn.precision import Float32Linear

# the entries of the 3x3 matrix that are predicted, and the values that they start with
PREDICTED = {
    "zero": ((), ()),
    "shift": (((0, 2), (1, 2)), (0.0, 0.0)),
    "affine": (((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
    "perspective": (
        ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)),
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
    ),
}


class BackgroundPredictor(nn.Module):
    """Source and driving pictures, (B, 3, S, S) in [0, 1] -> (B, 3, 3) float32, from driving to source coordinates.

    Args:
        bg_type: zero (the identity) | shift | affine | perspective.
    """

    def __init__(self, block_expansion: int, max_features: int, num_blocks: int, bg_type: str):
        super().__init__()
        if bg_type not in PREDICTED:
            raise ValueError(f"bg_type '{bg_type}' is none of {', '.join(PREDICTED)}")
        self.entries, self.start = PREDICTED[bg_type]
        if self.entries:
            self.encoder = Encoder(block_expansion, 6, num_blocks, max_features)
            self.fc = Float32Linear(self.encoder.out_channels, len(self.entries))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The camera starts without motion."""
        if self.entries:
            with torch.no_grad():
                self.fc.weight.zero_()
                self.fc.bias.copy_(torch.tensor(self.start))

    def forward(self, source: Tensor, driving: Tensor) -> Tensor:
        matrix = torch.eye(3, device=source.device).repeat(len(source), 1, 1)  # (B, 3, 3)
        if not self.entries:
            return matrix
        smallest = self.encoder(torch.cat([source, driving], dim=1))[-1]  # (B, c, S / 2^num_blocks, same)
        predicted = self.fc(smallest.float().mean(dim=(2, 3)))  # (B, number of entries)
        rows, columns = zip(*self.entries)
        matrix[:, rows, columns] = predicted
        return matrix
