"""Resuming a run from its checkpoint, after checking that the checkpoint fits the configuration."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from capture.checkpoints.checkpoint import EXPORTED, FORMAT, load_weights
from capture.checkpoints.find import newest_checkpoint
from capture.checkpoints.release_names import current_names, reorder_optimiser
from capture.checkpoints.validate import check_weights
from capture.common.errors import CaptureError
from capture.common.threads import keep_threads
from capture.config.load import differences, resume_rule, with_defaults
from capture.inference.transfer import PoseTransfer
from capture.methods.base import Generator
from capture.training.meters import Meters


def restore(
    folder: Path,
    config: dict[str, Any],
    *,
    networks: dict[str, nn.Module],
    average: nn.Module,
    optimisers: dict[str, torch.optim.Optimizer],
    rng: torch.Generator,
    meters: Meters,
    needs_trained: Sequence[str],
    set_aside: bool,
) -> tuple[int, list[str]]:
    """Load the newest good checkpoint of a result folder; without one, the generator that start_from names, if any.

    Args:
        networks, average, optimisers, rng, meters: of the run; they receive the state of the checkpoint.
        needs_trained: parts of the generator that an earlier stage trains and this one only reads.
        set_aside: rename damaged checkpoints (see resumable_state).
    Returns:
        The number of updates so far, and lines for the log: keys whose values have changed since the checkpoint, the
        generator that a new run starts from, or a warning that a new run lacks one.
    Raises:
        CaptureError: the run can't be resumed (see resumable_state), or the weights do not fit the networks.
    """
    found = resumable_state(folder, config, set_aside)
    start = config["main_config"]["start_from"]
    if found is None and start:
        other = PoseTransfer.load(start, "cpu")
        for network in (networks["gen"], average):
            assert isinstance(network, Generator)
            try:
                begin_with = network.adapted_weights(other.generator.state_dict(), other.config)
            except ValueError as error:
                raise CaptureError(f"{start}: {error}") from None
            load_weights(network, begin_with, start, config, other.config, may_lack=network.newer_parts)
        return 0, [f"note: starting from the generator of {start}"]
    if found is None:
        return 0, [warning_without_start(needs_trained)] if needs_trained else []
    path, state, notes = found
    weights = {f"{name}_state_dict": network for name, network in networks.items()}
    for name, network in {**weights, "ema_state_dict": average}.items():
        load_weights(network, state.get(name) or {}, path, config, state["config"])
    for name, optimiser in optimisers.items():
        own = [parameter for parameter, _ in networks[name].named_parameters()]
        theirs = [key for key in current_names(state[f"{name}_state_dict"]) if key in set(own)]
        restore_optimiser(optimiser, reorder_optimiser(state.get(f"{name}_opt"), theirs, own), path)
    with saying_damaged(path):
        rng.set_state(state["noise_rng"])
        meters.load(state, next(networks["gen"].parameters()).device)
        if line := keep_threads(state.get("threads")):
            notes.append(line)
        return step_of(state), notes


def warning_without_start(parts: Sequence[str]) -> str:
    """A line for the log of a new run that reads parts which no earlier stage has trained."""
    return (
        f"warning: {', '.join(parts)}: not trained in this stage and not loaded, so the results mean nothing; "
        "give --start_from RESULT, the result of the stage before"
    )


def resumable_state(
    folder: Path, config: dict[str, Any], set_aside: bool
) -> tuple[Path, dict[str, Any], list[str]] | None:
    """Path, state and notes of the newest good checkpoint of a result folder, from which `config` can be resumed.

    None where the folder has no checkpoint. The notes, lines for the log, name every key whose value has changed.

    Args:
        set_aside: rename damaged checkpoints (see capture.checkpoints.find).
    Raises:
        CaptureError: the folder holds an exported generator without a run, a checkpoint of the release, or a run with
            another configuration; then the message names the keys.
    """
    found = newest_checkpoint(folder, set_aside)
    if found is None:
        if (folder / EXPORTED).is_file():
            raise CaptureError(
                f"{folder}: holds a finished generator ({EXPORTED}) and no run to go on with; choose another "
                f"--result_title, with --start_from {folder} to fine-tune it"
            )
        return None
    path, state = found
    if state.get("format") != FORMAT:
        raise CaptureError(
            f"{path}: a checkpoint of the published release: it can be rendered with, not resumed; "
            "choose another --result_title"
        )
    try:
        changed = differences(with_defaults(state.get("config") or {}), config)
    except CaptureError as error:
        raise CaptureError(f"{path}: damaged: its configuration: {error}; use an earlier checkpoint") from None
    rules = {key: resume_rule(config, key) for key, _, _ in changed}
    other = [difference for difference in changed if rules[difference[0]] == "fixed"]
    # another method explains all other differences
    other = [difference for difference in other if difference[0] == "main_config.method"] or other
    if other:
        keys = "; ".join(f"{key} is {theirs} there and {ours} now" for key, theirs, ours in other)
        remedy = "choose another --result_title or remove that folder"
        if any(key == "dataset_config.batch_size" for key, _, _ in other):
            remedy = (
                "to use less memory, raise --micro_batches, which hardly changes the update; for another batch size, "
                f"choose another --result_title and begin with these weights by --start_from {folder}"
            )
        raise CaptureError(f"{folder}: holds a run with another configuration: {keys}; {remedy}")
    notes = [
        f"note: from step {state.get('step')} on {key} is {ours}; it was {theirs}"
        for key, theirs, ours in changed
        if rules[key] == "noted"
    ]
    return path, state, notes


def step_of(state: dict[str, Any]) -> int:
    """The number of updates after which a state was saved; ValueError where it is not a valid number."""
    step = operator.index(state["step"])
    if not 0 <= step < 2**62:
        raise ValueError(f"at step {step}")
    return step


@contextlib.contextmanager
def saying_damaged(path: Path) -> Iterator[None]:
    """Turn the errors that a malformed state causes while it is loaded into a CaptureError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        why = " ".join(str(error).split())[:100]
        raise CaptureError(f"{path}: damaged ({why}); use an earlier checkpoint") from None


