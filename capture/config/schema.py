"""The model of a method's configuration, composed of the declarations of those who read the keys."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from pydantic import ValidationError, create_model
from pydantic.fields import FieldInfo

from capture.common.errors import CaptureError
from capture.common.options import MethodOptions, Section
from capture.common.registry import METHODS, SECTIONS, method_options, section_class
from capture.config.messages import describe, nearest
from capture.config.nested import flatten, get_value
from capture.config.yaml import brief


def check_method(name: Any) -> str:
    """The name of a registered method, or CaptureError with the nearest one."""
    if not isinstance(name, str):
        raise CaptureError(f"main_config.method: expected text, such as 'capture', found {brief(name)}")
    if name not in METHODS:
        raise CaptureError(
            f"main_config.method: expected one of {', '.join(METHODS)}, found {brief(name)}{nearest(name, METHODS)}"
        )
    return name


def method_sections(method: str) -> tuple[str, ...]:
    """The sections that a method reads beside those of every run."""
    return tuple(method_options(method).model_fields)


def config_model(method: str) -> type[Section]:
    """The whole configuration of a method: main_config, dataset_config, the method's sections, train_config."""
    return _config_model(method_options(method))


@cache
def _config_model(options: type[Section]) -> type[Section]:
    common = {name: (section_class(name), section_class(name)()) for name in SECTIONS}
    own = {name: (field.annotation, field) for name, field in options.model_fields.items()}
    last = {"train_config": common.pop("train_config")}
    fields: dict[str, Any] = {**common, **own, **last}
    return create_model("Config", __base__=Section, **fields)


def default_config(method: str) -> dict[str, Any]:
    """The configuration of a method where nobody sets anything, as nested dicts."""
    config = copy.deepcopy(_default_config(method_options(method)))
    config["main_config"]["method"] = method
    return config


@cache
def _default_config(options: type[MethodOptions]) -> dict[str, Any]:
    config = _config_model(options)().model_dump()
    _update(config, options.DEFAULTS)
    return config


def _update(config: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _update(config[key], value)
        else:
            config[key] = copy.deepcopy(value)


def validate(config: dict[str, Any], method: str) -> dict[str, Any]:
    """A complete configuration as nested dicts whose values have their declared types.

    Raises:
        CaptureError: a wrong type or value; the message is one line that names the key.
    """
    try:
        return config_model(method).model_validate(config).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(part for part in first["loc"] if isinstance(part, str))
        value, default = get_value(config, name), get_value(default_config(method), name)
        raise CaptureError(f"{name}: {describe(first, key_field(method, name), value, default)}") from None


def key_field(method: str, name: str) -> FieldInfo | None:
    """The declaration of "section.key"; None where the method has no such key."""
    model: Any = config_model(method)
    field = None
    for part in name.split("."):
        field = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, Section) else None
        if field is None:
            return None
        model = field.annotation
    return field


def key_extra(field: FieldInfo) -> dict[str, Any]:
    """What `key` noted beside type, default and help: resume, added, read."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def resume_rule(config: dict[str, Any], name: str) -> str:
    """Whether a run with this configuration may go on with another value of a key: fixed, noted or free."""
    field = key_field(config["main_config"]["method"], name)
    return str(key_extra(field).get("resume", "fixed")) if field else "fixed"


def ignored_keys(config: dict[str, Any]) -> list[str]:
    """Keys that nothing in a run of this method reads and that were given a value other than the default."""
    method = config["main_config"]["method"]
    defaults, unread = default_config(method), method_options(method).UNREAD
    return [
        name
        for name, value in flatten(config)
        if (field := key_field(method, name))
        and (name in unread or not key_extra(field).get("read", True))
        and value != get_value(defaults, name)
    ]
