"""The released weights, inpainter.pth and refiner.pth: plain state dicts, read by name and without running any pickle.

Both torch formats are read: the zip of torch 1.6 and later, and the one of earlier versions.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capture.checkpoints.published import check_parameters, read_torch_file
from capture.checkpoints.validate import check_weights
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
    state = read_torch_file(path, missing=f"no such file; the release has {INPAINTER} and {REFINER}")
    check_weights(state, path, "state dict")
    return dict(state)


def load_inpainter(state: dict[str, Tensor], network: Inpainter, path: str | Path) -> None:
    """Load the entries of inpainter.pth; the duplicates under `sequence.` have to equal the gates that they repeat."""
    kept: dict[str, Tensor] = {}
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
    _load(kept, network, path)


def load_refiner(state: dict[str, Tensor], network: Refiner, path: str | Path) -> None:
    """Load the entries of refiner.pth and take the power iteration that the release's first call takes."""
    renamed = {
        name.replace(".module.weight_bar", ".module.weight_orig").replace(".module.", "."): value
        for name, value in state.items()
    }
    _load(renamed, network, path)
    advance_power_iteration(network)


def _load(state: dict[str, Tensor], network: nn.Module, path: str | Path) -> None:
    check_parameters(state, network, path, "is it the right file of the release?")
    network.load_state_dict(state)


def release_config(config: dict[str, Any], generator: CoordinateInpainting) -> dict[str, Any]:
    """`config` with the section that a released generator was built from."""
    return copy.deepcopy(config) | {"coord_inpainting_config": copy.deepcopy(generator.options)}
