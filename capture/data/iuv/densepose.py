"""Dense maps -> coordinates in an atlas, (H, W, 2) in [-1, 1] with NaN for background, as .npy files.

DensePose's 24 parts are looked up in smpltexmap.npy, a table of SMPL texture coordinates (part, v, u) -> (u, v), as the
release of coordinate-based texture inpainting does. Maps of toon and of rendered datasets need no table: their parts
are squares of the atlas (capture.io.iuv).
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from capture.common.errors import CaptureError
from capture.common.files import atomic_file
from capture.io.iuv import ATLAS_GRID, PARTS, read_iuv_png
from capture.io.numpy_file import load_array

DENSEPOSE_PARTS = 24
TOON_KINDS = ("toon", "CaPTURe-Bench")  # of datasets that the toon renderer drew
LAYOUTS = ("densepose", "detectron2", "toon", "rendered")
WHERE_TABLE_IS = (
    "smpltexmap.npy is the table from DensePose's parts to SMPL texture coordinates that the authors of "
    "coordinate-based texture inpainting publish: see the README of github.com/saic-vul/coordinate_based_inpainting"
)


def convert_densepose(picture: np.ndarray, table: np.ndarray) -> np.ndarray:
    """An IUV picture of DensePose -> SMPL coordinates.

    Args:
        picture: uint8 (H, W, 3) in the order of DensePose's files read as RGB: (V, U, part).
        table: (24, n, n, 2) of (u, v) in [0, 1] with v upwards, n above every V and U.
    Returns:
        float64 (H, W, 2), horizontal and downwards. As in the release every coordinate that is exactly -1 is NaN, which
        hits table entries with u = 0 or v = 1 beside the background.
    """
    part = picture[..., 2].astype(np.int64)
    inside = (part >= 1) & (part <= DENSEPOSE_PARTS)
    uv = np.full((*part.shape, 2), -1.0)
    u, v = np.moveaxis(table[part[inside] - 1, picture[inside, 0], picture[inside, 1]].astype(np.float64), -1, 0)
    uv[inside] = np.stack((2 * u - 1, 1 - 2 * v), axis=-1)
    uv[uv == -1.0] = np.nan
    return uv


def convert_parts(picture: np.ndarray) -> np.ndarray:
    """An IUV map in the numbers of PARTS, uint8 (H, W, 3) -> float64 (H, W, 2) in the toon atlas."""
    part = picture[..., 0].astype(np.int64)
    inside = ((part > 0) & (part <= len(PARTS)))[..., None]
    square = np.stack(((part - 1) % ATLAS_GRID, (part - 1) // ATLAS_GRID), axis=-1)
    uv = (square + np.minimum(picture[..., 1:] / 255, 0.9999)) / ATLAS_GRID
    return np.where(inside, 2 * uv - 1, np.nan)


def read_table(path: str | Path | None) -> np.ndarray:
    """smpltexmap.npy, (24, n, n, 2).

    Raises:
        CaptureError: it is not there, with a line on what it is and where it is published; or not that table.
    """
    if path is None:
        raise CaptureError(f"--mapping is missing: {WHERE_TABLE_IS}")
    if not Path(path).is_file():
        raise CaptureError(f"{path}: no such file; {WHERE_TABLE_IS}")
    table = load_array(path)
    shape = table.shape
    if (
        len(shape) != 4
        or shape[0] != DENSEPOSE_PARTS
        or min(shape[1:3]) < 256
        or shape[3] != 2
        or table.dtype.kind != "f"
    ):
        raise CaptureError(f"{path}: an array of shape {shape}, not (24, 256, 256, 2) of floats; {WHERE_TABLE_IS}")
    if table.nbytes > 1 << 30:
        raise CaptureError(f"{path}: {table.nbytes >> 20} MB; the table has a few; {WHERE_TABLE_IS}")
    return np.array(table)


def convert_file(path: Path, layout: str, table: np.ndarray | None, bones: tuple[str, ...] = ()) -> np.ndarray:
    """One picture -> float32 (H, W, 2).

    Args:
        layout: one of LAYOUTS. In RGB order the channels are V, U, part (densepose), part, U, V (detectron2) or
            part, u, v (toon, rendered).
        table: of the first two.  bones: of rendered maps: part i is bones[i - 1].
    Raises:
        CaptureError: not a map of that layout.
    """
    picture = read_iuv_png(path)
    if layout in ("densepose", "detectron2"):
        if layout == "detectron2":
            picture = picture[..., ::-1]
        part = picture[..., 2]
        other = "detectron2" if layout == "densepose" else "densepose"
        if part.max() > DENSEPOSE_PARTS:
            raise CaptureError(
                f"{path}: part {part.max()}, and DensePose has {DENSEPOSE_PARTS}; "
                f"are the channels in the order of --layout {other}?"
            )
        uv = convert_densepose(picture, read_table(None) if table is None else table)
    else:
        if layout == "rendered":
            from capture.data.iuv.bones import renumbering_of

            picture = renumbering_of(bones)(picture.transpose(2, 0, 1)).transpose(1, 2, 0)
        part = picture[..., 0]
        if part.max() > len(PARTS):
            raise CaptureError(
                f"{path}: part {part.max()}, and parts go up to {len(PARTS)}; is --layout {layout} right?"
            )
        uv = convert_parts(picture)
    if np.isnan(uv).all():
        raise CaptureError(f"{path}: no pixel of it belongs to a part; give the IUV map of a picture with a figure")
    return uv.astype(np.float32)


def layout_of(source: Path) -> tuple[str, tuple[str, ...]]:
    """The layout of maps in a dataset folder, from the manifest above them: (toon or rendered, bones); ("", ()) where
    there is no manifest.

    Raises:
        CaptureError: the manifest has more bones than a map can number.
    """
    for folder in (source, *source.resolve().parents):
        manifest = folder / "manifest.json"
        if manifest.is_file():
            try:
                about = json.loads(manifest.read_text())
            except (ValueError, OSError):
                break
            bones = about.get("uv_parts") if isinstance(about, dict) else None
            if isinstance(bones, list) and len(bones) > 255:
                raise CaptureError(f"{manifest}: uv_parts are not 255 names or fewer; prepare the dataset again")
            if isinstance(bones, list) and bones and all(isinstance(bone, str) for bone in bones):
                return "rendered", tuple(bones)
            if isinstance(about, dict) and about.get("kind") in TOON_KINDS:
                return "toon", ()
            break
    return "", ()


def prepare_uv(source: Path, out: Path, mapping: Path | None = None, layout: str | None = None) -> int:
    """Convert a map or a folder of maps (.png, at any depth, names and folders kept) to .npy files; how many.

    Args:
        out: a folder; for a single map also a file that ends in .npy.
        layout: one of LAYOUTS; None: that of the dataset around the maps, else densepose.
    Raises:
        CaptureError: nothing to convert, or a file that is no map. Files are written as they are converted.
    """
    if not source.exists():
        raise CaptureError(f"{source}: no such file or folder of IUV maps")
    if layout not in (None, *LAYOUTS):
        raise CaptureError(f"--layout {layout!r}; choose from {', '.join(LAYOUTS)}")
    found, bones = layout_of(source)
    layout = layout or found or "densepose"
    if layout == "rendered" and not bones:
        raise CaptureError(f"{source}: no manifest.json with uv_parts above it, which --layout rendered needs")
    table = read_table(mapping) if layout in ("densepose", "detectron2") else None
    paths = [source] if source.is_file() else sorted(p for p in source.rglob("*.png") if not p.name.startswith("."))
    if not paths:
        raise CaptureError(f"{source}: no .png in it; DensePose writes <name>_IUV.png")
    targets: dict[Path, Path] = {}
    for path in paths:
        below = Path(path.name) if source.is_file() else path.relative_to(source)
        target = out / below.with_name(below.stem.removesuffix("_IUV") + ".npy")
        if source.is_file() and out.suffix == ".npy":
            target = out
        other = targets.setdefault(target, path)
        if other != path:
            raise CaptureError(f"{other} and {path} would both become {target}; rename one of them")
    for target, path in targets.items():
        buffer = io.BytesIO()
        np.save(buffer, convert_file(path, layout, table, bones), allow_pickle=False)
        with atomic_file(target, sync=False) as file:
            file.write(buffer.getvalue())
    return len(paths)
