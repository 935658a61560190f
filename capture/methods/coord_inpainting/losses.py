"""The losses of coordinate inpainting, free functions from tensors to scalars.

The training code was never released. Colour and coordinate errors are those that a later project trains the same
inpainter with; weights are assumptions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.coord_inpainting.atlas import in_mirror, part_squares
from capture.methods.coord_inpainting.filling import fill_coordinates


def masked_l1(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference of (B, C, H, W) where mask (B, 1, H, W) is 1; 0 where it is nowhere."""
    difference = ((a.float() - b.float()).abs() * mask).sum()
    return difference / (mask.sum() * a.shape[1]).clamp(min=1)


def pyramid_l1(a: Tensor, b: Tensor, mask: Tensor, scales: int) -> Tensor:
    """masked_l1 averaged over `scales` halvings of the pictures, each a mean over the figure's pixels.

    At a coarse scale a wrong coordinate finds the right colour from further away.
    """
    total = masked_l1(a, b, mask)
    for _ in range(scales - 1):
        weight = F.avg_pool2d(mask, 2)
        a, b = (F.avg_pool2d(x * mask, 2) / weight.clamp(min=1e-6) for x in (a.float(), b.float()))
        mask = (weight > 0).to(weight.dtype)
        total = total + masked_l1(a, b, mask)
    return total / scales


def coordinate_l1(xy: Tensor, xy_partial: Tensor, known: Tensor) -> Tensor:
    """How far the coordinates are from those that the identity's map gives, on known texels."""
    return masked_l1(xy, xy_partial, known)


def correspondence_l1(xy: Tensor, xy_partial: Tensor, known: Tensor) -> Tensor:
    """How far unknown texels are from what fills them from known ones of the same part, or its twin (pull-push).

    Of the toon atlas. Texels of parts that neither the identity nor its mirror image shows count nothing.
    """
    shown = torch.maximum(known, in_mirror(known))
    seen = part_squares(shown).amax(dim=(2, 3), keepdim=True)  # (B * 25, 1, 1, 1)
    side = xy.shape[-1] // 5
    part = seen.view(len(xy), 5, 5).repeat_interleave(side, 1).repeat_interleave(side, 2).unsqueeze(1)  # (B, 1, T, T)
    goal = fill_coordinates(xy_partial, known, parts=True, mirror=True)
    return masked_l1(xy, goal, part * (1 - known))


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's hinge loss (Lim and Ye, 2017)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """The generator's: minus the mean score."""
    return -fake.float().mean()
