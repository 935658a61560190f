"""Six drawings in six styles, made of simple shapes: what people may bring, for the pictures of docs/ANIMATE.md.

    python -m tools.drawings FOLDER

writes flat.png (on teal), outlined.png and pixel.png (transparent), sketch.png and watercolour.png (on paper) and
solid.png (3D-like, on a gradient). They share nothing with the renderer of the training data, and are the same on
every run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from capture.common.errors import Parser, command_line
from capture.common.files import write_bytes
from capture.inference.formats.pictures import picture_bytes

SIZE, FINE = 640, 3  # pixels of a side; drawn so many times larger, for smooth edges
Colour = tuple[int, int, int]
Points = list[tuple[float, float]]
SKIN, DARK, WHITE = (246, 205, 168), (38, 30, 40), (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Part:
    """One shape: how much of each pixel it covers, float (S, S), and its colour."""

    mask: np.ndarray
    colour: Colour


class Shapes:
    """Shapes from back to front; x goes from 0 to 1 to the right, y downwards."""

    def __init__(self, size: int = SIZE):
        self.size, self.parts = size, list[Part]()

    def add(self, colour: Colour, *draw: Callable[[ImageDraw.ImageDraw, float], None]) -> None:
        image = Image.new("L", (self.size * FINE,) * 2)
        for one in draw:
            one(ImageDraw.Draw(image), self.size * FINE)
        small = image.resize((self.size,) * 2, Image.Resampling.BOX)
        self.parts.append(Part(np.asarray(small, np.float32) / 255, colour))

    def limb(self, colour: Colour, points: Points, width: float) -> None:
        """A line of round ends."""

        def draw(pen: ImageDraw.ImageDraw, scale: float) -> None:
            pen.line([(x * scale, y * scale) for x, y in points], 255, round(width * scale), "curve")
            for x, y in points:
                pen.ellipse([(v + s * width / 2) * scale for s in (-1, 1) for v in (x, y)], 255)

        self.add(colour, draw)

    def polygon(self, colour: Colour, points: Points) -> None:
        self.add(colour, lambda pen, scale: pen.polygon([(x * scale, y * scale) for x, y in points], 255))

    def ellipse(self, colour: Colour, x: float, y: float, width: float, height: float) -> None:
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        self.add(colour, lambda pen, scale: pen.ellipse([v * scale for v in box], 255))

    def face(self, y: float, apart: float, eye: float) -> None:
        """Two eyes and a mouth."""
        for side in (-1, 1):
            self.ellipse(WHITE, 0.5 + side * apart, y, 1.5 * eye, 1.9 * eye)
            self.ellipse(DARK, 0.5 + side * apart, y + 0.1 * eye, 0.8 * eye, 1.2 * eye)
        self.limb((170, 60, 60), [(0.48, y + 0.062), (0.5, y + 0.067), (0.52, y + 0.062)], 0.009)

    @property
    def covered(self) -> np.ndarray:
        """(S, S): where there is any shape."""
        return np.asarray(np.max([part.mask for part in self.parts], axis=0))

    def flat(self) -> np.ndarray:
        """All shapes in their colours: float (S, S, 4), straight alpha, levels of 255."""
        colours = np.zeros((self.size, self.size, 3), np.float32)
        for part in self.parts:
            colours += (np.array(part.colour) - colours) * part.mask[..., None]
        covered = self.covered[..., None]
        return np.concatenate([colours / np.maximum(covered, 1e-3), 255 * covered], axis=-1).clip(0, 255)


def girl(shapes: Shapes, dress: Colour, hair: Colour, long: bool) -> None:
    """A girl in a dress; her hair is long, or a bun."""
    if long:
        shapes.polygon(hair, [(0.38, 0.2), (0.62, 0.2), (0.67, 0.5), (0.57, 0.46), (0.43, 0.46), (0.33, 0.5)])
    else:
        shapes.ellipse(hair, 0.5, 0.085, 0.11, 0.1)
    for side in (-1, 1):
        shapes.limb(SKIN, [(0.5 + side * 0.05, 0.7), (0.5 + side * 0.055, 0.9)], 0.05)
        shapes.limb((120, 60, 90), [(0.5 + side * 0.055, 0.91), (0.5 + side * 0.085, 0.915)], 0.05)
        shapes.limb(SKIN, [(0.5 + side * 0.08, 0.42), (0.5 + side * 0.15, 0.53), (0.5 + side * 0.17, 0.62)], 0.045)
    shapes.polygon(dress, [(0.42, 0.38), (0.58, 0.38), (0.57, 0.52), (0.66, 0.74), (0.34, 0.74), (0.43, 0.52)])
    shapes.polygon((250, 240, 225), [(0.45, 0.38), (0.55, 0.38), (0.5, 0.43)])
    shapes.ellipse(SKIN, 0.5, 0.25, 0.22, 0.25)
    shapes.polygon(
        hair, [(0.385, 0.27), (0.4, 0.15), (0.5, 0.11), (0.6, 0.15), (0.615, 0.27), (0.57, 0.19), (0.43, 0.2)]
    )
    shapes.face(0.265, 0.045, 0.026)


def boy(shapes: Shapes) -> None:
    """A boy with spiky orange hair, a jacket and jeans."""
    for side in (-1, 1):
        shapes.limb((60, 90, 160), [(0.5 + side * 0.05, 0.62), (0.5 + side * 0.06, 0.88)], 0.075)
        shapes.limb((230, 230, 235), [(0.5 + side * 0.06, 0.905), (0.5 + side * 0.1, 0.91)], 0.055)
        shapes.limb(
            (60, 140, 90), [(0.5 + side * 0.09, 0.42), (0.5 + side * 0.17, 0.52), (0.5 + side * 0.19, 0.6)], 0.065
        )
        shapes.ellipse(SKIN, 0.5 + side * 0.195, 0.635, 0.06, 0.06)
    shapes.polygon((60, 140, 90), [(0.4, 0.38), (0.6, 0.38), (0.59, 0.65), (0.41, 0.65)])
    shapes.polygon((240, 220, 80), [(0.47, 0.38), (0.53, 0.38), (0.53, 0.65), (0.47, 0.65)])
    shapes.ellipse(SKIN, 0.5, 0.26, 0.25, 0.25)
    spikes = [(0.37, 0.28), (0.33, 0.17), (0.39, 0.19), (0.4, 0.08), (0.46, 0.14), (0.5, 0.05), (0.54, 0.14)]
    shapes.polygon((235, 120, 40), [*spikes, *[(1 - x, y) for x, y in spikes[-3::-1]], (0.57, 0.2), (0.43, 0.2)])
    shapes.face(0.275, 0.05, 0.03)


def grandfather(shapes: Shapes) -> None:
    """An old man with a beard and a hat."""
    for side in (-1, 1):
        shapes.limb((205, 205, 205), [(0.5 + side * 0.045, 0.62), (0.5 + side * 0.05, 0.87)], 0.07)
        shapes.limb((120, 120, 120), [(0.5 + side * 0.05, 0.9), (0.5 + side * 0.1, 0.905)], 0.05)
        shapes.limb(
            (225, 225, 225), [(0.5 + side * 0.1, 0.43), (0.5 + side * 0.17, 0.53), (0.5 + side * 0.16, 0.63)], 0.06
        )
    shapes.polygon((225, 225, 225), [(0.39, 0.39), (0.61, 0.39), (0.63, 0.68), (0.37, 0.68)])
    shapes.ellipse((250, 250, 250), 0.5, 0.27, 0.2, 0.23)
    shapes.polygon((240, 240, 240), [(0.4, 0.29), (0.6, 0.29), (0.56, 0.43), (0.5, 0.48), (0.44, 0.43)])
    shapes.polygon(
        (150, 150, 150),
        [
            (0.36, 0.2),
            (0.64, 0.2),
            (0.64, 0.175),
            (0.58, 0.17),
            (0.56, 0.08),
            (0.44, 0.08),
            (0.42, 0.17),
            (0.36, 0.175),
        ],
    )
    shapes.face(0.245, 0.04, 0.02)


def bear(shapes: Shapes) -> None:
    """A bear of balls and capsules."""
    brown, light = (170, 110, 65), (225, 180, 130)
    for side in (-1, 1):
        shapes.ellipse(brown, 0.5 + side * 0.12, 0.14, 0.1, 0.1)
        shapes.limb(brown, [(0.5 + side * 0.07, 0.66), (0.5 + side * 0.08, 0.86)], 0.12)
        shapes.limb(brown, [(0.5 + side * 0.13, 0.45), (0.5 + side * 0.22, 0.58)], 0.09)
    shapes.ellipse(brown, 0.5, 0.56, 0.32, 0.36)
    shapes.ellipse((70, 120, 200), 0.5, 0.52, 0.3, 0.22)
    shapes.ellipse(brown, 0.5, 0.25, 0.3, 0.27)
    shapes.ellipse(light, 0.5, 0.3, 0.14, 0.1)
    shapes.ellipse(DARK, 0.5, 0.28, 0.045, 0.03)
    for side in (-1, 1):
        shapes.ellipse(DARK, 0.5 + side * 0.06, 0.235, 0.03, 0.04)


def draw_flat() -> np.ndarray:
    """Shapes without lines, on teal: uint8 (S, S, 3)."""
    shapes = Shapes()
    girl(shapes, (225, 80, 110), (70, 45, 40), long=False)
    return over(shapes.flat(), np.array((70, 175, 170)))


def draw_outlined() -> np.ndarray:
    """A black line around every shape, on nothing: uint8 (S, S, 4)."""
    shapes, lined = Shapes(), Shapes()
    boy(shapes)
    for part in shapes.parts:
        wide = np.clip(ndimage.gaussian_filter(part.mask, 2.0) * 9, 0, 1)
        lined.parts += [Part(wide, DARK), part]
    return to_bytes(lined.flat())


def draw_pixels() -> np.ndarray:
    """A wizard of 24 x 34 pixels, each enlarged to 14: uint8 (H, W, 4)."""
    small = Image.new("RGBA", (24, 34))
    pen = ImageDraw.Draw(small)
    ink, blue, gold, skin, beard = (30, 24, 48), (70, 80, 190), (240, 200, 70), (240, 190, 150), (230, 230, 240)
    pen.polygon([(11, 0), (12, 0), (18, 10), (5, 10)], fill=(*blue, 255), outline=(*ink, 255))  # hat
    pen.rectangle((6, 9, 17, 9), fill=(*gold, 255))
    pen.rectangle((7, 11, 16, 17), fill=(*skin, 255), outline=(*ink, 255))
    pen.rectangle((9, 13, 9, 14), fill=(*ink, 255))
    pen.rectangle((14, 13, 14, 14), fill=(*ink, 255))
    pen.polygon([(6, 18), (17, 18), (19, 30), (4, 30)], fill=(*blue, 255), outline=(*ink, 255))  # robe
    for left in (2, 18):
        pen.rectangle((left, 19, left + 3, 25), fill=(50, 60, 150, 255), outline=(*ink, 255))
        pen.rectangle((left + 1, 25, left + 2, 26), fill=(*skin, 255))
    pen.polygon([(8, 16), (15, 16), (13, 22), (10, 22)], fill=(*beard, 255))
    pen.line((6, 26, 17, 26), fill=(*gold, 255))
    for left in (6, 13):
        pen.rectangle((left, 30, left + 4, 33), fill=(110, 70, 50, 255), outline=(*ink, 255))
    large = small.resize((24 * 14, 34 * 14), Image.Resampling.NEAREST)
    canvas = Image.new("RGBA", (420, 532))
    canvas.paste(large, (42, 28))
    return np.asarray(canvas)


def draw_sketch() -> np.ndarray:
    """Pencil lines and hatching, on paper: uint8 (S, S, 3)."""
    shapes, rng = Shapes(), np.random.default_rng(3)
    grandfather(shapes)
    y, x = np.mgrid[:SIZE, :SIZE]
    wobble = ndimage.gaussian_filter(rng.normal(size=(2, SIZE, SIZE)), (0, 14, 14)) * 40
    dark = np.zeros((SIZE, SIZE), np.float32)
    for part in shapes.parts:
        mask = ndimage.map_coordinates(part.mask, [y + wobble[0], x + wobble[1]], order=1)
        edge = np.clip(ndimage.gaussian_gradient_magnitude(mask, 1.2) * 5, 0, 1)
        hatching = 0.5 * ((x + y + 3 * wobble[0]) % 9 < 2) * (255 - np.mean(part.colour)) / 255
        dark = dark * (1 - mask) + mask * hatching
        dark = np.maximum(dark, edge)
    grain = ndimage.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 0.7) * 0.25 + 0.8
    paper = np.array((250, 247, 240)) + ndimage.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 1)[..., None] * 3
    return to_bytes(paper * (1 - (dark * grain).clip(0, 0.9)[..., None]))


def draw_solid() -> np.ndarray:
    """Shapes shaded as bodies lit from above left, on a gradient: uint8 (S, S, 3)."""
    shapes, lit = Shapes(), Shapes()
    bear(shapes)
    colours = np.zeros((SIZE, SIZE, 3), np.float32)
    for part in shapes.parts:
        depth = ndimage.gaussian_filter(np.sqrt(ndimage.distance_transform_edt(part.mask > 0.5)), 2.5)
        dy, dx = np.gradient(depth)
        shade = (1 + 1.1 * (dx + 1.4 * dy)) / np.sqrt(1 + 6 * (dx**2 + dy**2))
        gloss = 60 * np.clip(shade - 1.05, 0, 1)[..., None]
        lit.parts.append(part)
        colours += (np.array(part.colour) * shade.clip(0.35, 1.25)[..., None] + gloss - colours) * part.mask[..., None]
    covered = lit.covered[..., None]
    y = np.linspace(0, 1, SIZE)[:, None, None]
    ground = np.array((150, 180, 215)) * (1 - y) + np.array((225, 225, 215)) * y
    return to_bytes(colours + (1 - covered) * ground)


def draw_watercolour() -> np.ndarray:
    """Uneven colour that is darker at the edges, on paper: uint8 (S, S, 3)."""
    shapes, rng = Shapes(), np.random.default_rng(5)
    girl(shapes, (90, 130, 200), (150, 90, 50), long=True)
    y, x = np.mgrid[:SIZE, :SIZE]
    picture = np.array((252, 250, 244)) + ndimage.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 1.5)[..., None] * 5
    for part in shapes.parts:
        wobble = ndimage.gaussian_filter(rng.normal(size=(2, SIZE, SIZE)), (0, 7, 7)) * 22
        mask = ndimage.map_coordinates(part.mask, [y + wobble[0], x + wobble[1]], order=1)
        wash = 0.68 + 3.0 * ndimage.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 18)
        edge = np.clip(mask - ndimage.gaussian_filter(mask, 5), 0, 1) * 0.9
        share = (mask * (wash + edge).clip(0.35, 0.97))[..., None]
        paper = picture * (1 - mask[..., None]) + np.array((252, 250, 244)) * mask[..., None]
        picture = paper + (np.array(part.colour) - paper) * share
    return to_bytes(picture)


def over(figure: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """A figure, levels (S, S, 4), on a ground: uint8 (S, S, 3)."""
    alpha = figure[..., 3:] / 255
    return to_bytes(figure[..., :3] * alpha + ground * (1 - alpha))


def to_bytes(levels: np.ndarray) -> np.ndarray:
    return np.asarray((levels + 0.5).clip(0, 255)).astype(np.uint8)


DRAWINGS: dict[str, Callable[[], np.ndarray]] = {
    "flat": draw_flat, "outlined": draw_outlined, "pixel": draw_pixels,
    "sketch": draw_sketch, "solid": draw_solid, "watercolour": draw_watercolour,
}  # fmt: skip


def write_drawings(folder: Path) -> list[Path]:
    """Draw all of them into a folder; returns the files."""
    files = []
    for name, draw in DRAWINGS.items():
        files.append(folder / f"{name}.png")
        write_bytes(files[-1], picture_bytes(draw(), "png"))
    return files


def build_parser() -> Parser:
    parser = Parser(prog="tools.drawings", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the drawings are written")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    for path in write_drawings(build_parser().parse_args().folder):
        print(path)


if __name__ == "__main__":
    command_line(main)()
