"""From a configuration to the method or the generator that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from capture.common.errors import CaptureError
from capture.common.registry import method_class
from capture.methods.base import Generator, Method

Built = TypeVar("Built")
MOST_PARAMETERS = 500_000_000  # several times the largest network of the paper's table


def build_method(config: dict[str, Any]) -> Method:
    """The method that a configuration names, its networks on the CPU and not yet initialised.

    Raises:
        CaptureError: the configuration's parts don't fit each other.
    """
    method = build_checked(_method_class(config), config)
    pictures = config["dataset_config"]["identity_pictures"]
    if pictures > 1 and not method.generator.layered:
        raise CaptureError(
            f"dataset_config.identity_pictures {pictures}: {method.title} takes one picture; set it to 1"
        )
    return method


def new_method(config: dict[str, Any]) -> Method:
    """The configured method with fresh weights from the seed, on the CPU."""
    torch.manual_seed(config["train_config"]["seed"])
    method = build_method(config)
    method.init_weights()
    return method


def build_generator(config: dict[str, Any]) -> Generator:
    """The generator alone, on the CPU.

    Raises:
        CaptureError: the configuration's parts don't fit each other.
    """
    return build_checked(_method_class(config).build_generator, config)


def batch_keys(config: dict[str, Any]) -> list[str]:
    """What a batch must hold for the configured method, beside identity, real and pose."""
    return list(_method_class(config).batch_keys(config))


def check_samples(config: dict[str, Any], samples: Iterable[dict[str, Any]]) -> None:
    """CaptureError where no sample has a key that the configured method learns from."""
    keys = _method_class(config).batch_keys(config)
    if not keys:
        return
    found = {key for sample in samples for key in sample}
    for key, why in keys.items():
        if key not in found:
            raise CaptureError(why)


def _method_class(config: dict[str, Any]) -> type[Method]:
    method: type[Method] = method_class(config["main_config"]["method"])
    return method


def build_checked(build: Callable[[dict[str, Any]], Built], config: dict[str, Any]) -> Built:
    """What `build` makes; it ends at the first parameter too many, before memory is filled with it."""
    count = 0

    def add(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal count
        count += 0 if parameter is None else parameter.numel()
        if count > MOST_PARAMETERS:
            raise ValueError(
                f"networks of more than {MOST_PARAMETERS // 10**6} M parameters: lower the numbers of channels "
                "(c and min_ch, or block_expansion and max_features)"
            )

    counting = register_module_parameter_registration_hook(add)
    try:
        return build(config)
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError, IndexError, OverflowError) as error:
        why = " ".join(str(error).split())[:300]
        raise CaptureError(f"configuration: {why}") from None
    finally:
        counting.remove()
