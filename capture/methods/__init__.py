"""The methods that can be trained and compared, behind one contract: networks, losses, and a picture from two.

The trainer, PoseTransfer and the table know methods by this contract alone; `method:` in the configuration chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from capture.common.errors import CaptureError
from capture.methods.base import Method

MOST_PARAMETERS = 500_000_000  # several times the largest of the paper's table


def build_method(config: dict[str, Any]) -> Method:
    """The method that a configuration names, its networks on the CPU and not yet initialised.

    Raises:
        CaptureError: the configuration's parts don't fit each other.
    """
    kind, learns = _method_class(config), config["train_config"]["body_learns"]
    if learns not in kind.body_stages:
        choices, name = " or ".join(kind.body_stages), config["main_config"]["method"]
        raise CaptureError(f"configuration: train_config.body_learns is {learns}; method {name} takes {choices}")
    return build_checked(kind, config)


def build_generator(config: dict[str, Any]) -> nn.Module:
    """The network alone that turns (identity, pose, noise) into a picture, on the CPU.

    Raises:
        CaptureError: the configuration's parts don't fit each other.
    """
    return build_checked(_method_class(config).build_generator, config)


def check_samples(config: dict[str, Any], samples: Iterable[dict[str, Any]]) -> None:
    """CaptureError, for people, where no sample has what the configured method learns from; read only where it asks."""
    need = _method_class(config).needs(config)
    if need and not any(need.name in sample for sample in samples):
        raise CaptureError(need.why)


def build_checked(build: Callable[[dict[str, Any]], Any], config: dict[str, Any]) -> Any:
    """`build(config)`, stopped at the first parameter too many, before memory is filled with it.

    Raises:
        CaptureError: the configuration's parts don't fit each other.
    """
    count = 0

    def add(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal count
        count += 0 if parameter is None else parameter.numel()
        if count > MOST_PARAMETERS:
            raise ValueError(
                f"networks of more than {MOST_PARAMETERS // 10**6} M parameters: lower c and min_ch, "
                "or the baselines' block_expansion and max_features"
            )

    counting = register_module_parameter_registration_hook(add)
    try:
        return build(config)
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError, IndexError, OverflowError) as error:
        why = " ".join(str(error).split())[:300]
        raise CaptureError(f"configuration: {why}") from None
    finally:
        counting.remove()


def _method_class(config: dict[str, Any]) -> type[Method]:
    from capture.methods.capture.method import CaPTURe
    from capture.methods.capture_parts.stages import PictureReading, SurfaceReading
    from capture.methods.fomm.method import Method as FOMM
    from capture.methods.mraa.method import Method as MRAA

    stages = {"reading": PictureReading, "surfaces": SurfaceReading}
    return {"capture": CaPTURe, "fomm": FOMM, "mraa": MRAA, **stages}[config["main_config"]["method"]]
