"""Standing figures as layouts, drawings and outputs, for tests of what keeps heads and limbs."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from capture.inference.drawing import Drawing, cut_drawing
from capture.inference.window import Window
from capture.io.images import image_to_tensor, over_ground
from capture.io.iuv import PART, PARTS
from capture.methods.layers import Layers

SIZE, GROUND = 128, np.array([235.0, 235.0, 235.0], np.float32)
HAIR, SKIN, CHEST, HAND = (PART[name] + 1 for name in ("hair", "head", "chest", "r_hand"))


def labels_of(hair: float = 0.2, back: bool = False, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """The parts of a standing person (make_figures.person) of SIZE pixels, moved by columns and rows.

    Args:
        hair: how far down the hair reaches, as a share of the side.
    """
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    x, y = x - shift[0] / SIZE, y - shift[1] / SIZE
    head = (x - 0.5) ** 2 + (y - 0.21) ** 2 < 0.155**2
    labels = np.where((np.abs(x - 0.5) < 0.13) & (y > 0.36) & (y < 0.95), CHEST, 0)
    labels[head] = HAIR if back else SKIN
    labels[head & (y < hair)] = HAIR
    return labels


def logits_of(labels: np.ndarray) -> torch.Tensor:
    """(1, parts + 1, SIZE, SIZE), sure of these labels."""
    return (12 * F.one_hot(torch.from_numpy(labels).long(), len(PARTS) + 1).float() - 6).permute(2, 0, 1)[None]


def drawing_of(picture: Image.Image) -> Drawing:
    return cut_drawing(picture, Window.whole(*picture.size), picture.width)


def layers_of(labels: np.ndarray, colour: float = -0.4) -> Layers:
    """An output with this layout, all of one colour, on the ground."""
    shown = torch.from_numpy(labels > 0).float()[None, None]
    image = (shown * colour + (1 - shown) * (2 * 235 / 255 - 1)).expand(1, 3, SIZE, SIZE).clone()
    maps = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(1, len(PARTS), 2, 3).clone()
    return Layers(
        image=image,
        painted=image.clone(),
        warped_share=torch.zeros(1, 1, SIZE, SIZE),
        logits=logits_of(labels),
        part_maps=maps,
        part_source=torch.zeros(1, len(PARTS), dtype=torch.int64),
        residual_flow=torch.full((1, 1, 2, SIZE // 2, SIZE // 2), 0.01),
        figure_alpha=shown,
    )


def shown(*pictures: Image.Image) -> torch.Tensor:
    """Pictures as a network takes them, (N, 3, SIZE, SIZE)."""
    return torch.stack([image_to_tensor(over_ground(picture).resize((SIZE, SIZE))) for picture in pictures])


def output(layers: Layers) -> np.ndarray:
    return ((layers.image[0].permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255)
