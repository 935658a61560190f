"""Configuration: a method's defaults, overlaid by files, overlaid by the command line, checked, as nested dicts."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from sconf import Config

from capture.common.errors import CaptureError
from capture.config.keys import UnknownKey, check_keys, key_list, readers, who_reads
from capture.config.legacy import STAGE_METHODS, current_name, upgrade
from capture.config.messages import nearest
from capture.config.nested import differences, flatten, get_value, has_value, is_plain, overlaid, set_value
from capture.config.schema import check_method, default_config, ignored_keys, resume_rule, validate
from capture.config.yaml import brief, read_yaml
from capture.io.yaml_file import parse

__all__ = [
    "DEFAULTS",
    "RESULT_CONFIG",
    "UnknownKey",
    "differences",
    "flatten",
    "ignored_keys",
    "is_plain",
    "load_config",
    "load_result_config",
    "nearest",
    "result_folder",
    "resume_rule",
    "with_defaults",
]

DEFAULTS = Path(__file__).resolve().parents[2] / "defaults.yaml"
RESULT_CONFIG = "0config.yaml"
METHOD = "main_config.method"


def load_config(paths: Sequence[str | Path] = (), argv: Sequence[str] = ()) -> dict[str, Any]:
    """Defaults of a method, then each YAML file of `paths` in order, then `argv` (["--key", "value", ...]).

    The method is the one that the command line names, or else the last file that names one, or else capture. Files of
    older versions are upgraded (capture.config.legacy).

    Raises:
        CaptureError: a file that is missing or not YAML, an unknown key or method (with the nearest one), a key that
            the method does not read, a wrong type or value.
    """
    argv = list(argv)
    overlays, method = _read_files(paths, _method_of_command_line(argv))
    config = Config(default_config(method), colorize_modified_item=False)
    for where, overlay in overlays:
        config._dict_update(check_keys(overlay, method, where))  # what Config(*keys) does with each key after the first
    set_value(config.get_data(), METHOD, method)
    config._build_keydic()
    _apply_command_line(config, argv, method)
    return validate(config.asdict(), method)


def load_result_config(folder: str | Path) -> dict[str, Any]:
    """The configuration of a finished or running run: its 0config.yaml over today's defaults."""
    path = Path(folder) / RESULT_CONFIG
    if not path.is_file():
        raise CaptureError(
            f"{folder}: no {RESULT_CONFIG} here, so this is not a result folder; give the folder "
            "that train.py wrote, e.g. result/Fashion"
        )
    try:
        return load_config([path])
    except UnknownKey as error:
        raise CaptureError(f"{error} (where a newer version wrote this file, update this program)") from None


def with_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration of any age: today's defaults for the keys that it lacks, without those that no longer exist.

    Raises:
        CaptureError: not a configuration, or a wrong type or value in it.
    """
    if not is_plain(config):
        raise CaptureError("not a configuration: sections of keys with plain values")
    config = upgrade(config)
    method = check_method(get_value(config, METHOD, "capture"))
    return validate(overlaid(default_config(method), config), method)


def result_folder(config: dict[str, Any]) -> Path:
    """<result_path>/<result_title>, which must name a folder of its own."""
    title: str = config["main_config"]["result_title"]
    if not title.isprintable() or len(os.fsencode(title)) > 200:
        raise CaptureError(f"main_config.result_title: {brief(title)} can't name a folder; give a short, plain name")
    if not title:
        raise CaptureError("main_config.result_title is empty: name the run, e.g. --result_title Fashion")
    if os.path.isabs(title) or ".." in Path(title).parts:
        raise CaptureError(f"main_config.result_title: {title!r} leaves result_path; give a plain name")
    path: str = config["main_config"]["result_path"]
    return Path(path) / title


def _read_files(paths: Sequence[str | Path], asked: str | None) -> tuple[list[tuple[str, dict[str, Any]]], str]:
    """((file, its keys of today), ...) and the method: the one that is asked for, or the last that a file names."""
    raw = [(str(path), read_yaml(path)) for path in paths]
    named = [name for _, data in raw if isinstance(name := get_value(data, METHOD), str)]
    current = asked or (named[-1] if named else None)
    overlays, method = [], None
    for where, data in raw:
        before = get_value(data, METHOD, current)
        upgraded = upgrade(data, where, current)
        overlays.append((where, upgraded))
        if has_value(upgraded, METHOD):
            method = check_method(get_value(upgraded, METHOD))
            if before == current:
                current = method  # an older file may turn out to be of another method; so are the files after it
    return overlays, asked or method or "capture"


def _method_of_command_line(argv: list[str]) -> str | None:
    """The method that --method names last, if it does."""
    named = [value for key, value in zip(argv[::2], argv[1::2]) if key.lstrip("-") in ("method", METHOD)]
    if not named:
        return None
    if named[-1] in STAGE_METHODS:
        stage = STAGE_METHODS[named[-1]]
        raise CaptureError(f"command line: method {named[-1]} is now --method capture_parts --stage {stage}")
    return check_method(named[-1])


def _apply_command_line(config: Config, argv: list[str], method: str) -> None:
    known = [key for key, _ in flatten(default_config(method))]
    for i in range(0, len(argv), 2):
        key = argv[i]
        if not key.startswith("--") or len(key) < 3:
            raise CaptureError(f"command line: expected --key value, found {key!r}")
        name = key.lstrip("-")
        matches = [k for k in known if k == name or k.endswith("." + name)]
        if not matches:
            raise CaptureError(f"command line: {_unknown(key, name, known, method)}")
        if i + 1 >= len(argv):
            raise CaptureError(f"command line: {key} needs a value")
        if len(matches) > 1 and not key.startswith("---"):
            raise CaptureError(f"command line: {key} could be {', '.join('--' + m for m in matches)}; say which")
        was = [get_value(config.asdict(), match) for match in matches]
        with contextlib.redirect_stdout(io.StringIO()):
            config.argv_update([key, argv[i + 1]])
        if any(isinstance(value, str) for value in was):  # sconf infers a type: a title such as 007 stays text
            for match in matches:
                set_value(config.get_data(), match, argv[i + 1])
        elif argv[i + 1] in ("null", "None"):
            for match in matches:
                set_value(config.get_data(), match, None)
        elif any(isinstance(value, list) for value in was):  # [1, 2] is YAML, which sconf leaves as text
            for match in matches:
                with contextlib.suppress(yaml.YAMLError):
                    set_value(config.get_data(), match, parse(argv[i + 1]))


def _unknown(key: str, name: str, known: list[str], method: str) -> str:
    today = current_name(name)
    if today and (today in known or readers(today)):
        return f"{key} is now --{today}" + ("" if today in known else f", which method {method} does not read")
    others = readers(name)
    if others:
        return f"method {method} does not read {key}{who_reads(others)}"
    hint = nearest(name, known)
    return f"unknown key {key}{hint} (method {method})" if hint else f"unknown key {key}{key_list(method)}"
