"""Toon: an endless, seeded supply of cartoon characters with exact ground truth. See docs/TOON.md."""

from .camera import Shot, View
from .characters import make_character
from .dataset import HELD_OUT_SEEDS, ToonStream
from .held_out import held_out_batch
from .motions import CLIPS
from .parts import ATLAS_GRID, PARTS, Character
from .render import BACKGROUND, OUTPUTS, render
from .skeleton import JOINTS
from .version import TOON_VERSION
from .write import write_toon

__all__ = [
    "ATLAS_GRID",
    "BACKGROUND",
    "CLIPS",
    "HELD_OUT_SEEDS",
    "JOINTS",
    "OUTPUTS",
    "PARTS",
    "TOON_VERSION",
    "Character",
    "Shot",
    "ToonStream",
    "View",
    "held_out_batch",
    "make_character",
    "render",
    "write_toon",
]
