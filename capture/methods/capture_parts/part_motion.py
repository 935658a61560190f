"""How each body part moves from one picture to another of other proportions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from capture.methods.capture_parts.coordinates import cell_centres
from capture.methods.capture_parts.segmenter import FEATURES, Segmentation
from capture.nn.init import OwnInit
from capture.nn.precision import InFloat32

TOKEN = 160  # width of a part's token
HALF_TRUSTED = 0.5  # positions: the centre of a part of this area counts half, the figure's centre the other half
DESCRIPTORS = 6 + 3 * FEATURES


class PartMotion(NamedTuple):
    """Where the points of each part of the output are in the pose's and in the identity's picture: x -> A x + b.

    Coordinates run from -1 to 1 over a picture, x before y, as `grid_sample` has them.
    """

    to_pose: Tensor  # (B, parts, 2, 3): A beside b
    to_identity: Tensor  # (B, parts, 2, 3)
    tokens: Tensor  # (B, parts, TOKEN)


class PartMotionTransformer(InFloat32, OwnInit):
    """From the segmentations of both pictures, one affine map for each part into either.

    The parts of the output have the directions of the pose's and the sizes of the identity's; how a longer arm then
    hangs from a broader shoulder depends on the whole body. So each part is a token of its area, centre and spread, and
    of how its features vary over it, in both pictures; a transformer (Vaswani et al., NeurIPS 2017) relates the parts.
    Affine maps of parts are FOMM's and MRAA's (Siarohin et al., NeurIPS 2019, CVPR 2021); here they lead to a picture
    that does not exist yet. Coordinates need float32, so this network keeps it where the rest is bfloat16.

    Args:
        num_parts: of a body.  width, layers, heads: of the transformer.
    """

    def __init__(self, num_parts: int, width: int = TOKEN, layers: int = 4, heads: int = 5):
        super().__init__()
        self.embed = nn.Linear(2 * DESCRIPTORS, width)
        self.part_embedding = nn.Parameter(0.02 * torch.randn(num_parts, width))
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, 12)

    def init_own(self) -> None:
        """At first every part stays where it is."""
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, identity: Segmentation, pose: Segmentation) -> PartMotion:
        device = identity.logits.device
        with torch.autocast(device.type, enabled=False):
            identity_parts, identity_centre = part_descriptors(identity)
            pose_parts, pose_centre = part_descriptors(pose)  # (B, parts, DESCRIPTORS), (B, parts, 2)
            x = self.embed(torch.cat([identity_parts, pose_parts], dim=-1)) + self.part_embedding
            x = self.transformer(x)  # (B, parts, width)
            shift, pose_matrix, identity_shift, identity_matrix = self.head(x).split([2, 4, 2, 4], dim=-1)
            output_centre = pose_centre + shift  # (B, parts, 2)
            maps = []
            for matrix, centre in ((pose_matrix, pose_centre), (identity_matrix, identity_centre + identity_shift)):
                matrix = matrix.unflatten(-1, (2, 2)) + torch.eye(2, device=device)  # (B, parts, 2, 2)
                offset = centre[..., None] - matrix @ output_centre[..., None]  # (B, parts, 2, 1)
                maps.append(torch.cat([matrix, offset], dim=-1))
        to_pose, to_identity = maps
        return PartMotion(to_pose, to_identity, x)


def part_descriptors(segmentation: Segmentation) -> tuple[Tensor, Tensor]:
    """Moments of each part, and its centre.

    Returns:
        (B, parts, 6 + 3 F): log area, centre, second moments, mean features, and how the features vary along x and y;
        (B, parts, 2): the centre of the part, drawn to the figure's where the part is small.
    """
    share = segmentation.logits.softmax(dim=1)[:, 1:].flatten(2)  # (B, parts, N)
    mass = share.sum(-1, keepdim=True)  # (B, parts, 1)
    weight = share / (mass + 1e-3)
    xy = cell_centres(segmentation.logits).flatten(1)  # (2, N)
    centre = weight @ xy.T  # (B, parts, 2)
    x, y = xy
    second = weight @ torch.stack([x * x, x * y, y * y], dim=1)  # (B, parts, 3)
    mx, my = centre.unbind(-1)
    spread = second - torch.stack([mx * mx, mx * my, my * my], dim=-1)
    features = segmentation.features.flatten(2)  # (B, F, N)
    mean = weight @ features.transpose(1, 2)  # (B, parts, F)
    product = (features[:, :, None] * xy).flatten(1, 2)  # (B, 2 F, N)
    slope = weight @ product.transpose(1, 2) - (mean[..., None] * centre[:, :, None]).flatten(2)  # (B, parts, 2 F)
    trust = mass / (mass + HALF_TRUSTED)
    figure_centre = (share.sum(1, keepdim=True) @ xy.T) / (mass.sum(1, keepdim=True) + 1e-3)  # (B, 1, 2)
    centre = trust * centre + (1 - trust) * figure_centre
    moments = torch.cat([torch.log1p(mass) / 3, centre, 20 * spread, mean, 5 * slope], dim=-1)
    return moments * torch.cat([torch.ones_like(trust), trust.expand(-1, -1, moments.shape[-1] - 1)], dim=-1), centre
