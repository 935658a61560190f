"""Configurations as YAML text."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any

import yaml

from capture.io.yaml_file import read_mapping


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A configuration file, whose top level is a mapping; CaptureError where it is none."""
    return read_mapping(path, "configuration", "sections such as train_config")


def dump_yaml(config: dict[str, Any]) -> str:
    """The configuration as YAML text, keys in their order."""
    return yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=120)


def brief(value: Any) -> str:
    """A value for a message, never long."""
    text = reprlib.repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
