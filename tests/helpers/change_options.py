"""Change keys in a method's section of a configuration by their names."""

from __future__ import annotations

from typing import Any


def change_options(options: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same section, with keys changed in place: key=value, or section__key=value for nested sections."""
    for name, value in changes.items():
        *sections, key = name.split("__")
        place = options
        for section in sections:
            place = place[section]
        assert key in place, name
        place[key] = value
    return options
