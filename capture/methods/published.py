"""Checkpoints that the authors of a method released, as generators ready to use."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from capture.checkpoints.published import read_published
from capture.common.errors import CaptureError
from capture.common.registry import METHODS, method_class
from capture.config.load import flatten, load_config
from capture.methods.base import Generator
from capture.methods.build import build_checked

SUFFIXES = (".tar", ".pth")  # of the files that authors release, such as vox-256.pth.tar and ted384.pth


def find_published_method(networks: Collection[str]) -> str | None:
    """The name of the method whose authors' checkpoints hold such networks; of several, the most specific one.

    Args:
        networks: names of the networks in a checkpoint.
    """
    names = {method: method_class(method).published_names() for method in METHODS}
    fitting = [method for method, needed in names.items() if needed and needed <= set(networks)]
    return max(fitting, key=lambda method: len(names[method]), default=None)


def find_release_folder(path: Path) -> str | None:
    """The name of the method whose authors' release, of several files, lies in a folder."""
    for method in METHODS:
        files = method_class(method).published_files()
        if files and all((path / name).is_file() for name in files):
            return method
    return None


def load_release_folder(path: Path, name: str) -> tuple[Generator, dict[str, Any]]:
    """The generator of a release of several files, and the method's default configuration.

    Raises:
        CaptureError: a file that is damaged, hostile or no part of the release.
    """
    config = load_config([], ["--method", name])
    generator = build_checked(partial(method_class(name).load_published, path), config)
    return generator, config


def load_published_generator(path: Path, config: dict[str, Any] | None) -> tuple[Generator, dict[str, Any]]:
    """The generator of a released checkpoint, and the configuration that it was built from.

    Args:
        config: the configuration that it was trained with; None: the method's default configuration.
    Raises:
        CaptureError: a damaged or hostile file, one of another method, or one trained with another configuration.
    """
    networks = read_published(path)
    name = find_published_method(networks)
    if name is None:
        raise CaptureError(
            f"{path}: not a published checkpoint of a known method (it holds {', '.join(networks)[:200]})"
        )
    method = method_class(name)
    if config is None:
        keys = [part for key, value in flatten(method.published_config(networks)) for part in (f"--{key}", str(value))]
        config = load_config([], ["--method", name, *keys])
    if config["main_config"]["method"] != name:
        raise CaptureError(
            f"{path}: a checkpoint of method {name}; main_config.method beside it is {config['main_config']['method']}"
        )
    return build_checked(partial(method.load_published, path), config), config
