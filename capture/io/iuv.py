"""The vocabulary of IUV maps: how many parts a body has, and where the texture atlas keeps each part."""

from __future__ import annotations

# The texture atlas lays the parts out in ATLAS_GRID x ATLAS_GRID cells, row by row: part k has cell k - 1. There are as
# many parts as cells; part 0 is the background.
ATLAS_GRID = 5
