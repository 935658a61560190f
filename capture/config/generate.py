"""defaults.yaml and configs/<method>.yaml, written from the declarations of the keys."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from capture.common.registry import METHODS, SECTIONS, method_options
from capture.config.messages import choices
from capture.config.schema import config_model, default_config, key_extra, method_sections

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 120  # of a line
COLUMN = 34  # comments begin here, or further right where a value is longer
WRITTEN = "python -m capture.config writes this file"
DEFAULTS_HEADER = (
    "Every key of CaPTURe with its default. The values are those of the published release; (+) marks a key that the "
    "release does not have. configs/<method>.yaml has the keys of every other method.",
    "Files that come after this one hold differences only. The command line sets any key: --batch_size 8, or with its "
    f"section where a name occurs twice: --idenE_config.c 32. {WRITTEN}.",
)
Line = tuple[str, str]  # YAML, comment


def generated_files() -> dict[Path, str]:
    """Path, relative to the repository, -> text of every default file."""
    return {default_file(method): default_text(method) for method in METHODS}


def default_file(method: str) -> Path:
    """Where the defaults of a method stand, relative to the repository."""
    return Path("defaults.yaml") if method == "capture" else Path("configs") / f"{method}.yaml"


def default_text(method: str) -> str:
    """The default file of a method: for CaPTURe every key, for the others what differs from it and their own keys."""
    config, fields = default_config(method), config_model(method).model_fields
    header: tuple[str, ...]
    if method == "capture":
        header, values = DEFAULTS_HEADER, config
    else:
        own = {section: config[section] for section in method_sections(method)}
        values = {**_differing(method, config), **own}
        about = inspect.cleandoc(method_options(method).__doc__ or "").split("\n\n")[0].replace("\n", " ")
        header = (f"Defaults of method {method}. {about} {WRITTEN}.",)
    values = {section: values[section] for section in fields if section in values}
    text = ["\n".join(_comment(paragraph)) + "\n" for paragraph in header]
    for section, inside in values.items():
        field, added = fields[section], method != "capture"
        comment = "" if section in SECTIONS else _help(section, field, added)
        lines = [(f"{section}:", comment), *_lines(field.annotation, inside, "  ", added)]
        text.append("\n" + "".join(_aligned(lines)))
    return "".join(text)


def _differing(method: str, config: dict[str, Any]) -> dict[str, Any]:
    """The method's name, and the common keys whose defaults it changes."""
    changed: dict[str, dict[str, Any]] = method_options(method).DEFAULTS
    return {"main_config": {"method": method}} | {
        section: _like(values, config[section]) for section, values in changed.items()
    }


def _like(keys: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The values that `config` has for the keys of a nested dict, in its order."""
    return {
        key: _like(keys[key], value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key in keys
    }


def _lines(model: Any, values: dict[str, Any], indent: str, parent_added: bool) -> Iterator[Line]:
    for key, value in values.items():
        field = model.model_fields[key]
        comment = _help(key, field, parent_added)
        if isinstance(value, dict):
            yield f"{indent}{key}:", comment
            added = parent_added or bool(key_extra(field).get("added"))
            yield from _lines(field.annotation, value, indent + "  ", added)
        else:
            yield f"{indent}{key}: {_value(value)}", comment


def _help(key: str, field: FieldInfo, parent_added: bool) -> str:
    """What stands beside a key: (+) where the release lacks it, its help and choices, no word that the key says."""
    text = field.description or ""
    if text == key.removesuffix("_config"):
        return ""
    known = choices(field.annotation)
    if not all(choice in text for choice in known):
        text = f"{text}: {' | '.join(known)}"
    if key_extra(field).get("added") and not parent_added:
        text = f"(+) {text}"
    return text


def _value(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _aligned(lines: list[Line]) -> Iterator[str]:
    column = max(COLUMN, *(len(text) + 2 for text, _ in lines if len(text) < COLUMN + 3))
    for text, comment in lines:
        at = max(column, len(text) + 2)
        rows = textwrap.wrap(comment, WIDTH - at - 2, break_long_words=False, break_on_hyphens=False)
        yield f"{text:<{at}}# {rows[0]}\n" if rows else f"{text}\n"
        for row in rows[1:]:
            yield f"{'':<{at}}# {row}\n"


def _comment(text: str) -> list[str]:
    return [f"# {row}" for row in textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)]
