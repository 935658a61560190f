"""Configuration: defaults.yaml, overlaid by files, overlaid by the command line, checked, returned as plain dicts."""

from __future__ import annotations

import contextlib
import difflib
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from sconf import Config

from capture.common.errors import CaptureError
from capture.config.rules import AT_LEAST, AT_MOST, CHOICES, NULLABLE, RETIRED, UNREAD
from capture.config.yaml import brief, read_yaml

DEFAULTS = Path(__file__).resolve().parents[2] / "defaults.yaml"
RESULT_CONFIG = "0config.yaml"


class UnknownKey(CaptureError):
    """A file sets a key that defaults.yaml doesn't have."""


def load_config(paths: Sequence[str | Path] = (), argv: Sequence[str] = ()) -> dict[str, Any]:
    """Defaults, then each YAML file of `paths` in order, then `argv` (["--key", "value", ...]).

    Raises:
        CaptureError: a file that is missing or not YAML, an unknown key (with the nearest one), a wrong type or value.
    """
    defaults = read_yaml(DEFAULTS)
    config = Config(read_yaml(DEFAULTS), colorize_modified_item=False)
    for path in paths:
        overlay = read_yaml(path)
        _drop_retired(overlay, where=str(path))
        _check_keys(overlay, defaults, where=str(path))
        config._dict_update(overlay)  # what Config(*keys) does with each key after the first
    config._build_keydic()
    _apply_command_line(config, argv, defaults)
    resolved = config.asdict()
    _check_types(resolved, defaults)
    _check_values(resolved)
    return resolved


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
    defaults = read_yaml(DEFAULTS)
    resolved = _merged(defaults, config)
    _check_types(resolved, defaults)
    _check_values(resolved)
    return resolved


def is_plain(config: Any) -> bool:
    """Whether this can be a configuration that came with a file: sections within sections of short, plain values."""
    if not isinstance(config, dict) or len(config) > 1000:
        return False
    return all(isinstance(key, str) and _is_plain_value(value, 5) for key, value in config.items())


def _is_plain_value(value: Any, depth: int) -> bool:
    if isinstance(value, dict | list):
        if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
            return False
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and len(value) <= 100 and all(_is_plain_value(one, depth - 1) for one in inner)
    if isinstance(value, int):
        return abs(value) < 2**63
    return value is None or isinstance(value, float) or (isinstance(value, str) and len(value) <= 10_000)


def _merged(base: dict, over: dict) -> dict:
    merged = {}
    for key, value in base.items():
        if isinstance(value, dict) and key in over and not isinstance(over[key], dict):
            raise CaptureError(f"{key} is a section; it holds keys, not {brief(over[key])}")
        inside = isinstance(value, dict) and key in over
        merged[key] = _merged(value, over[key]) if inside else over.get(key, value)
    return merged


