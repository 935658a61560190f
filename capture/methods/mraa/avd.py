"""MRAA's animation by disentanglement: one body's shape, another's pose (Siarohin et al., CVPR 2021)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from capture.methods.mraa.regions import Regions
from capture.nn.geometry import inverse, multiply, same_sign
from capture.nn.precision import InFloat32


class AvdNetwork(InFloat32):
    """Regions of the identity and of the pose -> the identity's regions in that pose, in float32.

    Args:
        id_bottle_size, pose_bottle_size: widths of the identity's and of the pose's code.
        revert_axis_swap: first give the identity's axes the signs of the pose's.
    """

    def __init__(
        self,
        num_regions: int,
        id_bottle_size: int,
        pose_bottle_size: int,
        revert_axis_swap: bool,
    ):
        super().__init__()
        self.revert_axis_swap = revert_axis_swap
        size = 6 * num_regions  # a centre and a frame each
        self.id_encoder = perceptron(size, 256, 512, 1024, id_bottle_size)
        self.pose_encoder = perceptron(size, 256, 512, 1024, pose_bottle_size)
        self.decoder = perceptron(pose_bottle_size + id_bottle_size, 1024, 512, 256, size)

    def forward(self, identity: Regions, pose: Regions) -> Regions:
        if self.revert_axis_swap:
            turn = same_sign(multiply(identity.frames, inverse(pose.frames)))  # (B, K, 1, 1)
            identity = identity._replace(affine=identity.frames * turn)
        with torch.autocast(pose.shift.device.type, enabled=False):
            codes = [self.pose_encoder(flatten(pose)), self.id_encoder(flatten(identity))]  # (B, bottle size) each
            decoded = self.decoder(torch.cat(codes, dim=1)).unflatten(1, (-1, 6))  # (B, K, 6)
        affine = decoded[..., 2:].unflatten(-1, (2, 2))  # (B, K, 2, 2)
        return Regions(decoded[..., :2], affine, multiply(affine, affine.mT))


def stretch_factors(uniform: Tensor, random_scale: float) -> Tensor:
    """(B, 2) numbers in [0, 1) -> factors along x and y, 1 +- random_scale, that make another body of one."""
    return uniform * (2 * random_scale) + (1 - random_scale)


def rescale(regions: Regions, factors: Tensor) -> Regions:
    """Regions of a body stretched along x and y by factors (B, 2)."""
    return Regions(regions.shift * factors[:, None], regions.frames * factors[:, None, :, None])


def flatten(regions: Regions) -> Tensor:
    """The centres and frames of all regions as one vector, (B, 6 K)."""
    return torch.cat([regions.shift, regions.frames.flatten(-2)], dim=-1).flatten(1)


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers of these widths with batch norm and ReLU between them."""
    layers: list[nn.Module] = []
    for wide, next_wide in pairwise(widths[:-1]):
        layers += [nn.Linear(wide, next_wide), nn.BatchNorm1d(next_wide), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
