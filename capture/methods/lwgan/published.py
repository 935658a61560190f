"""Checkpoints of the authors' release, loaded by their parameters' names; nothing in them is executed.

The release saves each network's state dict by itself, flat, with the prefix `module.` where it was trained on several
devices. Its generator has the streams bg_model, src_model and tsf_model. It was trained on the UV layout of a body
model (SMPL), which the atlas of IUV maps replaces here: its weights fit, and want the maps that they were trained on.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from capture.checkpoints.published import brief, check_parameters, read_torch_file
from capture.checkpoints.validate import check_weights
from capture.common.errors import CaptureError

STREAMS = ("bg_model", "src_model", "tsf_model")
PREFIX = "module."


def load_generator(path: str | Path, generator: nn.Module) -> None:
    """Load a published generator, all of it or nothing.

    A generator with a constant background has no bg_model and leaves the file's alone.

    Raises:
        CaptureError: no such file, a damaged or hostile one, another network's, or one of another size.
    """
    weights = read_state_dict(path)
    if not all(any(name.startswith(f"{stream}.") for name in weights) for stream in STREAMS):
        raise CaptureError(
            f"{path}: not a published generator of LWGAN ({', '.join(STREAMS)} are not all in it); give its *_G.pth"
        )
    if "bg_model" not in dict(generator.named_children()):
        weights = {name: value for name, value in weights.items() if not name.startswith("bg_model.")}
    _load(weights, generator, path, "lwgan_config.conv_dim, repeat_num and condition")


def load_discriminator(path: str | Path, discriminator: nn.Module) -> None:
    """Load a patch discriminator, all of it or nothing; errors as load_generator's."""
    _load(read_state_dict(path), discriminator, path, "lwgan_config.discriminator and condition")


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """A flat state dict from a torch or a safetensors file, without the prefix `module.`.

    Raises:
        CaptureError: missing, damaged, or holding anything but tensors.
    """
    weights = _read_safetensors(path) if Path(path).suffix == ".safetensors" else read_torch_file(path)
    check_weights(weights, path, "the state dict")
    if not weights:
        raise CaptureError(f"{path}: there are no parameters in it; get it again")
    return {name.removeprefix(PREFIX): value for name, value in weights.items()}


def _read_safetensors(path: str | Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such checkpoint") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise CaptureError(f"{path}: not a readable safetensors file ({brief(error)}); get it again") from None


def _load(weights: dict[str, Tensor], network: nn.Module, path: str | Path, keys: str) -> None:
    check_parameters(weights, network, path, f"set {keys} to what it was trained with")
    network.load_state_dict(weights)
