"""What the pose shows, moved to where it is on the identity's body."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.models.layers import ConvBlock
from capture.models.warp import middles, sample_at


class Reshape(nn.Module):
    """From the pose's features and the identity's code: which place of the pose picture belongs to each of the output.

    The identity's head may be larger than that of the pose, its legs shorter. Convolutions that only see what lies
    there must move features by several positions for that; here a smooth field of displacements says so, and the
    pose's maps of every size are sampled by it.

    Args:
        context: channels of the pose's features.  code: width of the identity's code.  width: of the layers between.
    Attributes:
        watched: keep where the positions of the last forward come from, (B, 2, H, W), in `seen`, for a loss of their
            own. (That of the picture moves them too: it alone teaches them where surfaces are not known.)
    """

    def __init__(self, context: int, code: int, width: int = 64):
        super().__init__()
        self.watched, self.seen = False, None
        self.look = nn.Conv2d(context, width, 3, padding=1)
        self.who = nn.Linear(code, width)
        self.field = nn.Sequential(*(ConvBlock(width, width) for _ in range(4)), nn.Conv2d(width, 2, 3, padding=1))

    def forward(self, context: Tensor, code: Tensor) -> Tensor:
        """Features (B, context, H, W), code (B, code) -> displacements (B, 2, H, W), x and y in positions."""
        x = F.leaky_relu(self.look(context) + self.who(code)[:, :, None, None], 0.2)
        moved = self.field(x).float()
        if self.watched:
            self.seen = moved + middles(moved)
        return moved


def move(x: Tensor, moved: Tensor) -> Tensor:
    """A map (B, C, H, W) sampled where displacements (B, 2, h, w), in positions of their own size, say."""
    scale = x.shape[-1] / moved.shape[-1]
    if scale != 1:
        moved = scale * F.interpolate(moved, size=x.shape[-2:], mode="bilinear", align_corners=False)
    with torch.autocast(x.device.type, enabled=False):
        return sample_at(x, middles(x) + moved.float()).to(x.dtype)
