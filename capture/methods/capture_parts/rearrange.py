"""A picture rearranged by its own body parts: a pair of pictures whose true target is known, made of one drawing.

The parts that the segmenter finds are turned about their joints, as the limbs of a paper puppet are, and drawn over one
another. The rearranged picture shows the same character in another pose, so the drawing itself is the true target for
(rearranged picture, drawing's pose). What a limb hid is filled with the nearest colours of the part behind it.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from capture.io.iuv import ARM, LEG, PART, PARTS

# Each part, the part that it hangs on, and how far it turns at most, in degrees.
_CHAIN = {
    **{"belly": ("pelvis", 5), "chest": ("belly", 8), "neck": ("chest", 8), "head": ("neck", 18)},
    **{name: ("head", 0) for name in ("face", "ears", "hair", "hat")},
    **{"skirt": ("pelvis", 0), "cape": ("chest", 10), "tail": ("pelvis", 30), "extra": ("chest", 0)},
    **{f"{side}_upper_arm": ("chest", 70) for side in "lr"},
    **{f"{side}_forearm": (f"{side}_upper_arm", 60) for side in "lr"},
    **{f"{side}_hand": (f"{side}_forearm", 25) for side in "lr"},
    **{f"{side}_thigh": ("pelvis", 35) for side in "lr"},
    **{f"{side}_shin": (f"{side}_thigh", 45) for side in "lr"},
    **{f"{side}_foot": (f"{side}_shin", 15) for side in "lr"},
}
_TRUNK = ("neck", "pelvis", "belly", "skirt", "chest", "extra", "head", "ears", "hair", "face", "hat")
_BEHIND_LIMBS = ("pelvis", "skirt", "belly", "chest", "head", "hair", "face")  # parts that limbs hide
_FROM_GROUND = 12  # levels by which a pixel of the figure differs from the ground
_OVERLAP = 3  # pixels by which a part reaches under its neighbours, so that no gap opens at a joint
Layers = dict[str, np.ndarray]  # something of each part, by its name
_SMALLEST = 6  # pixels of a part that moves by itself


def label_figure(picture: np.ndarray, parts: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """The part of every pixel of the figure, outline included: pixels that the segmenter calls background take the part
    of the nearest pixel.

    Args:
        picture: uint8 (H, W, 3).  parts: int (H, W), 0 background, k is PARTS[k - 1].  ground: (3,).
    Returns:
        int (H, W), 0 outside of the figure.
    """
    figure = np.abs(picture.astype(np.int16) - ground.astype(np.int16)).max(-1) > _FROM_GROUND
    known = figure & (parts > 0)
    if not known.any():
        return np.zeros_like(parts)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    labels: np.ndarray = np.where(figure, parts[tuple(nearest)], 0)
    return labels


def rearrange(picture: np.ndarray, labels: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture with every part turned about its joint by a random angle, over the ground.

    Args:
        picture: uint8 (H, W, 3).  labels: of `label_figure`.  ground: (3,).
    Returns:
        uint8 (H, W, 3); the picture itself where no part is found.
    """
    masks = {name: labels == PART[name] + 1 for name in PARTS}
    masks = {name: mask for name, mask in masks.items() if mask.sum() >= _SMALLEST}
    if not masks:
        return picture
    moves: Layers = {}
    for name in _top_down():
        if name in masks:
            moves[name] = _move(name, masks, moves, rng)
    canvas = np.broadcast_to(ground.astype(np.float32), picture.shape).copy()
    figure = labels > 0
    for name in _order(rng):
        if name in masks:
            _draw(canvas, picture, _reach(name, masks[name], figure), masks[name], moves[name])
    made: np.ndarray = (canvas + 0.5).clip(0, 255).astype(np.uint8)
    return made


