"""Which part each pixel of the output shows, and where that pixel is in the identity's and in the pose's picture."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture_parts.coordinates import (
    apply_affine,
    apply_part_affine,
    cell_centres,
    neighbours,
    sample_map,
)
from capture.methods.capture_parts.part_motion import TOKEN, PartMotion
from capture.methods.capture_parts.segmenter import FEATURES, Segmentation
from capture.nn.blocks import ConvBlock
from capture.nn.init import OwnInit
from capture.nn.unet import UNet

NEIGHBOURS = 2.0  # positions: distance of the neighbours whose features are compared too


class Layout(NamedTuple):
    """The output before it has colours; h = S / patch."""

    coarse_logits: Tensor  # (B, parts + 1, h, w), from the moved parts alone
    logits: Tensor  # (B, (parts + 1) patch², h, w), of each pixel, as pixel_unshuffle orders them
    residual_flow: Tensor  # (B, 4, h, w), added to the positions in identity (x, y) and pose (x, y) that the maps give
    features: Tensor  # (B, width, h, w)


class Correspondence(NamedTuple):
    """Where the output's pixels are in the pictures there are; coordinates as in PartMotion."""

    logits: Tensor  # (B, parts + 1, S, S)
    identity_grid: Tensor  # (B, 2, S, S), by the likeliest part
    pose_grid: Tensor  # (B, 2, h, w)
    visibility: Tensor  # (B, 1, S, S): how likely the identity's picture shows the same part there
    features: Tensor  # (B, width, h, w), of the layout


class LayoutNetwork(OwnInit):
    """The parts of both pictures, each moved by its own map, and a network that says what hides what.

    Each part of either picture may be in front, behind, cut off or missing. A first U-Net, which also sees the pose's
    unmoved parts, lays out the whole coarsely. By that layout the features of both pictures are warped to the output:
    the identity's from its position and from four neighbours, and the tokens of the parts. A second U-Net
    compares them and decides for each pixel.

    Args:
        num_parts: of a body.  patch: pixels to a side of a position.  width: channels at full size, and of the layout's
            features.
    """

    def __init__(self, num_parts: int, patch: int, width: int = 48):
        super().__init__()
        self.patch = patch
        smaller = (4 * width // 3, 2 * width, 8 * width // 3)  # channels at the smaller sizes
        self.coarse_conv = ConvBlock(3 * num_parts + FEATURES, width)
        self.coarse_unet = UNet(width, *smaller)
        self.coarse_head = nn.Conv2d(width, num_parts + 1, 1)
        self.token_linear = nn.Linear(TOKEN, FEATURES)
        self.fine_conv = ConvBlock(width + 7 * FEATURES, width)
        self.fine_unet = UNet(width, *smaller[:2])
        self.logits_head = nn.Conv2d(width, (num_parts + 1) * patch**2, 1)
        self.flow_head = nn.Conv2d(width, 4, 1)

    def init_own(self) -> None:
        """At first no part is much likelier than another, and the residual flow is nearly zero."""
        for head in (self.coarse_head, self.logits_head, self.flow_head):
            head.weight.data.mul_(0.01)

    def forward(self, identity: Segmentation, pose: Segmentation, motion: PartMotion) -> Layout:
        with torch.autocast(identity.logits.device.type, enabled=False):
            points = cell_centres(identity.logits)  # (2, h, w)
            grids = [apply_affine(maps, points) for maps in (motion.to_identity, motion.to_pose)]  # (B, parts, 2, h, w)
            shares = [picture.logits.softmax(dim=1)[:, 1:] for picture in (identity, pose)]  # (B, parts, h, w)
            moved = [_move_parts(share, grid) for share, grid in zip(shares, grids)]  # (B, parts, h, w)
            tokens = self.token_linear(motion.tokens.to(self.token_linear.weight.dtype)).float()  # (B, parts, FEATURES)
        x = torch.cat([*moved, shares[1], pose.features], dim=1)
        x = self.coarse_unet(self.coarse_conv(x.to(self.coarse_head.weight.dtype)))  # (B, width, h, w)
        coarse = self.coarse_head(x).float()  # (B, parts + 1, h, w)
        with torch.autocast(x.device.type, enabled=False):
            share = coarse[:, 1:].softmax(dim=1)[:, :, None]  # (B, parts, 1, h, w)
            identity_grid, pose_grid = ((share * grid).sum(1) for grid in grids)  # (B, 2, h, w)
            around = neighbours(identity_grid, NEIGHBOURS)
            warped = [sample_map(identity.features, grid) for grid in around]  # (B, FEATURES, h, w) each
            warped += [sample_map(pose.features, pose_grid), torch.einsum("bpxhw,bpc->bchw", share, tokens)]
        x = self.fine_conv(torch.cat([x, *(y.to(x.dtype) for y in warped)], dim=1))
        x = self.fine_unet(x)  # (B, width, h, w)
        return Layout(coarse, self.logits_head(x).float(), 0.1 * self.flow_head(x).float(), x)

    def correspondence(self, identity: Segmentation, motion: PartMotion, layout: Layout) -> Correspondence:
        """From the layout to pixels."""
        with torch.autocast(layout.logits.device.type, enabled=False):
            logits = F.pixel_shuffle(layout.logits, self.patch)  # (B, parts + 1, S, S)
            part = logits[:, 1:].argmax(1)  # (B, S, S)
            flow = layout.residual_flow
            flow_pixels = F.interpolate(flow[:, :2], scale_factor=self.patch, mode="bilinear", align_corners=False)
            identity_grid = apply_part_affine(motion.to_identity, part, cell_centres(part)[None]) + flow_pixels
            share = F.avg_pool2d(logits[:, 1:].softmax(dim=1), self.patch)[:, :, None]  # (B, parts, 1, h, w)
            pose_grids = apply_affine(motion.to_pose, cell_centres(layout.coarse_logits))  # (B, parts, 2, h, w)
            pose_grid = (share * pose_grids).sum(1) + flow[:, 2:]  # (B, 2, h, w)
            shown = sample_map(identity.logits.softmax(dim=1)[:, 1:], identity_grid)  # (B, parts, S, S)
            visibility = shown.gather(1, part[:, None])  # (B, 1, S, S)
            return Correspondence(logits, identity_grid, pose_grid, visibility, layout.features)


def _move_parts(share: Tensor, grid: Tensor) -> Tensor:
    """Shares of the parts (B, parts, h, w), each at its own positions (B, parts, 2, h, w) -> (B, parts, h, w)."""
    moved = sample_map(share.flatten(0, 1)[:, None], grid.flatten(0, 1), "zeros")  # (B parts, 1, h, w)
    return moved.view(share.shape[0], share.shape[1], *moved.shape[2:])
