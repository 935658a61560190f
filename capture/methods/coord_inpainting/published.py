"""The released weights, inpainter.pth and refiner.pth: plain state dicts, read by name and without running any pickle.

Both torch formats are read: the zip of torch 1.6 and later, and the one of earlier versions.
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capture.checkpoints.validate import check_archive, check_weights
from capture.common.errors import CaptureError
from capture.methods.coord_inpainting.generator import CoordinateInpainting
from capture.methods.coord_inpainting.inpainter import GATES, Inpainter
from capture.methods.coord_inpainting.options import CoordInpaintingConfig
from capture.methods.coord_inpainting.refiner import Refiner, advance_power_iteration

INPAINTER, REFINER = "inpainter.pth", "refiner.pth"
# every gate of the release occurs twice, as gateN and as sequence.M
SEQUENCE = {**{i: i + 1 for i in range(12)}, 13: 13, 15: 14, 16: 15}
SETTINGS = {  # of the release, whatever a configuration says
    "stage": "picture",
    "convention": "release",
    "no_uv": -10.0,
    "atlas": "smpl",
    **dict.fromkeys(("separate_cells", "keep_known", "fill", "mirror", "skips", "known_to_refiner", "residual"), False),
    "mask_source": True,
    "texture_size": 0,
}


def is_release(folder: Path) -> bool:
    """Whether a folder holds both files of the release."""
    return (folder / INPAINTER).is_file() and (folder / REFINER).is_file()


def load_release(folder: str | Path, size: int = 256, align_corners: bool = False) -> CoordinateInpainting:
    """The released pipeline, its widths read from the files.

    Args:
        folder: with inpainter.pth and refiner.pth.  size: side of the pictures; the release's is 256.
        align_corners: see grids; False is what the release does with torch 1.3 or newer.
    Raises:
        CaptureError: a file is missing, damaged, hostile, or no part of the release.
    """
    folder = Path(folder)
    inpainter, refiner = read_state(folder / INPAINTER), read_state(folder / REFINER)
    for state, name, file in (
        (inpainter, "gate1.conv_f.bias", INPAINTER),
        (refiner, "final.conv1.module.bias", REFINER),
    ):
        if name not in state:
            raise CaptureError(
                f"{folder / file}: no weights of coordinate inpainting ({name} is missing); get it again"
            )
    widest = refiner.get("res1.conv.module.bias", refiner["final.conv1.module.bias"])
    widths = {"inpainter_width": len(inpainter["gate1.conv_f.bias"]), "refiner_width": len(widest)}
    options = {**CoordInpaintingConfig().model_dump(), **SETTINGS, **widths, "align_corners": align_corners}
    generator = CoordinateInpainting(options, size)
    try:
        generator.check_size(size)
    except ValueError as error:
        raise CaptureError(f"{folder}: {error}") from None
    load_inpainter(inpainter, generator.inpainter, folder / INPAINTER)
    load_refiner(refiner, generator.refiner, folder / REFINER)
    return generator.eval()


def read_state(path: str | Path) -> dict[str, Tensor]:
    """A state dict of plain tensors; nothing in the file is executed.

    Raises:
        CaptureError: no such file, damaged, or one that holds anything else.
    """
    check_archive(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such file; the release has {INPAINTER} and {REFINER}") from None
    except Exception as error:  # whatever a damaged or hostile file provokes
        why = " ".join(str(error).split())[:80] or type(error).__name__
        if isinstance(error, pickle.UnpicklingError) and ("GLOBAL" in why or "Weights only" in why):
            why = "it holds objects that would run code when loaded"
        raise CaptureError(f"{path}: not a checkpoint that can be read ({why}); get it again") from None
    check_weights(state, path, "state dict")
    return dict(state)


def load_inpainter(state: dict[str, Tensor], network: Inpainter, path: str | Path) -> None:
    """Load the entries of inpainter.pth; the duplicates under `sequence.` have to equal the gates that they repeat."""
    own, kept = network.state_dict(), {}
    for name, value in state.items():
        if not name.startswith("sequence."):
            kept[name] = value
            continue
        _, element, rest = (*name.split(".", 2), "")[:3]
        gate = SEQUENCE.get(int(element)) if element.isdecimal() else None
        twin = state.get(f"gate{gate}.{rest}")
        if twin is None or not torch.equal(twin, value):
            raise CaptureError(f"{path}: {name[:80]} differs from the gate that it repeats; get it again")
    for number in range(1, len(GATES) + 1):  # older files lack the counters
        kept.setdefault(f"gate{number}.norm.num_batches_tracked", torch.zeros((), dtype=torch.int64))
    _load(kept, network, own, path)


def load_refiner(state: dict[str, Tensor], network: Refiner, path: str | Path) -> None:
    """Load the entries of refiner.pth and take the power iteration that the release's first call takes."""
    renamed = {
        name.replace(".module.weight_bar", ".module.weight_orig").replace(".module.", "."): value
        for name, value in state.items()
    }
    _load(renamed, network, network.state_dict(), path)
    advance_power_iteration(network)


def _load(state: dict[str, Tensor], network: nn.Module, own: dict[str, Tensor], path: str | Path) -> None:
    wrong = [name for name in own if name not in state or state[name].shape != own[name].shape]
    wrong += [name for name in state if name not in own]
    if wrong:
        sizes = ("x".join(map(str, s[wrong[0]].shape)) if wrong[0] in s else "missing" for s in (state, own))
        there, here = sizes
        raise CaptureError(
            f"{path}: {wrong[0][:80]} is {there} there and {here} in the network ({len(wrong)} entries differ); "
            "is it the right file of the release?"
        )
    network.load_state_dict(state)


def release_config(config: dict[str, Any], generator: CoordinateInpainting) -> dict[str, Any]:
    """`config` with the section that a released generator was built from."""
    return copy.deepcopy(config) | {"coord_inpainting_config": copy.deepcopy(generator.options)}
