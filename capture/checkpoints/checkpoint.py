"""Reading and writing checkpoints: this project's, the release's, and exported generators. No file is executed.

A training checkpoint is a torch file with the entries of the release (epoch, gen_state_dict, disc_state_dict, gen_opt,
disc_opt) and this project's: format, version, step, ema_state_dict, noise_rng, threads, config, meters.
An exported generator is a safetensors file of the parameters, with its configuration as JSON in the metadata.
"""

from __future__ import annotations

import contextlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from capture.checkpoints.release_names import current_names
from capture.checkpoints.validate import Damaged, check_archive, check_weights
from capture.common.errors import CaptureError, is_out_of_memory
from capture.common.files import write_atomically, write_bytes
from capture.common.registry import SECTIONS
from capture.config.load import differences, is_plain, with_defaults

FORMAT, VERSION = "capture-checkpoint", 1
EXPORT_FORMAT, EXPORT_VERSION = "capture-generator", "1"
FOLDER, LATEST, PREVIOUS = "CheckPoint", "latest_checkpoint.pt", "previous_checkpoint.pt"
EXPORTED = "generator.safetensors"


class Base(NamedTuple):
    """The weights that complete an export which holds only what differs from them (inference/base_weights.py)."""

    name: str  # of a result folder
    digest: str  # the sha256 of its generator.safetensors


class Export(NamedTuple):
    """An exported generator."""

    weights: dict[str, Tensor]  # float32
    config: dict[str, Any]  # that they were trained with, resolved
    base: Base | None


def latest_path(result: str | Path) -> Path:
    """The path of a run's newest checkpoint."""
    return Path(result) / FOLDER / LATEST


def save_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """Write a training state atomically: after a crash the file is the old one or the new one.

    latest_checkpoint.pt becomes previous_checkpoint.pt when a new one is written. Every part of the file carries its
    CRC-32, which `load_checkpoint` checks.

    Raises:
        CaptureError: the disk is full or the folder can't be written.
    """
    path = Path(path)
    complete = {"format": FORMAT, "version": VERSION, **state}

    def write(file: BinaryIO) -> None:
        failures: list[OSError] = []
        torch.save(complete, _CollectsErrors(file, failures))  # type: ignore[arg-type]  # torch only writes and flushes
        if failures:
            raise failures[0]

    write_atomically(path, write, keep=path.with_name(PREVIOUS) if path.name == LATEST else None)


