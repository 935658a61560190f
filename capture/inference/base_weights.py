"""Exports that hold only the parameters that differ from those of another export, the base.

A generator whose refiner was trained, for one character or for larger pictures, shares most of its parameters with the
weights that it began with. Such a file is small; its metadata names the base's folder and the sha256 of its file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.checkpoints.checkpoint import EXPORTED, Base, load_export
from capture.common.errors import CaptureError
from capture.common.shipped import find_result
from capture.methods.base import Generator


def split_from_base(
    generator: Generator, weights: dict[str, Tensor], result: Path, path: Path
) -> tuple[dict[str, Tensor], Base]:
    """The weights that differ from those exported in the folder `result`, and what the file has to say about the base.

    Args:
        weights: of `generator`, by name.  path: the file that will be written.
    Raises:
        CaptureError: the folder has no exported weights, or ones that need a base themselves or are of another network;
            nothing differs; or the file to write is the base's own.
    """
    folder = find_result(result)
    file = folder / EXPORTED
    if not file.is_file():
        raise CaptureError(f"--base {result}: no {EXPORTED} in this folder; export these weights first, without --base")
    if path.resolve() == file.resolve():
        raise CaptureError(f"--export {path}: the file of --base {result} itself; write to another folder")
    theirs, config, base = load_export(file)
    if base is not None:
        raise CaptureError(f"--base {result}: holds only what differs from a base itself; give that base")
    theirs = _adapted(generator, theirs, config, file)
    made = {n: w for n, w in weights.items() if n not in theirs or not torch.equal(w.float().cpu(), theirs[n])}
    if not made:
        raise CaptureError(f"--base {result}: these are the same weights; nothing to export")
    return made, Base(folder.resolve().name, _digest(file))


def with_base(generator: Generator, weights: dict[str, Tensor], base: Base, path: Path) -> dict[str, Tensor]:
    """All weights of the export at `path`: the base's, and over them its own.

    The base is looked for in the folder beside that of the file, beside the file, and in the box.

    Raises:
        CaptureError: the base is missing, or another version of it.
    """
    if base.name in ("", "..") or base.name != Path(base.name).name:
        raise CaptureError(f"{path}: the name of its base, {base.name!r}, is not that of a folder; export it again")
    folders = [path.parent.parent / base.name, path.parent / base.name, find_result(base.name)]
    near = [folder / EXPORTED for folder in folders]
    file = next((file for file in near if file.is_file() and file.resolve() != path.resolve()), None)
    if file is None:
        raise CaptureError(
            f"{path}: holds only what differs from the weights {base.name!r}; put that result folder beside "
            f"{path.parent}"
        )
    if _digest(file) != base.digest:
        raise CaptureError(f"{path}: belongs to another version of {file}; export it again with this one as its base")
    theirs, config, _ = load_export(file)
    return {**_adapted(generator, theirs, config, file), **weights}


def _adapted(generator: Generator, weights: dict[str, Tensor], config: dict[str, Any], file: Path) -> dict[str, Tensor]:
    """As a run that starts from these weights has them: for larger patches, with more parts."""
    try:
        return generator.adapted_weights(weights, config)
    except (ValueError, KeyError) as error:
        raise CaptureError(f"{file}: not a base of these weights ({error})") from None


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
