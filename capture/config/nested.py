"""Nested dicts of plain values: what a configuration is to everything that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from capture.common.errors import CaptureError
from capture.config.yaml import brief

DEEPEST = 5  # sections within sections
MOST_ITEMS = 100  # in a section or a list that came with a file
LONGEST_TEXT = 10_000


def is_plain(config: Any) -> bool:
    """Whether this can be a configuration that came with a file: sections within sections of short, plain values."""
    if not isinstance(config, dict) or len(config) > 1000:
        return False
    return all(isinstance(key, str) and _is_plain_value(value, DEEPEST) for key, value in config.items())


def _is_plain_value(value: Any, depth: int) -> bool:
    if isinstance(value, dict | list):
        if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
            return False
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and len(value) <= MOST_ITEMS and all(_is_plain_value(one, depth - 1) for one in inner)
    if isinstance(value, int):
        return abs(value) < 2**63
    return value is None or isinstance(value, float) or (isinstance(value, str) and len(value) <= LONGEST_TEXT)


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


def overlaid(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` for the keys that both have.

    Raises:
        CaptureError: a section of `base` is a value in `over`.
    """
    result = {}
    for key, value in base.items():
        if key not in over:
            result[key] = value
        elif not isinstance(value, dict):
            result[key] = over[key]
        elif isinstance(over[key], dict):
            result[key] = overlaid(value, over[key])
        else:
            raise CaptureError(f"{key} is a section; it holds keys, not {brief(over[key])}")
    return result


def get_value(config: Any, name: str, default: Any = None) -> Any:
    """The value of "section.key", or `default` where there is none."""
    for part in name.split("."):
        if not isinstance(config, dict) or part not in config:
            return default
        config = config[part]
    return config


def set_value(config: dict[str, Any], name: str, value: Any) -> None:
    """Set "section.key"; sections that are missing, or are values, are made."""
    *sections, key = name.split(".")
    for section in sections:
        if not isinstance(config.get(section), dict):
            config[section] = {}
        config = config[section]
    config[key] = value


def pop_value(config: dict[str, Any], name: str) -> Any:
    """Take "section.key" out of the configuration, and its section where nothing else is in it."""
    section, _, key = name.rpartition(".")
    within = get_value(config, section) if section else config
    value = within.pop(key)
    if section and not within:
        pop_value(config, section)
    return value


def has_value(config: dict[str, Any], name: str) -> bool:
    """Whether "section.key" is set."""
    missing = object()
    return get_value(config, name, missing) is not missing
