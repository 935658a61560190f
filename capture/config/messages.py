"""What is said about a key or a value that the configuration can't have: one line, for people."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from capture.config.yaml import brief

KINDS = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "string_type": "text",
    "list_type": "a list of numbers",
}


def nearest(name: str, known: Collection[str]) -> str:
    """'; did you mean X?', or nothing."""
    pool = [*known, *{key.rsplit(".", 1)[-1]: key for key in known}]
    match = difflib.get_close_matches(name, pool, n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else ""


def choices(annotation: Any) -> tuple[str, ...]:
    """The choices of a Literal type; () for another type."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def is_nullable(annotation: Any) -> bool:
    """Whether null is a value of this type."""
    return NoneType in get_args(annotation)


def describe(error: Any, field: FieldInfo | None, value: Any, default: Any) -> str:
    """One of pydantic's errors in words: what was expected and what was found.

    Args:
        error: an item of ValidationError.errors().
        field: the key's declaration.  value: what it was given.  default: what it has where nobody sets it.
    """
    kind, context, found = error["type"], error.get("ctx", {}), brief(value)
    or_null = " or null" if field and is_nullable(field.annotation) else ""
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        known = choices(field.annotation) if field else ()
        return f"expected one of {', '.join(known)}, found {found}{nearest(str(value)[:100], known)}"
    if kind == "greater_than_equal":
        return f"expected at least {_number(context['ge'])}{or_null}, found {found}"
    if kind == "less_than_equal":
        return f"expected at most {_number(context['le'])}{or_null}, found {found}"
    if kind == "less_than":
        return f"expected less than {_number(context['lt'])}{or_null}, found {found}"
    if kind == "greater_than":
        least = "a positive number" if context["gt"] == 0 else f"more than {_number(context['gt'])}"
        return f"expected {least}{or_null}, found {found}"
    if kind == "too_short":
        return f"expected at least {context['min_length']} numbers, found {found}"
    if kind == "too_long":
        return f"expected at most {context['max_length']} numbers, found {found}"
    if kind in KINDS:
        what = KINDS["list_type"] if isinstance(default, list) else KINDS[kind] + or_null
        hint = " (write 1.0e-4 or 0.0001)" if kind == "float_type" and _is_exponent(value) else ""
        return f"expected {what}, such as {default!r}, found {found}{hint}"
    if kind == "extra_forbidden":
        return "unknown key"
    return f"{error['msg'][:100]}, found {found}"


def _number(value: float) -> str:
    return str(int(value) if value == int(value) else value)


def _is_exponent(value: Any) -> bool:
    """Whether this is text that is meant as a number: YAML 1.1 reads 1e-4 as text."""
    try:
        return isinstance(value, str) and "e" in value.lower() and float(value) == float(value)
    except ValueError:
        return False
