"""Write the pictures by which `--predict_uv` knows surface coordinates: standing characters and their true IUV maps.

    python -m tools.reference_characters capture/inference/reference_characters.png

They are characters of the built-in renderer that test sets never have, from the front and from 40 degrees to either
side. The sheet has the pictures in its upper half and their maps below.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from capture.common.errors import Parser, command_line
from capture.common.files import write_bytes
from capture.data.toon.dataset import HELD_OUT_SEEDS
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.io.images import png_bytes

SIZE, COUNT, STEP = 128, 12, 37  # of the pictures, how many, and from one character's seed to the next
AZIMUTHS = (0.0, -40.0, 40.0)


def sheet() -> Tensor:
    """uint8 (3, 2 SIZE, COUNT SIZE): pictures, and part, u, v below them."""
    first = HELD_OUT_SEEDS.stop
    views = [View(AZIMUTHS[i % len(AZIMUTHS)], 5.0, 0.1) for i in range(COUNT)]
    shots = [Shot(first + STEP * i, "idle", 0, 0.0, view) for i, view in enumerate(views)]
    drawn = render(shots, SIZE, outputs=("rgb", "iuv"))
    return torch.cat([torch.cat(list(drawn[output]), dim=2) for output in ("rgb", "iuv")], dim=1)


@command_line
def main() -> None:
    parser = Parser(description=__doc__.split("\n\n")[0])
    parser.add_argument("path", type=Path, help="the PNG file to write")
    write_bytes(parser.parse_args().path, png_bytes(sheet()))


if __name__ == "__main__":
    main()