def flatten(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("section.key", value) for every leaf."""
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flatten(value, name + ".")
        else:
            yield name, value


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(key, value in one, value in other) wherever two configurations disagree."""
    a, b = dict(flatten(one)), dict(flatten(other))
    return [(key, a.get(key), b.get(key)) for key in {**a, **b} if a.get(key) != b.get(key)]


def ignored_keys(config: dict[str, Any]) -> list[str]:
    """Keys that nothing reads and that were given a value other than the default."""
    defaults = dict(flatten(read_yaml(DEFAULTS)))
    return [key for key, value in flatten(config) if key in UNREAD and value != defaults[key]]


def nearest(name: str, known: Sequence[str]) -> str:
    """'; did you mean X?', or nothing."""
    short = {key.rsplit(".", 1)[-1]: key for key in known}
    pool = [*known, *short]
    match = difflib.get_close_matches(name, pool, n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else ""


def _check_keys(overlay: dict, defaults: dict, where: str, prefix: str = "") -> None:
    for key, value in overlay.items():
        name = f"{prefix}{key}"
        if not isinstance(key, str) or len(key) > 100:
            raise CaptureError(f"{where}: unknown key {prefix}{brief(key)}; defaults.yaml lists every key")
        if key not in defaults:
            hint = nearest(str(key), [str(k) for k in defaults]) or nearest(
                str(key), [k for k, _ in flatten(read_yaml(DEFAULTS))]
            )
            raise UnknownKey(f"{where}: unknown key {name}{hint or '; defaults.yaml lists every key'}")
        if isinstance(defaults[key], dict):
            if not isinstance(value, dict):
                raise CaptureError(f"{where}: {name} is a section; it holds keys, not {brief(value)}")
            _check_keys(value, defaults[key], where, name + ".")
        elif isinstance(value, dict):
            raise CaptureError(f"{where}: {name} is a value, such as {defaults[key]!r}, not a section")


def _drop_retired(overlay: dict, where: str) -> None:
    """Take keys out that older results have, where they were off; CaptureError where one was on."""
    for name, off in RETIRED.items():
        *sections, key = name.split(".")
        section = overlay
        for part in sections:
            section = section.get(part) if isinstance(section, dict) else None
        if isinstance(section, dict) and key in section and section.pop(key) != off:
            raise CaptureError(
                f"{where}: {name} is no longer there; a body (generator_config.body_parts) does what it did"
            )


def _apply_command_line(config: Config, argv: Sequence[str], defaults: dict) -> None:
    known = [key for key, _ in flatten(defaults)]
    argv = list(argv)
    for i in range(0, len(argv), 2):
        key = argv[i]
        if not key.startswith("--") or len(key) < 3:
            raise CaptureError(f"command line: expected --key value, found {key!r}")
        name = key.lstrip("-")
        matches = [k for k in known if k == name or k.endswith("." + name)]
        if not matches:
            raise CaptureError(f"command line: unknown key {key}{nearest(name, known)}")
        if i + 1 >= len(argv):
            raise CaptureError(f"command line: {key} needs a value")
        if len(matches) > 1 and not key.startswith("---"):
            raise CaptureError(f"command line: {key} could be {', '.join('--' + m for m in matches)}; say which")
        was = [dict(flatten(config.asdict()))[match] for match in matches]
        with contextlib.redirect_stdout(io.StringIO()):
            config.argv_update([key, argv[i + 1]])
        if any(isinstance(value, str) for value in was):  # sconf infers a type: a title such as 007 stays text
            for match in matches:
                _assign(config.get_data(), match, argv[i + 1])
        elif argv[i + 1] in ("null", "None"):
            for match in matches:
                _assign(config.get_data(), match, None)
        elif any(isinstance(value, list) for value in was):  # [1, 2] is YAML, which sconf leaves as text
            for match in matches:
                with contextlib.suppress(yaml.YAMLError):
                    _assign(config.get_data(), match, yaml.safe_load(argv[i + 1]))


def _assign(data: dict, name: str, value: Any) -> None:
    *sections, key = name.split(".")
    for section in sections:
        data = data[section]
    data[key] = value


def _check_types(config: dict, defaults: dict) -> None:
    """Every value has its default's type; an int serves as a float, and only NULLABLE keys may be null."""
    expected = dict(flatten(defaults))
    for name, value in flatten(config):
        default = expected[name]
        if value is None and name in NULLABLE:
            continue
        if isinstance(default, bool):
            good = isinstance(value, bool)
        elif isinstance(default, float) or name in NULLABLE:
            good = isinstance(value, int | float) and not isinstance(value, bool) and value == value
        elif isinstance(default, int):
            good = isinstance(value, int) and not isinstance(value, bool)
        elif isinstance(default, list):
            kind = float if isinstance(default[0], float) else int
            good = isinstance(value, list) and all(
                isinstance(v, (int, kind)) and not isinstance(v, bool) for v in value
            )
        else:
            good = isinstance(value, str) and _is_usable(value)
        if not good:
            what = (
                "a list of numbers"
                if isinstance(default, list)
                else {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}[
                    type(default).__name__
                ]
            )
            hint = " (write 1.0e-4 or 0.0001)" if isinstance(default, float) and isinstance(value, str) else ""
            raise CaptureError(f"{name}: expected {what}, such as {default!r}, found {brief(value)}{hint}")
        if isinstance(default, float):
            _assign(config, name, float(value))


def _is_usable(text: str) -> bool:
    """Whether text can be a path: nothing in it that no file system takes."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _check_values(config: dict) -> None:
    flat = dict(flatten(config))
    for name, choices in CHOICES.items():
        if flat[name] not in choices:
            raise CaptureError(
                f"{name}: expected one of {', '.join(choices)}, found {brief(flat[name])}{nearest(flat[name], choices)}"
            )
    for name, smallest in AT_LEAST.items():
        if flat[name] < smallest or flat[name] == float("inf"):
            raise CaptureError(f"{name}: expected at least {smallest}, found {flat[name]}")
    for name, value in flat.items():
        *_, section, key = name.split(".")
        most = next((AT_MOST[known] for known in (name, f"{section}.{key}", key) if known in AT_MOST), None)
        if most is not None and value is not None and value > most:
            raise CaptureError(f"{name}: expected at most {most}, found {value}")
        if name.startswith("baseline_config") and isinstance(value, int | float) and value < 0:
            raise CaptureError(f"{name}: expected at least 0, found {value}")
        if isinstance(value, list) and len(value) > 64:
            raise CaptureError(f"{name}: expected a few numbers, found {len(value)}")
    if not flat["train_config.ema_decay"] < 1:
        raise CaptureError(f"train_config.ema_decay: expected less than 1, found {flat['train_config.ema_decay']}")
    betas = flat["train_config.adam_betas"]
    if len(betas) != 2 or not all(0 <= b < 1 for b in betas):
        raise CaptureError(f"train_config.adam_betas: expected two numbers from 0 up to 1, found {betas}")
    t = flat["generator_config.dec_config.t"]
    if t is not None and not t > 0:
        raise CaptureError(f"generator_config.dec_config.t: expected a positive number or null, found {t}")


def result_folder(config: dict[str, Any]) -> Path:
    """<result_path>/<result_title>, which must name a folder of its own."""
    title = config["main_config"]["result_title"]
    if not title.isprintable() or len(os.fsencode(title)) > 200:
        raise CaptureError(f"main_config.result_title: {brief(title)} can't name a folder; give a short, plain name")
    if not title:
        raise CaptureError("main_config.result_title is empty: name the run, e.g. --result_title Fashion")
    if os.path.isabs(title) or ".." in Path(title).parts:
        raise CaptureError(f"main_config.result_title: {title!r} leaves result_path; give a plain name")
    return Path(config["main_config"]["result_path"]) / title
