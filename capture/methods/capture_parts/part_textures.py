"""The texture of every part of a picture: its own colours, continued beyond its own pixels.

Where the layout expects a thin limb a few pixels beside its true place, the identity's picture shows the ground, or a
part behind it. In the texture of the limb the same place has the limb's nearest colours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.capture_parts.coordinates import sample_map
from capture.methods.capture_parts.ground import fill

FEWEST = 12 / 128**2  # of a picture's pixels: a part that has fewer takes the figure's colours
_OTHERS = 1e-6  # weight of the other parts' pixels, whose colours count only where a part has none of its own
_NOWHERE = 1e-12  # weight of the ground's pixels


def part_textures(picture: Tensor, logits: Tensor) -> Tensor:
    """The textures of a picture's parts.

    Args:
        picture: (B, 3, S, S) in [-1, 1].  logits: (B, parts + 1, h, w), of the background and the parts.
    Returns:
        float32 (B, 3, parts * S, S), one texture below another; without a gradient.
    """
    with torch.no_grad(), torch.autocast(picture.device.type, enabled=False):
        picture, size, count = picture.float(), picture.shape[-1], logits.shape[1] - 1
        shares = F.interpolate(logits.float().softmax(1), (size, size), mode="bilinear", align_corners=False)
        figure = (shares[:, :1] < 0.5).float()  # (B, 1, S, S)
        numbers = torch.arange(count, device=picture.device)[:, None, None]
        own = (shares[:, 1:].argmax(1, keepdim=True) == numbers).float() * figure  # (B, parts, S, S)
        own = own * (own.mean((2, 3), keepdim=True) >= FEWEST).float()
        weight = (own + _OTHERS * figure + _NOWHERE).flatten(0, 1)[:, None]  # (B parts, 1, S, S)
        pictures = picture[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)  # (B parts, 3, S, S)
        own = own.flatten(0, 1)[:, None]
        filled = own * pictures + (1 - own) * fill(pictures, weight)
        textures: Tensor = filled.unflatten(0, (-1, count)).transpose(1, 2).flatten(2, 3)
        return textures


def sample_textures(textures: Tensor, part: Tensor, grid: Tensor) -> Tensor:
    """The pixels of the parts' textures at positions in the picture, bilinearly.

    Args:
        textures: of `part_textures`.  part: int64 (B, S, S), which part each pixel shows.
        grid: (B, 2, S, S), where in the picture it is.
    Returns:
        float32 (B, 3, S, S).
    """
    size = textures.shape[-1]
    count = textures.shape[-2] // size
    most = 1 - 1 / size  # the middle of a texture's last row: beyond it is the next texture
    rows = (2 * part.to(grid.dtype) + 1 + grid[:, 1].clamp(-most, most)) / count - 1
    return sample_map(textures, torch.stack([grid[:, 0], rows], dim=1))
