"""Sheets of cells -> characters."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

from PIL import Image

from capture.common.errors import CaptureError
from capture.data.mixamo.models import safe_name
from capture.data.sprites.layout import SheetLayout
from capture.data.sprites.sprite import Character, Pose, Sprite, cut, figure_box, open_sheet


def find_sheet_characters(
    files: list[Path], layouts: list[SheetLayout]
) -> tuple[list[Character], dict[Path, str], list[Path]]:
    """The characters of all sheets, file -> reason of those that can't be used, and files of no layout.

    A clip of which a character lacks a cell (nothing is opaque in it) is left out for this character.
    """
    characters, broken, other = [], {}, []
    for path in files:
        named = [one for one in layouts if _fits_name(path, one)]
        if not named:
            other.append(path)
            continue
        try:
            found, missing = _read_sheet(path, named)
        except CaptureError as error:
            broken[path] = str(error).removeprefix(f"{path}: ")
            continue
        characters += found
        if missing:
            broken[path] = missing
    return characters, broken, other


def _fits_name(path: Path, layout: SheetLayout) -> bool:
    """Whether a sheet's name fits a layout. Its ending may be in capital letters."""
    names = (path.name, path.stem + path.suffix.lower())
    fits = [any(fnmatch(name, pattern) for name in names) for pattern in (layout.files, *layout.exclude)]
    return fits[0] and not any(fits[1:])


def _read_sheet(path: Path, layouts: list[SheetLayout]) -> tuple[list[Character], str]:
    """The characters of a sheet, and which cells are missing ("" for none)."""
    reasons = []
    for layout in layouts:
        sheet = open_sheet(path, layout.transparent)
        try:
            cell, blocks = _measure(sheet, layout)
            break
        except ValueError as error:
            reasons.append(str(error))
    else:
        raise CaptureError(f"{path}: {sheet.width}x{sheet.height} {'; or '.join(reasons)}")
    poses = poses_of(layout)
    characters, empty = [], []
    for number in range(blocks[0] * blocks[1]):
        name = safe_name(path.stem) + (f"_{number + 1:03d}" if blocks != (1, 1) else "")
        corner = number % blocks[0] * layout.grid[0], number // blocks[0] * layout.grid[1]
        sprites = {
            pose: Sprite(path, _box(layout, cell, corner[0] + column, corner[1] + row), mirrored)
            for pose, (column, row, mirrored) in poses.items()
        }
        missing = [pose for pose, sprite in sprites.items() if figure_box(cut(sheet, sprite)) is None]
        if len(missing) == len(sprites):  # there is no further character on the sheet
            continue
        empty += [f"{name} {clip} {frame}" for clip, frame in missing]
        incomplete = {clip for clip, _ in missing}
        kept = {pose: sprite for pose, sprite in sprites.items() if pose[0] not in incomplete}
        if kept:
            characters.append(Character(name, layout.transparent, kept))
    if not characters:
        raise CaptureError(f"{path}: nothing is drawn in its cells")
    more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
    return characters, f"cells are empty ({empty[0]}{more}), so their clips are left out" if empty else ""


def _measure(sheet: Image.Image, layout: SheetLayout) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size of a cell, and the blocks across and down.

    Raises:
        ValueError: the sheet has not the size of this layout.
    """
    cell, blocks = [], []
    for k, side in enumerate(sheet.size):
        size = layout.cell[k] if layout.cell else None
        if size is None:
            assert layout.blocks is not None  # the layout was checked
            count = layout.blocks[k] * layout.grid[k]
            size, rest = divmod(side - 2 * layout.margin - (count - 1) * layout.spacing, count)
            if rest or size < layout.smallest_cell[k]:
                least = "x".join(map(str, layout.smallest_cell))
                raise ValueError(f"is not {layout.blocks[k] * layout.grid[k]} cells of {least} or more in a row")
        step = layout.grid[k] * (size + layout.spacing)
        count, rest = divmod(side - 2 * layout.margin + layout.spacing, step)
        wanted = layout.blocks[k] if layout.blocks else count
        if count < 1 or count < wanted or (not layout.larger and (rest or count != wanted)):
            raise ValueError(
                f"is not {wanted if layout.blocks else 'a number of'} blocks of {layout.grid[0]}x{layout.grid[1]} "
                f"cells of {'x'.join(map(str, layout.cell or (size,)))} pixels"
            )
        cell.append(size)
        blocks.append(wanted)
    return (cell[0], cell[1]), (blocks[0], blocks[1])


def poses_of(layout: SheetLayout) -> dict[Pose, tuple[int, int, bool]]:
    """Pose -> column and row within a character's block, and whether it is a mirror image."""
    poses = {}
    for name, clip in layout.clips.items():
        rows = layout.directions if clip.directions is None else clip.directions
        ways = {way: (row, False) for way, row in rows.items()}
        ways |= {
            way: (rows[source], True) for way, source in layout.mirrored.items() if source in rows and way not in rows
        }
        for way, (row, mirrored) in ways.items():
            for i, column in enumerate(clip.columns):
                poses[f"{name}_{way}", f"{i:02d}"] = (column, clip.row + row, mirrored)
    return poses


def _box(layout: SheetLayout, cell: tuple[int, int], column: int, row: int) -> tuple[int, int, int, int]:
    left, top = (layout.margin + i * (side + layout.spacing) for i, side in zip((column, row), cell))
    return left, top, left + cell[0], top + cell[1]
