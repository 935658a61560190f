"""Whether the keys of a file are keys of the method that is asked for."""

from __future__ import annotations

from typing import Any

from capture.common.errors import CaptureError
from capture.common.registry import METHODS
from capture.config.messages import nearest
from capture.config.nested import flatten, get_value, has_value
from capture.config.schema import default_config, method_sections
from capture.config.yaml import brief


class UnknownKey(CaptureError):
    """A file sets a key that the method does not read."""


def check_keys(overlay: dict[str, Any], method: str, where: str) -> dict[str, Any]:
    """The keys of a file that the method reads.

    A section of another method may stand in the file if it says no more than that method's defaults do: it is left out.

    Raises:
        UnknownKey: a key that the method does not read, with the nearest one.
        CaptureError: a section where a value belongs, or the other way round.
    """
    defaults = default_config(method)
    own = {}
    for section, value in overlay.items():
        others = [] if section in defaults or not isinstance(section, str) else _methods_with(section)
        if others:
            _check_foreign_section(section, value, others, method, where)
        else:
            own[section] = value
    _check_own_keys(own, defaults, method, where)
    return own


def readers(name: str) -> list[str]:
    """The methods that read a key, given with or without its section."""
    return [
        method
        for method in METHODS
        if any(key == name or key.endswith("." + name) for key, _ in flatten(default_config(method)))
    ]


def who_reads(methods: list[str]) -> str:
    """The methods that read a key, for messages."""
    return f"; method {methods[0]} does" if len(methods) == 1 else f"; methods {' and '.join(methods)} do"


def key_list(method: str) -> str:
    """Where to look keys up, for messages."""
    return f"; {'defaults.yaml' if method == 'capture' else f'configs/{method}.yaml'} lists every key"


def _methods_with(section: str) -> list[str]:
    return [method for method in METHODS if section in method_sections(method)]


def _nested(key: str) -> str:
    """A key "section.key" as YAML has it: "section: {key: ...}"."""
    *sections, last = key.split(".")
    return ": {".join([*sections, last]) + ": ..." + "}" * len(sections)


def _check_foreign_section(section: str, value: Any, others: list[str], method: str, where: str) -> None:
    defaults = [default_config(other) for other in others]
    given = list(flatten({section: value}))
    if any(all(has_value(one, key) and get_value(one, key) == theirs for key, theirs in given) for one in defaults):
        return
    name = next(key for key, theirs in given if get_value(defaults[0], key) != theirs)
    known = [key for one in defaults for key, _ in flatten(one)]
    why = who_reads(others) if has_value(defaults[0], name) else nearest(name[:100], known)
    raise UnknownKey(f"{where}: method {method} does not read {name[:100]}{why}")


def _check_own_keys(
    overlay: dict[str, Any], defaults: dict[str, Any], method: str, where: str, prefix: str = ""
) -> None:
    for key, value in overlay.items():
        name = f"{prefix}{key}"
        if not isinstance(key, str) or len(key) > 100:
            raise CaptureError(f"{where}: unknown key {prefix}{brief(key)}{key_list(method)}")
        if key not in defaults:
            if has_value(defaults, key):
                raise CaptureError(f"{where}: {name} is a key in a section; write {_nested(name)}")
            everywhere = [known for known, _ in flatten(default_config(method))]
            hint = nearest(key, list(defaults)) or nearest(key, everywhere) or key_list(method)
            others = [other for other in METHODS if has_value(default_config(other), name)]
            if others:
                raise UnknownKey(f"{where}: method {method} does not read {name}{who_reads(others)}")
            raise UnknownKey(f"{where}: unknown key {name}{hint} (method {method})")
        if isinstance(defaults[key], dict):
            if not isinstance(value, dict):
                raise CaptureError(f"{where}: {name} is a section; it holds keys, not {brief(value)}")
            _check_own_keys(value, defaults[key], method, where, name + ".")
        elif isinstance(value, dict):
            raise CaptureError(f"{where}: {name} is a value, such as {defaults[key]!r}, not a section")
