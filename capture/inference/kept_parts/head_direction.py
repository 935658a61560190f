"""Where a head looks: an angle and how sure it is, from a picture and the parts that a segmenter finds in it.

A small convolutional network sees the head alone, cut out and scaled to one size. `tools.train_head_direction`
trains it on toon characters, whose poses are known, and on datasets whose names say a direction.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from capture.common.errors import CaptureError
from capture.io.images import normalise
from capture.io.iuv import PART

WEIGHTS = Path(__file__).with_name("head_direction.safetensors")
HEAD = ("head", "face", "ears", "hair", "hat")
SIDE = 40  # pixels of a cut-out head
MARGIN = 0.15  # of a head's larger side, around it
FEWEST = 30  # pixels of a head at a side of 128
NEAR = math.radians(60)  # sets of drawings have four or eight directions
NEARLY = math.radians(50)  # so near that the same limbs are seen
FAR = math.radians(110)  # a face from the front may stand on a body that is seen from the side, not from behind
FRONT = 0.42  # cosine of the largest angle from the front, or from the back, at which a head is seen from there
_MIRROR = torch.tensor([1.0, -1.0])
TOO_UNSURE = 2.0  # radians squared: variance, nearly, of the angle between two heads


class HeadDirection(nn.Module):
    """A head (B, 5, SIDE, SIDE), of `cut_out_heads`, to vectors (B, 2).

    Their direction is that of the head: (1, 0) looks at the camera, (0, 1) to the picture's left, (-1, 0) away. Their
    length is the concentration of a von Mises distribution around it.
    """

    def __init__(self, width: int = 24):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 5
        for out in (width, 2 * width, 3 * width, 4 * width):
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.GroupNorm(4, out), nn.ReLU(), nn.MaxPool2d(2)]
            channels = out
        self.features = nn.Sequential(*layers)  # (B, 4 width, 2, 2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(16 * width, 96), nn.ReLU(), nn.Linear(96, 2))

    def forward(self, heads: Tensor) -> Tensor:
        vectors: Tensor = self.head(self.features(heads))
        return vectors


@cache
def trained() -> HeadDirection:
    """The network with its weights.

    Raises:
        CaptureError: its file is missing or damaged.
    """
    network = HeadDirection()
    try:
        network.load_state_dict(load_file(WEIGHTS))
    except (OSError, SafetensorError, RuntimeError):
        raise CaptureError(f"{WEIGHTS}: missing or damaged; install capture again, or give --keep_head off") from None
    return network.eval().requires_grad_(False)


@torch.no_grad()
def head_directions(pictures: Tensor, logits: Tensor) -> list[Tensor | None]:
    """The vector (2,) of each picture's head, see HeadDirection; None where there is none.

    Args:
        pictures: uint8 (N, 3, S, S).  logits: (N, parts + 1, h, h), of the segmenter.
    """
    heads = cut_out_heads(pictures, logits)
    return [None if head is None else trained()(head[None])[0] for head in heads]


class DriverDirection:
    """The direction of a driver's head, frame by frame: the mean of the vectors of the latest frames of a sequence,
    which is short where they disagree. So a head does not flip back and forth in a video.

    Args:
        frames: how many of them.
    """

    def __init__(self, frames: int):
        self._recent: deque[Tensor] = deque(maxlen=frames)

    def __call__(self, picture: Tensor, logits: Tensor | None, begins: bool = False) -> Tensor | None:
        """The vector (2,) of the next frame; None where it has no head.

        Args:
            picture: uint8 (1, 3, S, S).  logits: (1, parts + 1, h, h), of the segmenter; None without one.
            begins: another sequence begins with this frame.
        """
        if begins:
            self._recent.clear()
        found = None if logits is None else head_directions(picture, logits)[0]
        if found is None:
            return None
        self._recent.append(found)
        return torch.stack(list(self._recent)).mean(0)


class Sides(Enum):
    """How the side from which one head is seen compares with that of another."""

    ALIKE = "about the same"
    MIRRORED = "about the same, mirrored"
    BEHIND = "from behind, where the other is from the front"
    BEHIND_MIRRORED = "from behind, mirrored"
    AWAY = "another"
    UNKNOWN = "unknown"

    @property
    def mirrored(self) -> bool:
        return self in (Sides.MIRRORED, Sides.BEHIND_MIRRORED)

    @property
    def behind(self) -> bool:
        return self in (Sides.BEHIND, Sides.BEHIND_MIRRORED)


def compare(drawn: Tensor | None, driver: Tensor | None) -> Sides:
    """The sides of a drawing's head and of its driver's, vectors (2,) of HeadDirection."""
    if drawn is None or driver is None:
        return Sides.UNKNOWN
    if 1 / max(float(drawn.norm()), 1e-6) + 1 / max(float(driver.norm()), 1e-6) > TOO_UNSURE:
        return Sides.UNKNOWN
    if float(drawn[0] / drawn.norm()) > FRONT and float(driver[0] / driver.norm()) < -FRONT:
        # the outline of a head from behind is that from the front, mirrored
        return Sides.BEHIND if _angle(-drawn * _MIRROR, driver) < _angle(-drawn, driver) else Sides.BEHIND_MIRRORED
    apart, mirrored = (_angle(one, driver) for one in (drawn, drawn * _MIRROR))
    if mirrored < NEAR < apart:
        return Sides.MIRRORED
    return Sides.ALIKE if apart < FAR else Sides.AWAY


def nearly_alike(drawn: Tensor | None, driver: Tensor | None, sides: Sides) -> bool:
    """Whether two heads, the first of which is mirrored where `sides` says so, look in nearly the same direction."""
    if drawn is None or driver is None or sides not in (Sides.ALIKE, Sides.MIRRORED):
        return False
    return _angle(drawn * _MIRROR if sides.mirrored else drawn, driver) < NEARLY


def _angle(one: Tensor, other: Tensor) -> float:
    """Between two vectors (2,), from 0 to pi."""
    return math.acos(min(max(float(F.cosine_similarity(one, other, dim=0)), -1), 1))


def part_shares(logits: Tensor, size: int) -> Tensor:
    """How likely each pixel of pictures of `size` shows each part, (N, parts + 1, size, size) on the CPU, of the
    segmenter's logits (N, parts + 1, h, h)."""
    return F.interpolate(logits.float().cpu(), size=(size, size), mode="bilinear").softmax(1)