class _CollectsErrors:
    """A file that stores its errors and does not raise them: torch's writer aborts the process after an error."""

    def __init__(self, file: BinaryIO, failures: list[OSError]):
        self.file, self.failures = file, failures

    def write(self, data: Any) -> int:
        if not self.failures:
            try:
                self.file.write(data)
            except OSError as error:
                self.failures.append(error)
        return memoryview(data).nbytes

    def flush(self) -> None:
        pass


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a training checkpoint of this project or of the release.

    Raises:
        Damaged: the file is truncated, or its content has changed since it was written.
        CaptureError: missing, made by a newer version, or holding anything but tensors and plain values.
    """
    check_archive(path)
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no checkpoint here; train first, or give another result folder") from None
    except pickle.UnpicklingError as error:
        if "Unsupported operand" not in str(error):
            raise CaptureError(
                f"{path}: refused: this file holds objects that would run code when loaded; "
                "a checkpoint holds tensors and plain values only"
            ) from None
        raise Damaged(f"{path}: not a checkpoint, or a damaged one; use an earlier checkpoint") from None
    except OSError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror or error})") from None
    except Exception as error:  # broken data can make the unpickler raise any error
        if is_out_of_memory(error):  # the file may be good
            raise
        why = " ".join(str(error).split())[:100]
        raise Damaged(f"{path}: truncated or not a checkpoint ({why}); use an earlier checkpoint") from None
    if not isinstance(state, dict) or not isinstance(state.get("gen_state_dict"), dict):
        raise CaptureError(f"{path}: not a CaPTURe checkpoint (no gen_state_dict in it)")
    for name in ("gen_state_dict", "ema_state_dict", "disc_state_dict"):
        check_weights(state.get(name) or {}, path, name)
    if not isinstance(state.get("version", 0), int):
        raise CaptureError(f"{path}: damaged: its version is not a number; use an earlier checkpoint")
    if state.get("format") == FORMAT and state.get("version", 0) > VERSION:
        raise CaptureError(
            f"{path}: written by a newer version (checkpoint version {state['version']}, this one reads "
            f"{VERSION}); update this program"
        )
    return state


def load_weights(
    network: nn.Module,
    weights: dict[str, Tensor],
    source: str | Path,
    config: dict[str, Any],
    made_with: dict[str, Any] | None,
    config_from_shapes: Callable[[dict[str, Tensor]], dict[str, Any]] = lambda weights: {},
    may_lack: tuple[str, ...] = (),
) -> None:
    """Load `weights` into `network`; all names and shapes must match. The error names the keys that differ.

    Args:
        weights: what load_checkpoint or load_export returned, which have checked it.
        config: the configuration that `network` was built from.
        made_with: the configuration that was saved with the weights; None where none was saved.
        config_from_shapes: weights -> the keys that follow from their shapes, for weights without `made_with`.
        may_lack: beginnings of names that `weights` need not have; the network keeps its own values there.
    """
    weights = current_names(weights)
    own = network.state_dict()
    lacking = {n for n in own if n not in weights and n.startswith(may_lack)}
    wrong = [n for n in own if n not in lacking and (n not in weights or weights[n].shape != own[n].shape)]
    wrong += [n for n in weights if n not in own]
    if not wrong:
        network.load_state_dict({**{n: own[n] for n in lacking}, **weights})
        return
    if made_with is not None and is_plain(made_with):
        with contextlib.suppress(CaptureError):
            made_with = with_defaults(made_with)
        theirs, ours = made_with, config
    else:
        theirs, ours = config_from_shapes(weights), config_from_shapes(own)
    keys = [
        f"{key} is {there} in the checkpoint and {here} in the configuration"
        for key, there, here in differences(network_sections(theirs), network_sections(ours))
        if there is not None
    ]
    reason = "; ".join(keys) or f"{len(wrong)} parameters differ, the first is {wrong[0]}"
    raise CaptureError(f"{source}: made for another configuration: {reason}")


def network_sections(config: dict[str, Any]) -> dict[str, Any]:
    """The sections of a configuration that describe networks and losses: those of the method."""
    return {key: value for key, value in config.items() if key not in SECTIONS and isinstance(value, dict)}


def generator_weights(state: dict[str, Any]) -> dict[str, Tensor]:
    """The weights of a training checkpoint that are used to render: the moving average, or the generator itself."""
    return current_names(state.get("ema_state_dict") or state["gen_state_dict"])


def export_generator(
    path: str | Path, weights: dict[str, Tensor], config: dict[str, Any], half: bool = False, base: Base | None = None
) -> None:
    """Write a generator and its configuration as a safetensors file. With `half`, weights are stored in float16.

    Args:
        base: the weights that complete these, where these are not all.
    """
    tensors = {n: (w.half() if half and w.is_floating_point() else w).contiguous().cpu() for n, w in weights.items()}
    kept = network_sections(config) | {
        "dataset_config": config["dataset_config"],
        "main_config": {"method": config["main_config"]["method"]},
    }
    metadata = {"format": EXPORT_FORMAT, "version": EXPORT_VERSION, "config": json.dumps(kept)}
    if base is not None:
        metadata |= {"base": base.name, "base_sha256": base.digest}
    write_bytes(path, save(tensors, metadata))


def load_export(path: str | Path) -> Export:
    """Read an exported generator.

    Raises:
        CaptureError: missing, damaged, or not exported by this program.
    """
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such file") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise CaptureError(f"{path}: not a readable safetensors file ({' '.join(str(error).split())[:100]})") from None
    if metadata.get("format") != EXPORT_FORMAT:
        raise CaptureError(f"{path}: not a generator exported by CaPTURe")
    if metadata.get("version") != EXPORT_VERSION:
        raise CaptureError(
            f"{path}: exported by another version ({metadata.get('version')}, this one reads {EXPORT_VERSION})"
        )
    try:
        made_with = json.loads(metadata["config"])
        config = with_defaults(made_with)
    except (KeyError, ValueError, TypeError, RecursionError):
        raise CaptureError(f"{path}: its configuration can't be read; export it again") from None
    except CaptureError as error:
        raise CaptureError(f"{path}: its configuration: {error}; export it again") from None
    check_weights(weights, path, "weights")
    base = Base(metadata["base"], metadata.get("base_sha256", "")) if "base" in metadata else None
    return Export(current_names(weights), config, base)
