"""The methods that can be trained and compared, behind one contract: networks, losses, and a picture from two.

The trainer, PoseTransfer and the table know methods by this contract alone; `method:` in the configuration chooses.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from capture.errors import CaptureError
from capture.methods.method import Method


def build_method(config: dict[str, Any]) -> Method:
    """The method that a configuration names, its networks on the CPU and not yet initialised.

    Raises:
        CaptureError: the configuration's parts don't fit each other.
    """
    try:
        return _method_class(config)(config)
    except ValueError as error:
        raise CaptureError(f"configuration: {error}") from None


def build_generator(config: dict[str, Any]) -> nn.Module:
    """The network alone that turns (identity, pose, noise) into a picture, on the CPU.

    Raises:
        CaptureError: the configuration's parts don't fit each other.
    """
    try:
        return _method_class(config).build_generator(config)
    except ValueError as error:
        raise CaptureError(f"configuration: {error}") from None


def _method_class(config: dict[str, Any]) -> type[Method]:
    from capture.methods.capture import CaPTURe
    from capture.methods.fomm import FOMM
    from capture.methods.mraa import MRAA

    return {"capture": CaPTURe, "fomm": FOMM, "mraa": MRAA}[config["main_config"]["method"]]