def skin(shares: Tensor) -> Tensor:
    """How likely each pixel is skin, eyes or mouth of a head, (S, S), from shares (parts + 1, S, S)."""
    return shares[PART["head"] + 1] + shares[PART["face"] + 1]


def cut_out_heads(pictures: Tensor, logits: Tensor) -> list[Tensor | None]:
    """The heads of pictures, (5, SIDE, SIDE) each: colours in [-1, 1], which pixels are the head's, and which skin."""
    size = pictures.shape[-1]
    shares = part_shares(logits, size)
    heads: list[Tensor | None] = []
    for picture, share in zip(normalise(pictures.cpu()), shares):
        mask = torch.isin(share.argmax(0), torch.tensor([PART[name] + 1 for name in HEAD]))
        if int(mask.sum()) < FEWEST * (size / 128) ** 2:
            heads.append(None)
            continue
        maps = torch.cat([picture, mask[None].float(), skin(share)[None]])  # (5, S, S)
        rows, columns = (torch.nonzero(mask.any(axis))[:, 0] for axis in (1, 0))
        half = (1 + 2 * MARGIN) * max(int(x[-1] - x[0]) + 1 for x in (rows, columns)) / size
        x, y = (int(span[0] + span[-1] + 1) / size - 1 for span in (columns, rows))
        window = torch.tensor([[half, 0.0, x], [0.0, half, y]])
        grid = F.affine_grid(window[None], [1, 5, SIDE, SIDE], align_corners=False)
        heads.append(F.grid_sample(maps[None], grid, padding_mode="border", align_corners=False)[0])
    return heads
