"""The vocabulary of IUV maps: the parts of a body and the atlas in which their surfaces are laid out.

An IUV map is a picture (part, u, v), 8 bits each: part 0 is background, part k is PARTS[k - 1], and u, v in 0..255 are
the coordinates of the point in the square of that part (the notation of DensePose, Güler et al., CVPR 2018).
"""

from __future__ import annotations

import numpy as np

# The atlas lays the parts out in a grid of 5 x 5 squares, row by row.
PARTS: tuple[str, ...] = (
    *("head", "face", "ears", "hair", "hat"),
    *("neck", "chest", "belly", "pelvis", "skirt"),
    *("cape", "tail", "extra", "l_upper_arm", "l_forearm"),
    *("l_hand", "r_upper_arm", "r_forearm", "r_hand", "l_thigh"),
    *("l_shin", "l_foot", "r_thigh", "r_shin", "r_foot"),
)
ATLAS_GRID = 5
# A part made of several solids gives each its own cell of a g x g subdivision of its square.
SLOT_GRID = np.array(
    [{"head": 1, "hair": 5, "extra": 4}.get(name, 3 if name in ("hat", "ears", "face") else 2) for name in PARTS]
)
