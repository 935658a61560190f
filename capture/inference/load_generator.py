"""Finding and loading a generator's weights: of a run, of an exported file, or of the methods' authors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from capture.checkpoints.checkpoint import (
    EXPORTED,
    FOLDER,
    generator_weights,
    latest_path,
    load_checkpoint,
    load_export,
    load_weights,
)
from capture.checkpoints.find import newest_checkpoint
from capture.common.errors import CaptureError
from capture.config.load import RESULT_CONFIG, load_result_config
from capture.inference.base_weights import with_base
from capture.methods.base import Generator
from capture.methods.build import build_generator
from capture.methods.published import SUFFIXES, find_release_folder, load_published_generator, load_release_folder


def load_generator(path: Path) -> tuple[Generator, dict[str, Any], Path]:
    """The generator that a result folder or a file holds, its configuration, and the file (or the release's folder).

    Args:
        path: see PoseTransfer.load.
    Raises:
        CaptureError: nothing to load there, or a file that is damaged, hostile or for another configuration.
    """
    config, state, made_with = None, None, None
    if not path.exists():
        raise CaptureError(f"{path}: no such result folder; train.py writes them, e.g. result/Fashion")
    if path.is_dir():
        if not (path / RESULT_CONFIG).is_file() and (released := find_release_folder(path)):
            return *load_release_folder(path, released), path
        config = load_result_config(path)
        newest = newest_checkpoint(path)
        exported = [p for p in (path / FOLDER / EXPORTED, path / EXPORTED) if p.is_file()]
        if newest is None and not exported:
            raise CaptureError(
                f"{path}: no checkpoint in this result folder; expected {latest_path(path)} or {EXPORTED}"
            )
        path, state = newest or (exported[0], None)
    if path.suffix in SUFFIXES:
        beside = path.parent if (path.parent / RESULT_CONFIG).is_file() else None
        return *load_published_generator(path, load_result_config(beside) if beside else None), path
    if path.suffix == ".safetensors":
        weights, config, base = load_export(path)
        generator = build_generator(config)
        if base is not None:
            weights = with_base(generator, weights, base, path)
    else:
        if config is None:
            near = path.parent.parent if path.parent.name == FOLDER else path.parent
            config = load_result_config(near)
        state = state or load_checkpoint(path)
        weights, made_with = generator_weights(state), state.get("config")
        generator = build_generator(config)
    load_weights(generator, weights, path, config, made_with, generator.config_from_shapes)
    return generator, config, path