def recolour(picture: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The figure in other colours, so that a pose picture made of the target does not tell the target's colours.

    Args:
        picture: uint8 (H, W, 3).  ground: (3,); pixels of this colour stay.
    """
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    gain, middle = rng.uniform(0.6, 1.2), rng.uniform(80, 175, size=3)
    changed = ((picture.astype(np.float32) - 127.5) @ turn.T.astype(np.float32)) * gain + middle.astype(np.float32)
    figure = np.abs(picture.astype(np.int16) - ground.astype(np.int16)).max(-1, keepdims=True) > _FROM_GROUND
    return np.where(figure, changed.clip(0, 255), picture).astype(np.uint8)


def _top_down() -> list[str]:
    """The parts, each after the part that it hangs on."""
    depth = {name: 0 for name in PARTS}
    for name in PARTS:
        above = name
        while above in _CHAIN:
            above = _CHAIN[above][0]
            depth[name] += 1
    return sorted(PARTS, key=lambda name: depth[name])


def _move(name: str, masks: Layers, moves: Layers, rng: np.random.Generator) -> np.ndarray:
    """The part's movement (2, 3) of row and column: that of the part it hangs on, after a turn about their joint."""
    angle = rng.uniform(-1, 1)  # drawn for every part, so that a missing part does not change the others' angles
    above = name
    while above in _CHAIN:
        above = _CHAIN[above][0]
        if above in moves:
            break
    else:
        return np.eye(2, 3)
    radians = np.deg2rad(angle * _CHAIN[name][1])
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    joint = _joint(masks[name], masks[above])
    outer = moves[above]
    matrix = outer[:, :2] @ turn
    offset = outer[:, :2] @ (joint - turn @ joint) + outer[:, 2]
    return np.concatenate([matrix, offset[:, None]], axis=1)


def _joint(mask: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Row and column of the middle of the pixels of a part that are nearest to the part that it hangs on."""
    distance = np.where(mask, ndimage.distance_transform_edt(~above), np.inf)
    middle: np.ndarray = np.argwhere(distance <= distance.min() + 1.5).mean(0)
    return middle


def _order(rng: np.random.Generator) -> list[str]:
    """The parts from back to front, with one arm and one leg behind and the others in front."""
    back, front = ("l", "r") if rng.random() < 0.5 else ("r", "l")
    limbs = [[f"{side}_{name}" for side in (back, front) for name in names] for names in (LEG, ARM)]
    return ["cape", "tail", *limbs[1][:3], *limbs[0], *_TRUNK, *limbs[1][3:]]


def _reach(name: str, mask: np.ndarray, figure: np.ndarray) -> np.ndarray:
    """The pixels that a part is drawn on: its own, those that a limb hides, and a little of its neighbours'."""
    grown: np.ndarray = ndimage.binary_dilation(mask, iterations=_OVERLAP) & figure
    if name in _BEHIND_LIMBS:
        side = max(3, int(np.sqrt(mask.sum()) / 2))
        padded = np.pad(mask, side)  # without a border the closing would not reach the picture's edge
        grown |= ndimage.binary_closing(padded, iterations=side)[side:-side, side:-side] & figure
    return grown


def _draw(canvas: np.ndarray, picture: np.ndarray, reach: np.ndarray, mask: np.ndarray, move: np.ndarray) -> None:
    """Draw the pixels `reach` of the picture, moved, onto the canvas; pixels outside of `mask` take nearest colours."""
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    colours = picture[tuple(nearest)].astype(np.float32)
    inverse = np.linalg.inv(move[:, :2])
    options = {"matrix": inverse, "offset": -inverse @ move[:, 2], "order": 1}
    if np.array_equal(move, np.eye(2, 3)):
        alpha, moved = reach.astype(np.float32), colours
    else:
        alpha = ndimage.affine_transform(reach.astype(np.float32), **options)
        layers = [ndimage.affine_transform(colours[..., k], mode="nearest", **options) for k in range(3)]
        moved = np.stack(layers, axis=-1)
    canvas += alpha[..., None] * (moved - canvas)
