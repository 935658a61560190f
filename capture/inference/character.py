"""The pictures of one character, as the network takes them and as they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torch import Tensor

from capture.common.errors import CaptureError
from capture.inference.drawing import Drawing, cut_drawing, native_resolution
from capture.inference.framing import Known, frame_picture
from capture.inference.inputs import Notes, open_identity
from capture.inference.pixel_art import OFF, Grid, Pixels, find_ink, look_for_pixel_art
from capture.inference.window import Window
from capture.io.images import image_to_tensor, over_ground, to_square

AUTO, NATIVE = "auto", "native"
LARGEST = 2048  # side of a picture at its drawing's own size
MOST = {AUTO: 512, NATIVE: LARGEST}  # larger drawings take long, so they are as large only where that is asked for


@dataclass(frozen=True, eq=False)
class Character:
    """One or several pictures of one character; the first counts most.

    Attributes:
        path: of the first picture.
        shown: as the network takes them, uint8 (3, S, S) each.
        drawings: as fine as they are asked for, all of one size; none where they are not.
        pixels: the grid and the palette that results are put on where the first picture is pixel art.
    """

    path: Path
    shown: list[Tensor]
    drawings: list[Drawing] = field(default_factory=list)
    pixels: Pixels | None = None

    @property
    def cell(self) -> int:
        """Side of the squares of pixel art in results; 1 where they are none."""
        return 1 if self.pixels is None else self.pixels.grid.cell


def read_pictures(paths: Sequence[Path], notes: Notes) -> list[tuple[Path, Image.Image]]:
    """The pictures of one character, for `make_character`.

    Raises:
        CaptureError: one can't be read.
    """
    pictures = []
    for path in paths:
        image, note = open_identity(path)
        notes.add(path, note)
        pictures.append((path, image))
    return pictures


def make_character(
    pictures: Sequence[tuple[Path, Image.Image]],
    size: int,
    known: Known | None,
    which: int,
    notes: Notes,
    resolution: int | str | None = None,
    pixel_art: str = OFF,
) -> Character:
    """The pictures of one character, framed.

    Args:
        pictures: RGB or RGBA, each with what it is called in messages.
        size: S, of the network's pictures.  known, which: see frame_picture; None: pictures are used as they are.
        resolution: side of the drawings; auto, native: that of the first picture, at least `size`, at most MOST;
            None: no drawings.
        pixel_art: see capture.inference.pixel_art.
    Raises:
        CaptureError: a picture has fewer figures than `which`, or none is chosen where pictures are used as they are.
    """
    if known is None and which != 1:
        raise CaptureError(
            f"--which {which}: pictures are used as they are (--framing as_is, or weights that were trained on other "
            "datasets than toon, Mixamo and LPC), so no figure is chosen; leave it out"
        )
    shown: list[Tensor] = []
    drawings: list[Drawing] = []
    side = resolution
    grid: Grid | None = None
    pixels: Pixels | None = None
    resampling = Image.Resampling.BICUBIC
    for path, image in pictures:
        window, centre = Window.whole(*image.size), None
        if known is None:
            shown.append(image_to_tensor(to_square(over_ground(image), size)))
        else:
            try:
                framed = frame_picture(image, size, known, which)
            except CaptureError as error:
                raise CaptureError(f"{path}: {error}") from None
            notes.add(path, framed.note)
            shown.append(image_to_tensor(framed.image))
            window, centre = framed.window, framed.centre
        if isinstance(side, str):
            side = native_resolution(window, size, MOST[side])
        if isinstance(side, int) and not drawings:  # the first picture
            art = look_for_pixel_art(image, pixel_art, path)
            if art is not None:
                grid = Grid.of(art, window, side)
                if grid.side > LARGEST:
                    raise CaptureError(
                        f"{path}: --pixel_art {pixel_art}: {round(window.side / art.cell)} squares across, and results "
                        f"have at most {LARGEST} pixels; leave the option out, or give a smaller picture"
                    )
                window = grid.window(art, window)
                side, resampling = grid.side * grid.fine, Image.Resampling.NEAREST
                notes.add(path, f"{art}; the result is pixel art, too, unless --pixel_art is off")
        if isinstance(side, int):
            drawings.append(cut_drawing(image, window, side, resampling, centre))
            if grid is not None and art is not None and pixels is None:
                pixels = Pixels(grid, art.palette, find_ink(drawings[0].figure, grid, art.palette))
    return Character(pictures[0][0], shown, drawings, pixels)


def check_characters(
    pictures_of: Sequence[Sequence[Path]],
    size: int,
    known: Known | None,
    which: int,
    resolution: int | str | None = None,
    pixel_art: str = OFF,
) -> None:
    """Make every character and keep none of them, so that a bad one is known before anything is written.

    Raises:
        CaptureError: see `read_pictures` and `make_character`.
    """
    quiet = Notes(lambda line: None)
    for paths in pictures_of:
        make_character(read_pictures(paths, quiet), size, known, which, quiet, resolution, pixel_art)


def load_identity(path: Path, size: int, known: Known | None, which: int, notes: Notes) -> Tensor:
    """One picture of an identity as the network takes it, uint8 (3, S, S); see make_character."""
    return make_character(read_pictures([path], notes), size, known, which, notes).shown[0]
