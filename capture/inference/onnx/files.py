"""What an exported ONNX file says of itself: its part of the generator, its configuration and its tensors' names."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from capture.common.errors import CaptureError

SUFFIX = ".onnx"
FORMAT, VERSION = "capture-generator", 1
WHOLE, PARTS = "whole", ("identity", "pose", "decoder")
RELATIVE = "relative"  # the whole generator, driven by a video relative to its first frame
PACKAGES = {"onnx": "onnx", "onnxruntime": "onnxruntime", "onnxscript": "onnxscript"}


def require(name: str, what: str = "ONNX", install: str = "pip install onnx onnxruntime onnxscript") -> ModuleType:
    """The module of that name.

    Args:
        what: needs it.  install: the command that installs it.
    Raises:
        CaptureError: it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CaptureError(f"{name} is not installed ({error}); {what} needs the extra packages: {install}") from None


def part_path(path: Path, part: str) -> Path:
    """Where a part lies: model.onnx is the whole generator, and model.identity.onnx beside it a part."""
    return path if part == WHOLE else path.with_name(f"{path.stem}.{part}{SUFFIX}")


@dataclass(frozen=True)
class About:
    """The metadata of an ONNX file of this project.

    Attributes:
        part: WHOLE, one of PARTS, or RELATIVE.  config: of the training run.  roles: the generator's inputs.
        noise_dim: width of the noise, 0 for a method without noise.
        coordinates: whether its maps are coordinates in an atlas.
        precision: of the stored weights: fp32, fp16 or int8.  opset: of ONNX.
    """

    part: str
    config: dict[str, Any]
    roles: tuple[str, ...]
    noise_dim: int
    coordinates: bool
    precision: str
    opset: int

    def to_metadata(self) -> dict[str, str]:
        """As ONNX stores it: strings by name."""
        values = {
            "part": self.part,
            "config": json.dumps(self.config),
            "image_size": str(self.config["dataset_config"]["image_size"]),
            "roles": ",".join(self.roles),
            "noise_dim": str(self.noise_dim),
            "coordinates": str(int(self.coordinates)),
            "precision": self.precision,
            "opset": str(self.opset),
        }
        return {"format": FORMAT, "version": str(VERSION), **values}

    @classmethod
    def from_metadata(cls, values: dict[str, str], path: Path) -> About:
        """The inverse of `to_metadata`.

        Raises:
            CaptureError: the file was not written by this project, or by a newer version of it.
        """
        if values.get("format") != FORMAT:
            raise CaptureError(f"{path}: not an ONNX file that save_result.py --export wrote")
        try:
            if int(values["version"]) > VERSION:
                raise CaptureError(f"{path}: written by a newer version; update this program")
            config = json.loads(values["config"])
            if not isinstance(config, dict):
                raise ValueError("config is no mapping")
            return cls(
                values["part"],
                config,
                tuple(values["roles"].split(",")),
                int(values["noise_dim"]),
                values["coordinates"] == "1",
                values["precision"],
                int(values["opset"]),
            )
        except (KeyError, ValueError, RecursionError) as error:
            raise CaptureError(f"{path}: damaged metadata ({' '.join(str(error).split())}); export it again") from None
