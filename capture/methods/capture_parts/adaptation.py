"""Samples for adapting the refiner to one character or one style, made of its pictures alone."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from capture.io.images import normalise
from capture.methods.capture_parts.generator import PartsGenerator
from capture.methods.capture_parts.rearrange import label_figure, rearrange, recolour

_AT_ONCE = 8  # pictures that are segmented together


@torch.no_grad()
def find_parts(generator: PartsGenerator, pictures: Tensor) -> np.ndarray:
    """The likeliest part of every pixel of pictures uint8 (N, 3, S, S): int (N, S, S), 0 is the background."""
    found = []
    for some in pictures.split(_AT_ONCE):
        logits = generator.segment(normalise(some))  # (B, parts + 1, h, w)
        assert logits is not None
        logits = F.interpolate(logits, size=some.shape[-2:], mode="bilinear", align_corners=False)
        found.append(logits.argmax(1))  # (B, S, S)
    return torch.cat(found).numpy()


def adaptation_samples(
    generator: PartsGenerator, pictures: Tensor, ground: tuple[int, int, int], count: int, seed: int
) -> dict[str, Tensor]:
    """Samples whose target is one of the pictures, in turn, and whose identity is that picture rearranged by its parts.

    The pose is the picture in other colours. Every second sample is mirrored from left to right.

    Args:
        pictures: uint8 (N, 3, S, S), figures on the ground.  ground: RGB, 0..255.
    Returns:
        identity, real, pose, target: uint8 (count, 3, S, S); has_target: bool (count,).
    """
    colour = np.asarray(ground, np.uint8)
    images = pictures.permute(0, 2, 3, 1).numpy()  # (N, S, S, 3)
    labels = [label_figure(*pair, colour) for pair in zip(images, find_parts(generator, pictures))]
    rows: dict[str, list[np.ndarray]] = {"identity": [], "real": [], "pose": [], "target": []}
    for number in tqdm(range(count), desc="samples of the pictures", unit="sample", leave=False):
        rng = np.random.default_rng([seed, number])
        chosen = number % len(images)
        picture = images[chosen]
        first, second = (rearrange(picture, labels[chosen], colour, rng) for _ in range(2))
        sample = {"identity": first, "real": second, "pose": recolour(picture, colour, rng), "target": picture}
        mirrored = number // len(images) % 2
        for role, made in sample.items():
            rows[role].append(made[:, ::-1] if mirrored else made)
    samples = {
        role: torch.from_numpy(np.stack(values)).permute(0, 3, 1, 2).contiguous() for role, values in rows.items()
    }
    return {**samples, "has_target": torch.ones(count, dtype=torch.bool)}