def restore_optimiser(optimiser: torch.optim.Optimizer, state: Any, source: str | Path) -> None:
    """Load `state` into an Adam optimiser, after checking its shapes and types, which fused kernels do not check.

    Raises:
        CaptureError: the state is damaged, or belongs to an optimiser of other parameters.
    """
    own = optimiser.state_dict()
    try:
        groups, moments = state["param_groups"], state["state"]
        same = [group["params"] for group in groups] == [group["params"] for group in own["param_groups"]]
        options = [{k: v for k, v in group.items() if k != "params"} for group in groups]
        known = [{k: v for k, v in group.items() if k != "params"} for group in own["param_groups"]]
        same = same and [_kinds(one) for one in options] == [_kinds(one) for one in known]
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        same = same and set(moments) <= set(range(len(parameters)))
        for number, values in moments.items() if same else ():
            check_weights(values, source, "optimiser")
            shape = parameters[number].shape
            same = same and set(values) == {"step", "exp_avg", "exp_avg_sq"} and values["step"].numel() == 1
            same = same and values["exp_avg"].shape == values["exp_avg_sq"].shape == shape
    except (KeyError, TypeError, AttributeError, IndexError):
        same = False
    if not same:
        raise CaptureError(f"{source}: damaged: its optimiser is not of these networks; use an earlier checkpoint")
    optimiser.load_state_dict(state)


def _kinds(group: dict[str, Any]) -> dict[str, Any]:
    """The types of a parameter group's options, where all kinds of numbers count as one type."""
    return {key: _kind(value) for key, value in group.items()}


def _kind(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_kind(one) for one in value]
    return float if type(value) in (int, float) else type(value)
