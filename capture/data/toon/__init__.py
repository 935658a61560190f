"""Toon: an endless, seeded supply of cartoon characters with exact ground truth. See docs/TOON.md."""

from capture.data.toon.characters.character import make_character
from capture.data.toon.characters.solids import ATLAS_GRID, PARTS, Character
from capture.data.toon.dataset import HELD_OUT_SEEDS, ToonStream
from capture.data.toon.held_out import held_out_batch
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import BACKGROUND, OUTPUTS, render
from capture.data.toon.skeleton import JOINTS
from capture.data.toon.version import TOON_VERSION
from capture.data.toon.write import write_toon

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
