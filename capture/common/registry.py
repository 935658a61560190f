"""The methods and the sections of the configuration, by name. Each module is imported when it is first used.

To add a method, write its package and add one line to METHODS. The package, called its room, has
    options.py: `Options`, the sections of the configuration that the method reads, and
    method.py: `Method`, a capture.methods.base.Method.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

METHODS = {
    "capture": "capture.methods.capture",
    "capture_supervised": "capture.methods.capture_supervised",
    "capture_parts": "capture.methods.capture_parts",
    "fomm": "capture.methods.fomm",
    "mraa": "capture.methods.mraa",
    "lwgan": "capture.methods.lwgan",
    "coord_inpainting": "capture.methods.coord_inpainting",
}
SECTIONS = {  # the sections that every method's configuration has
    "main_config": "capture.config.options:MainConfig",
    "dataset_config": "capture.data.options:DatasetConfig",
    "train_config": "capture.training.options:TrainConfig",
}


def method_class(name: str) -> Any:
    """The class `Method` of the method called `name`, a key of METHODS."""
    return import_module(f"{METHODS[name]}.method").Method


def method_options(name: str) -> Any:
    """The class `Options` of the method called `name`, a key of METHODS."""
    return import_module(f"{METHODS[name]}.options").Options


def section_class(name: str) -> Any:
    """The class of the section called `name`, a key of SECTIONS."""
    module, _, name = SECTIONS[name].partition(":")
    return getattr(import_module(module), name)
