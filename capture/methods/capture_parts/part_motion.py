"""How each part of a body moves from one picture to another of other proportions."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture_parts.segmenter import FEATURES, Seen, grid

TOKEN = 160  # what a part's token is wide
FEW = 0.5  # a part of so many positions is half believed


class Motion(NamedTuple):
    """Of each part of the output, where its points are in the pose's and in the identity's picture: x -> A x + b.

    Coordinates run from -1 to 1 over a picture, x before y, as `grid_sample` has them.
    """

    to_pose: Tensor  # (B, parts, 2, 3): A beside b
    to_identity: Tensor  # (B, parts, 2, 3)
    tokens: Tensor  # (B, parts, TOKEN): what the parts have come to know


class BodyMotion(nn.Module):
    """From what both pictures show, one affine map for each part into either.

    The parts of the output have the directions of the pose's and the sizes of the identity's; how a longer arm then
    hangs from a broader shoulder is a matter of the whole body. So each part is a token: its mass, its middle and
    spread and how its features vary over it, in both pictures; a transformer (Vaswani et al., NeurIPS 2017) lets the
    parts know of each other. Affine maps of parts are FOMM's and MRAA's (Siarohin et al., NeurIPS 2019, CVPR 2021);
    here they lead to a picture that does not exist yet.

    Args:
        parts: of a body.  width, layers, heads: of the transformer.
    Attributes:
        exact: stays in float32 where the rest of a generator does not, since bfloat16 can't say a place to a pixel.
    """

    exact = True

    def __init__(self, parts: int, width: int = TOKEN, layers: int = 4, heads: int = 5):
        super().__init__()
        self.read = nn.Linear(2 * (6 + 3 * FEATURES), width)
        self.name = nn.Parameter(0.02 * torch.randn(parts, width))
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.move = nn.Linear(width, 12)

    def start(self) -> None:
        """At first every part stays where it is (called by init_weights)."""
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(self.move.bias)

    def forward(self, identity: Seen, pose: Seen) -> Motion:
        device = identity.logits.device
        with torch.autocast(device.type, enabled=False):
            mine, my_middle = moments(identity)
            theirs, their_middle = moments(pose)  # (B, parts, 6 + 3 F), (B, parts, 2)
            x = self.body(self.read(torch.cat([mine, theirs], dim=-1)) + self.name)
            d, turn, shift, turn_mine = self.move(x).split([2, 4, 2, 4], dim=-1)
            there = their_middle + d  # where the part is in the output
            maps = []
            for matrix, middle in ((turn, their_middle), (turn_mine, my_middle + shift)):
                matrix = matrix.unflatten(-1, (2, 2)) + torch.eye(2, device=device)  # (B, parts, 2, 2)
                offset = middle[..., None] - matrix @ there[..., None]
                maps.append(torch.cat([matrix, offset], dim=-1))
        return Motion(*maps, x)


def moments(seen: Seen) -> tuple[Tensor, Tensor]:
    """Of each part: (B, parts, 6 + 3 F) mass, middle, spread, mean features, how these vary along x and y; and (B,
    parts, 2) its middle, or the body's where there is little of it."""
    share = seen.logits.softmax(dim=1)[:, 1:].flatten(2)  # (B, parts, N)
    mass = share.sum(-1, keepdim=True)
    weight = share / (mass + 1e-3)
    xy = grid(seen.logits).flatten(1)  # (2, N)
    middle = weight @ xy.T  # (B, parts, 2)
    x, y = xy
    second = weight @ torch.stack([x * x, x * y, y * y], dim=1)  # (B, parts, 3)
    mx, my = middle.unbind(-1)
    spread = second - torch.stack([mx * mx, mx * my, my * my], dim=-1)
    features = seen.features.flatten(2)  # (B, F, N)
    mean = weight @ features.transpose(1, 2)  # (B, parts, F)
    product = (features[:, :, None] * xy).flatten(1, 2)  # (B, 2 F, N)
    along = weight @ product.transpose(1, 2) - (mean[..., None] * middle[:, :, None]).flatten(2)  # (B, parts, 2 F)
    believed = mass / (mass + FEW)
    whole = (share.sum(1, keepdim=True) @ xy.T) / (mass.sum(1, keepdim=True) + 1e-3)  # (B, 1, 2)
    placed = believed * middle + (1 - believed) * whole
    told = torch.cat([torch.log1p(mass) / 3, placed, 20 * spread, mean, 5 * along], dim=-1)
    return told * torch.cat([torch.ones_like(believed), believed.expand(-1, -1, told.shape[-1] - 1)], dim=-1), placed


def apply(maps: Tensor, points: Tensor) -> Tensor:
    """Affine maps (..., 2, 3) of points (2, H, W) -> (..., 2, H, W)."""
    moved = maps[..., :2] @ points.flatten(1) + maps[..., 2:]
    return moved.unflatten(-1, tuple(points.shape[-2:]))


def sample(x: Tensor, place: Tensor, padding: str = "border") -> Tensor:
    """A map (B, C, H, W) at places (B, 2, h, w) -> float32 (B, C, h, w)."""
    return F.grid_sample(x.float(), place.permute(0, 2, 3, 1), padding_mode=padding, align_corners=False)
