"""Layers of Liberated Pixel Cup characters: the bodies, hair and clothes in a repository of layers.

Three layouts are known:

- body/male/light.png, hair/female/bangs/blonde.png, torso/chain/mail_male.png, ... at the top: whole sheets, sorted by
  part, with the body they fit in the path (Universal-LPC-spritesheet);
- spritesheets/ beside sheet_definitions/*.json, which say what is what (Universal-LPC-Spritesheet-Character-Generator):
  <layer>/<colour>.png, whole sheets, or <layer>/<action>/<colour>.png, or <layer>/<action>.png and palettes to
  recolour them with (definitions.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from capture.common.errors import CaptureError
from capture.data.lpc.definitions import definition_styles
from capture.data.lpc.pieces import Piece, Style

# top folder -> the slot it fills and how far in front it is drawn (as sheet_definitions have it)
PARTS = {
    "body": ("body", 10),
    "feet": ("feet", 15),
    "legs": ("legs", 20),
    "torso": ("torso", 35),
    "belt": ("belt", 65),
    "hands": ("gloves", 70),
    "facial": ("beard", 110),
    "hair": ("hair", 120),
    "head": ("hat", 130),
}
EYES = ("eyes", 12)  # body/<body>/eyes/
BODIES = ("male", "female", "child")
# in the old layout: parts of faces and garments that can't be used alone, and layers behind the body
SKIPPED = re.compile(r"shadows-|/(ears|nose)/|/back/|_cutout|overskirt|underdress|/(arms|spikes|shoulders|tabard)")


def layer_root(folder: Path) -> Path | None:
    """The folder that layers' names are relative to; None where `folder` holds no layers."""
    for root in (folder / "spritesheets", folder):
        if (root / "body").is_dir():
            return root
    return None


def find_styles(folder: Path) -> list[Style]:
    """Everything a character can have, sorted by slot and name.

    Raises:
        CaptureError: no bodies, or definitions that can't be read.
    """
    root = layer_root(folder)
    if root is None:
        raise CaptureError(f"{folder}: no layers in it; see docs/DATASETS.md")
    definitions = root.parent / "sheet_definitions"
    styles = definition_styles(root, definitions) if definitions.is_dir() else _path_styles(root)
    if not any(style.slot == "body" for style in styles):
        raise CaptureError(
            f"{root}: no bodies among its layers (body/male/light.png and the like); see docs/DATASETS.md"
        )
    return sorted(styles, key=lambda style: (style.slot, style.name))


def _path_styles(root: Path) -> list[Style]:
    """Whole sheets by their paths: a folder, and the bodies in its files' names, is a style; its files are colours."""
    groups: dict[tuple[str, frozenset[str], str, int], dict[str, str]] = {}
    for part, (slot, z) in PARTS.items():
        for path in sorted((root / part).rglob("*.png")):
            name = path.relative_to(root).as_posix()
            if SKIPPED.search(name) or path.name.startswith(".") or path.with_suffix("").is_dir():
                continue  # the sheet that a folder of colours was made from
            bodies = frozenset(_bodies(name)) or frozenset(("male", "female") if slot != "body" else ())
            style = (path.parent.relative_to(root).as_posix(), bodies, *(EYES if "/eyes/" in name else (slot, z)))
            groups.setdefault(style, {})[path.stem] = name
    return [
        Style(slot, f"{folder} ({', '.join(sorted(bodies))})", bodies, tuple(sheets), _finder(sheets, z))
        for (folder, bodies, slot, z), sheets in groups.items()
    ]


def _finder(sheets: dict[str, str], z: int) -> Callable[[str, str], tuple[Piece, ...]]:
    return lambda colour, body: (Piece(z, ((None, sheets[colour]),)),)


def _bodies(name: str) -> Iterable[str]:
    words = set(re.split(r"[^a-z]+", name.lower()))
    return (body for body in BODIES if body in words)
