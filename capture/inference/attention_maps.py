"""What reverse attention looks at: its two matrices for one pair of pictures, and a picture of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from capture.common.errors import CaptureError
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, normalise, tensor_to_image
from capture.nn.attention import VisibleAttention

POINTS = 5  # positions of the pose picture that are followed
TILE = 128  # pixels, at least
_MARK = (255, 40, 40)
_HOT = np.array([255, 90, 0], np.float32)
BACKGROUND = 24  # levels by which a picture's figure differs from its corners


@dataclass
class Maps:
    """One module's matrices, (N, N) with N = side²: a row for each query position, summing to one.

    guided: A of the pose-guided identity attention; its rows are positions of the picture that `rows` names.
    reverse: B of the identity-guided reverse attention, rows are the pose's and columns the identity's positions; what
    the branch takes is weighted by 1 - B.
    """

    side: int
    rows: str
    guided: Tensor
    reverse: Tensor


@torch.no_grad()
def attention_maps(transfer: PoseTransfer, identity: Tensor, pose: Tensor) -> tuple[list[Maps], Tensor]:
    """The decoder's attention for one identity and one pose, uint8 (3, S, S), smallest side first; and its picture.

    Raises:
        CaptureError: this generator has no reverse attention.
    """
    found: list[Maps] = []

    def look(module: VisibleAttention, inputs: tuple[Tensor, ...], output: Any) -> None:
        a, b = (matrix.cpu() for matrix in module.matrices(inputs, output))
        found.append(Maps(inputs[0].shape[-1], module.rows, a, b))

    modules = [m for m in transfer.generator.modules() if isinstance(m, VisibleAttention)]
    handles = [module.register_forward_hook(look) for module in modules]
    try:
        shown = (normalise(x[None]).to(transfer.device) for x in (identity, pose))
        picture = transfer.generator(dict(zip(("identity", "pose"), shown)))
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise CaptureError(f"{transfer.source}: this generator has no reverse attention to draw; leave --attention out")
    return sorted(found, key=lambda maps: maps.side), denormalise(picture)[0].cpu()


def draw_attention(maps: list[Maps], identity: Tensor, pose: Tensor, output: Tensor) -> Image.Image:
    """A picture of it: for some marked positions (columns), where each module looks.

    Rows for each module: the marked positions; A over the picture that its columns belong to, glowing where most is
    gathered from; the positions again, where they are in the other picture; and 1 - B over the identity picture, grey
    where the reverse branch leaves out what is there. Each map is stretched to its own range.

    Args:
        identity, pose, output: uint8 (3, S, S).
    """
    size = max(TILE, identity.shape[-1])
    given = {"identity": identity, "pose": pose, "output": output}
    pictures = {name: _enlarged(picture, size) for name, picture in given.items()}
    points = {name: figure_points(picture, POINTS) for name, picture in given.items()}
    rows = []
    for one in maps:
        looked_at = "pose" if one.rows == "identity" else "identity"
        rows.append([_marked(pictures[one.rows], points[one.rows][k]) for k in range(POINTS)])
        rows.append([_glow(pictures[looked_at], _row(one.guided, one.side, at)) for at in points[one.rows]])
        if one.rows == "identity":
            rows.append([_marked(pictures["pose"], points["pose"][k]) for k in range(POINTS)])
        asked = "pose" if one.rows == "identity" else one.rows
        rows.append([_glow(pictures["identity"], _row(-one.reverse, one.side, at)) for at in points[asked]])
    sheet = Image.new("RGB", ((size + 4) * POINTS, (size + 4) * len(rows)), "white")
    for r, row in enumerate(rows):
        for c, tile in enumerate(row):
            sheet.paste(tile, (2 + c * (size + 4), 2 + r * (size + 4)))
    return sheet


def figure_points(picture: Tensor, count: int) -> list[tuple[float, float]]:
    """`count` places (x, y) in [0, 1] on the figure of uint8 (3, S, S): far from one another, the topmost first."""
    values = picture.int()
    corners = values[:, [0, 0, -1, -1], [0, -1, 0, -1]].float().median(dim=1).values.int()
    inside = ((values - corners[:, None, None]).abs().amax(dim=0) > BACKGROUND).nonzero().float()  # (K, 2): y, x
    if not len(inside):
        inside = torch.tensor([[picture.shape[-1] / 2, picture.shape[-1] / 2]])
    chosen = [inside[inside[:, 0].argmin()]]
    while len(chosen) < count:
        distance = torch.stack([(inside - point).norm(dim=1) for point in chosen]).amin(dim=0)
        chosen.append(inside[distance.argmax()])
    side = picture.shape[-1]
    return [(float((x + 0.5) / side), float((y + 0.5) / side)) for y, x in chosen]


def _row(matrix: Tensor, side: int, at: tuple[float, float]) -> Tensor:
    """The row of a position, (side, side), stretched to [0, 1]."""
    x, y = (min(int(value * side), side - 1) for value in at)
    row = matrix[y * side + x].reshape(side, side)
    return (row - row.min()) / (row.max() - row.min()).clamp(min=1e-12)


def _enlarged(picture: Tensor, size: int) -> Image.Image:
    return tensor_to_image(picture).resize((size, size), Image.Resampling.NEAREST)


def _marked(picture: Image.Image, at: tuple[float, float]) -> Image.Image:
    picture, (x, y) = picture.copy(), (value * picture.width for value in at)
    radius = picture.width / 24
    pen = ImageDraw.Draw(picture)
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], outline="white", width=5)
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], outline=_MARK, width=3)
    return picture


def _glow(picture: Image.Image, strength: Tensor) -> Image.Image:
    """The picture in grey, glowing where `strength` (side, side) is 1."""
    grey = np.asarray(picture.convert("L"), np.float32)[..., None] * np.ones(3, np.float32)
    heat = F.interpolate(strength[None, None], picture.size[::-1], mode="bilinear")[0, 0].numpy()[..., None]
    return Image.fromarray((grey * 0.6 * (1 - heat) + _HOT * heat).round().astype(np.uint8))
