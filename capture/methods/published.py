"""The checkpoints that FOMM's and MRAA's authors released, as generators ready to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from capture.common.errors import CaptureError
from capture.config.load import load_config
from capture.methods import build_generator
from capture.methods.keypoint_warping.published import load_fomm, load_mraa, read_published

SUFFIXES = (".tar", ".pth")  # vox-256.pth.tar, ted384.pth
OVERLAYS = Path(__file__).resolve().parents[2] / "configs"


def load_published_generator(path: Path, config: dict[str, Any] | None) -> tuple[nn.Module, dict[str, Any]]:
    """The generator of a released checkpoint, and the configuration that it was built from.

    Args:
        config: what it was trained with; None: the authors' usual one, from configs/fomm.yaml or configs/mraa.yaml.
    Raises:
        CaptureError: a damaged or hostile file, another method's, or one trained with another configuration.
    """
    names = read_published(path)
    method = "fomm" if "kp_detector" in names else "mraa" if "region_predictor" in names else None
    if method is None:
        raise CaptureError(f"{path}: neither FOMM's nor MRAA's (it holds {', '.join(names)})")
    if config is None:
        plain = method == "mraa" and "avd_network" not in names
        config = load_config([OVERLAYS / f"{method}.yaml"], ["--mraa.mode", "absolute"] if plain else [])
    if config["main_config"]["method"] != method:
        raise CaptureError(f"{path}: {method}'s; main_config.method beside it is {config['main_config']['method']}")
    network = build_generator(config)
    {"fomm": load_fomm, "mraa": load_mraa}[method](path, network)
    return network, config
