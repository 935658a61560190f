"""Figures of a style: other eyes, thinner limbs, hands and heads of another size."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from capture.data.styles.style import Figure
from capture.data.toon.characters.character import make_character, standing_height
from capture.data.toon.characters.solids import CODES, FACE, FRAMES, GEOMETRY, Character
from capture.data.toon.skeleton import INDEX
from capture.io.iuv import PART

_LIMBS = [
    PART[side + name] + 1 for side in ("l_", "r_") for name in ("upper_arm", "forearm", "thigh", "shin")
]  # as the column `part` counts
_HANDS = [PART["l_hand"] + 1, PART["r_hand"] + 1]
_HEAD = [FRAMES[frame] for frame in ("head", "hang")]  # the frames of all that is on a head
_NO_EYE = 99  # a kind of eye that the texture of faces lacks


@lru_cache(maxsize=256)
def styled_character(seed: int, figure: Figure) -> Character:
    """The character of a seed with the eyes, limbs, hands and head of a style."""
    character = make_character(seed)
    if figure == Figure():
        return character
    changed = replace(character, face=_face(character.face, figure.eyes), geometry=_geometry(character, figure))
    return changed if figure.head == 1 else _with_head(changed, figure.head)


def _face(face: np.ndarray, eyes: str) -> np.ndarray:
    face = face.copy()
    if eyes == "dots":
        face[FACE["eye"]] = 0
        face[FACE["ew"]], face[FACE["eh"]] = 0.09, 0.1
    elif eyes == "big":
        face[FACE["eye"]] = 1 if face[FACE["eye"]] in (0, 2, 3, 4) else face[FACE["eye"]]
        face[FACE["ew"]] = min(max(face[FACE["ew"]] * 1.5, 0.2), 0.34)
        face[FACE["eh"]] = min(max(face[FACE["eh"]] * 1.5, 0.26), 0.42)
    elif eyes == "none":
        face[FACE["eye"]], face[FACE["mouth"]], face[FACE["brow_w"]] = _NO_EYE, 0, 0
        face[FACE["glasses"]], face[FACE["blush"]] = 0, 0
    return face


def _geometry(character: Character, figure: Figure) -> np.ndarray:
    geometry, part = character.geometry.copy(), character.codes[:, CODES["part"]]
    limbs, hands = np.isin(part, _LIMBS), np.isin(part, _HANDS)
    affine = geometry[:, GEOMETRY["affine"]].reshape(-1, 3, 3)
    affine[limbs] *= np.array([figure.limbs, 1, figure.limbs], np.float32)  # the columns: across, along, across
    geometry[:, GEOMETRY["affine"]] = affine.reshape(-1, 9)
    geometry[hands, GEOMETRY["affine"]] *= figure.hands
    geometry[hands, GEOMETRY["centre"]] *= figure.hands  # about the wrist, the origin of a hand's frame
    return geometry


def _with_head(character: Character, factor: float) -> Character:
    """The character with a head that is so many times as large, measured from its neck."""
    geometry, offsets = character.geometry.copy(), character.offsets.copy()
    bounds, contacts = character.bounds.copy(), character.contacts.copy()
    solids = np.isin(character.codes[:, CODES["frame"]], _HEAD)
    geometry[solids, GEOMETRY["affine"]] *= factor
    geometry[solids, GEOMETRY["centre"]] *= factor
    offsets[INDEX["head_top"]] *= factor
    bounds[np.isin(character.bound_frames, _HEAD)] *= factor
    contacts[np.isin(character.contact_frames, _HEAD)] *= factor
    before, after = (
        standing_height(rows, character.codes, joints, character.traits["build"].ankle)
        for rows, joints in ((character.geometry, character.offsets), (geometry, offsets))
    )
    # both are measured on a body that stands upright; an animal's own height is less
    height = character.height + (after - before)
    return replace(character, geometry=geometry, offsets=offsets, bounds=bounds, contacts=contacts, height=height)
