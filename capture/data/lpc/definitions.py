"""sheet_definitions/*.json of the layer repository: which files a style of body, hair or clothes is made of.

    {"type_name": "hair", "layer_1": {"zPos": 120, "male": "hair/afro/adult/", ...}, "layer_2": ..., "variants": [...],
     "match_body_color": true, "recolors": {"material": "body", ...}}

Colours are files (<layer>/<variant>.png or <layer>/<action>/<variant>.png), or palettes that recolour
<layer>/<action>.png: palette_definitions/<material>/meta_<material>.json names the one that the files have.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError
from capture.data.lpc.pieces import ACTIONS, Piece, Recolour, Style

SLOTS = {
    "body": "body",
    "head": "head",
    "hair": "hair",
    "clothes": "torso",
    "dress": "torso",
    "armour": "torso",
    "legs": "legs",
    "shoes": "feet",
    "belt": "belt",
    "gloves": "gloves",
    "beard": "beard",
    "mustache": "beard",
    "hat": "hat",
}
NOT_BODIES = ("zPos", "custom_animation")


def definition_styles(root: Path, definitions: Path) -> list[Style]:
    """The styles that need nothing but a body: no weapons, faces on certain heads or trims of other clothes.

    Args:
        root: what layers' paths are relative to (spritesheets/).
    Raises:
        CaptureError: a definition can't be read, or has a value of another type than expected.
    """
    styles = []
    for path in sorted(definitions.rglob("*.json")):
        about = _read(path)
        _check_types(path, about)
        slot = SLOTS.get(about.get("type_name", ""))
        layers = _layers(about)
        if slot is None or not layers or about.get("required_tags") or about.get("replace_in_path"):
            continue
        skin = slot in ("body", "head")
        if skin and not about.get("match_body_color"):
            continue  # a skeleton's body without its head, and the like
        bodies = frozenset(layers[0]) - set(NOT_BODIES)
        palette = _palette(definitions.parent, about.get("recolors"))
        colours = tuple(dict.fromkeys([*map(str, about.get("variants") or ()), *palette])) or ("",)
        styles.append(Style(slot, path.stem, bodies, colours, _Finder(root, layers, palette), skin))
    return styles


def _check_types(path: Path, about: dict[str, Any]) -> None:
    """CaptureError, naming the file, unless the values of a definition that are read here have the types they need."""
    if not isinstance(about.get("type_name", ""), str):
        raise CaptureError(f"{path}: type_name is not text; correct or remove this definition")
    if not isinstance(about.get("variants") or [], list):
        raise CaptureError(f"{path}: variants is not a list of names; correct or remove this definition")
    for layer in _all_layers(about):
        try:
            int(layer.get("zPos", 0))
        except (TypeError, ValueError, OverflowError):
            raise CaptureError(f"{path}: zPos is not a whole number; correct or remove this definition") from None


def _all_layers(about: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for key, value in about.items() if key.startswith("layer_") and isinstance(value, dict)]


def _layers(about: dict[str, Any]) -> list[dict[str, Any]]:
    """layer_1, layer_2, ...; none where one needs more than a body to be drawn."""
    layers = _all_layers(about)
    plain = all("custom_animation" not in layer and "${" not in str(layer) for layer in layers)
    return layers if plain else []


@dataclass(frozen=True)
class _Finder:
    """Looks for the files of a colour on a body."""

    root: Path
    layers: list[dict[str, Any]]
    palette: dict[str, Recolour]

    def __call__(self, colour: str, body: str) -> tuple[Piece, ...]:
        return tuple(self._pieces(colour.replace(" ", "_"), self.palette.get(colour), body))

    def _pieces(self, colour: str, recolour: Recolour | None, body: str) -> Iterator[Piece]:
        for layer in self.layers:
            folder, z = str(layer.get(body) or "").rstrip("/"), int(layer.get("zPos", 0))
            if not folder:
                continue
            if self._is_file(f"{folder}/{colour}.png"):
                yield Piece(z, ((None, f"{folder}/{colour}.png"),))
            elif files := self._actions(folder, f"/{colour}.png"):
                yield Piece(z, files)
            elif (recolour is not None or not colour) and (files := self._actions(folder, ".png")):
                yield Piece(z, files, recolour or (), colour)

    def _actions(self, folder: str, end: str) -> tuple[tuple[str, str], ...]:
        names = ((action, f"{folder}/{action}{end}") for action in ACTIONS)
        return tuple((action, name) for action, name in names if self._is_file(name))

    def _is_file(self, name: str) -> bool:
        return (self.root / name).is_file()


def _palette(repository: Path, recolors: Any) -> dict[str, Recolour]:
    """The colours that a style can be given -> what to exchange; {} where it has no (simple) palette."""
    material = recolors.get("material") if isinstance(recolors, dict) else None
    return _material(repository, material) if isinstance(material, str) else {}


@functools.cache
def _material(repository: Path, material: str) -> dict[str, Recolour]:
    folder = repository / "palette_definitions" / material
    if not (folder / f"meta_{material}.json").is_file():
        return {}
    meta = _read(folder / f"meta_{material}.json")
    path = folder / f"{material}_{meta.get('default')}.json"
    if not path.is_file():
        return {}
    ramps = _read(path)
    for name, ramp in ramps.items():
        if not isinstance(ramp, list):
            raise CaptureError(f"{path}: {name[:40]} is not a list of colours (#rrggbb)")
    colours = {name: [_rgb(path, colour) for colour in ramp] for name, ramp in ramps.items()}
    if not isinstance(meta.get("base", ""), str):
        raise CaptureError(f"{folder / f'meta_{material}.json'}: base is not the name of a palette's colours")
    base = colours.get(meta.get("base", ""), [])
    return {name: tuple(zip(base, ramp)) for name, ramp in colours.items() if base and len(ramp) == len(base)}


def _rgb(path: Path, colour: str) -> tuple[int, int, int]:
    try:
        red, green, blue = bytes.fromhex(str(colour).lstrip("#")[:6].ljust(6, "?"))
        return red, green, blue
    except ValueError:
        raise CaptureError(f"{path}: {str(colour)[:40]!r} is not a colour (#rrggbb)") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CaptureError(f"{path}: can't be read ({' '.join(str(error).split())[:120]})") from None
    return about if isinstance(about, dict) else {}
