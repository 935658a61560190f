"""The layout file of `prepare.py sprites`: which cell of a sheet, or which file of a folder, is which pose.

A layout file has `sheets`, a list of layouts of which a sheet takes the first that its name and size fit; or `sprites`,
for folders in which every sprite is a file. Two cells of the same clip, direction and frame are the same pose.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, model_validator

from capture.common.options import Section
from capture.io.yaml_file import read_model


def _transparent(value: Any) -> str | list[int]:
    """alpha, corner, or the colour of the ground."""
    is_colour = isinstance(value, list) and len(value) == 3 and all(type(v) is int and 0 <= v <= 255 for v in value)
    if value not in ("alpha", "corner") and not is_colour:
        raise ValueError("give alpha, corner, or a colour such as [255, 0, 255]")
    return value


Transparent = Annotated[str | list[int], PlainValidator(_transparent)]
Count = Annotated[int, Field(ge=1, le=4096)]
Index = Annotated[int, Field(ge=0, le=4095)]
Pair = Annotated[list[Count], Field(min_length=2, max_length=2)]
Name = Annotated[str, Field(pattern=r"^[0-9A-Za-z.-]+(_[0-9A-Za-z.-]+)*$")]


class ClipLayout(Section):
    """A clip: the columns of its frames, and its first row.

    Attributes:
        columns: of the frames, in their order, counted from 0 within a character's cells.
        row: the row of direction 0.
        directions: direction -> row below `row`; null for those of the sheet.
    """

    columns: Annotated[list[Index], Field(min_length=1)]
    row: Index = 0
    directions: dict[Name, Index] | None = None


class SheetLayout(Section):
    """Sheets of cells that all have one size. A character's cells are a block of `grid` cells.

    Attributes:
        files: pattern of the sheets' names, such as "*.png", which hero.PNG fits as well; {a,b} is not understood.
        exclude: patterns of names that are no sheets of this layout.
        cell: width and height of a cell in pixels; null: the sheet's size divided by its number of cells.
        smallest_cell: where `cell` is null, sheets whose cells would be smaller have another layout.
        margin: pixels around all cells.  spacing: pixels between two cells.
        grid: columns and rows of a character's block.
        blocks: characters across and down a sheet; null: as many as there is room for.
        larger: whether sheets may go on to the right of and below the blocks.
        transparent: alpha, corner (the colour of the first pixel), or a colour [red, green, blue].
        directions: direction -> row of a clip's rows.
        mirrored: direction -> the direction that it is the mirror image of, in clips without a row of their own for it.
        clips: name -> where its frames are.
    """

    files: Annotated[str, Field(min_length=1)] = "*.png"
    exclude: list[str] = []
    cell: Pair | None = None
    smallest_cell: Pair = [1, 1]
    margin: Annotated[int, Field(ge=0, le=4096)] = 0
    spacing: Annotated[int, Field(ge=0, le=4096)] = 0
    grid: Pair
    blocks: Pair | None = None
    larger: bool = False
    transparent: Transparent = "alpha"
    directions: Annotated[dict[Name, Index], Field(min_length=1)]
    mirrored: dict[Name, Name] = {}
    clips: Annotated[dict[Name, ClipLayout], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> SheetLayout:
        columns, rows = self.grid
        if self.cell is None and self.blocks is None:
            raise ValueError("cell: null needs blocks, since the size of a cell follows from their number")
        for name, clip in self.clips.items():
            if max(clip.columns) >= columns:
                raise ValueError(f"clips.{name}: column {max(clip.columns)}, but a character has {columns} columns")
            below = self.directions if clip.directions is None else clip.directions
            if clip.row + max(below.values(), default=0) >= rows:
                raise ValueError(f"clips.{name}: row {clip.row + max(below.values())}, but a character has {rows} rows")
        for name, source in self.mirrored.items():
            if name in self.directions or source not in self.directions:
                raise ValueError(f"mirrored.{name}: give a new direction and one of {', '.join(self.directions)}")
        return self


class SpriteLayout(Section):
    """Folders in which every sprite is a file.

    Attributes:
        files: pattern of the names below the folder, such as "{character}_{direction:bk|fr|lf|rt}{frame}.png". Fields
            are character, clip, direction and frame; after a colon come the values that a field may have. A frame is a
            number unless its values are given.
        transparent: as in SheetLayout.
        names: value in a file name -> name of the direction or clip.
    """

    files: Annotated[str, Field(min_length=1)]
    transparent: Transparent = "alpha"
    names: dict[str, Name] = {}


class SpritesLayout(Section):
    """A whole layout file."""

    sheets: list[SheetLayout] | None = None
    sprites: SpriteLayout | None = None

    @model_validator(mode="after")
    def _check(self) -> SpritesLayout:
        if bool(self.sheets) == (self.sprites is not None):
            raise ValueError("give either sheets, a list of layouts, or sprites")
        return self


def read_layout(path: Path) -> SpritesLayout:
    """A layout file.

    Raises:
        CaptureError: the file can't be read, or has a key or a value that a layout can't have. The message names it.
    """
    return read_model(path, SpritesLayout, "layout", "sheets or sprites")
