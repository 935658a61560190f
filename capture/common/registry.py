"""What there is to choose from, by name. Only names stand here; a module is imported when somebody uses it.

Adding a method takes its room and one line of METHODS. A room is a package with
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
SECTIONS = {  # of every run, whatever its method
    "main_config": "capture.config.options:MainConfig",
    "dataset_config": "capture.data.options:DatasetConfig",
    "train_config": "capture.training.options:TrainConfig",
}


def method_class(name: str) -> Any:
    """The Method of a name in METHODS."""
    return import_module(f"{METHODS[name]}.method").Method


def method_options(name: str) -> Any:
    """The Options of a name in METHODS."""
    return import_module(f"{METHODS[name]}.options").Options


def section_class(name: str) -> Any:
    """The Section of a name in SECTIONS."""
    module, _, name = SECTIONS[name].partition(":")
    return getattr(import_module(module), name)
