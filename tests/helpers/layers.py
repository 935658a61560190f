"""Layers of a figure that stays where it is: the output that a network without any error would give."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from capture.methods.layers import Layers


def still_layers(picture: Image.Image, size: int, ground: tuple[int, int, int], share: float = 1.0) -> Layers:
    """An RGBA figure, drawn at `size` on a ground, whose left and right half are two parts that don't move.

    Args:
        share: of the warped pixels; the painted colours are green.
    """
    small = picture.resize((size, size), Image.Resampling.BOX)
    drawn = Image.new("RGBA", small.size, (*ground, 255))
    drawn.alpha_composite(small)
    image = torch.from_numpy(np.array(drawn.convert("RGB"))).permute(2, 0, 1)[None].float() / 127.5 - 1
    alpha = torch.from_numpy(np.array(small.getchannel("A"))).float() / 255
    side = torch.where(torch.arange(size) < size // 2, 4.0, -4.0).expand(size, size)
    logits = torch.stack([8 - 16 * alpha, side, -side])
    logits[0] += torch.where(alpha > 0.5, -8.0, 8.0)
    painted = torch.tensor([-1.0, 1.0, -1.0])[None, :, None, None].expand_as(image)
    maps = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(1, 2, 2, 3)
    return Layers(
        image,
        painted,
        torch.full((1, 1, size, size), share),
        logits[None],
        maps.clone(),
        torch.zeros(1, 2, dtype=torch.int64),
        torch.zeros(1, 1, 2, size // 2, size // 2),
    )
