"""How keys of the configuration are declared, once each: type, default, help text, bounds, choices, resume rule.

A module that reads keys declares them in the `options.py` of its package as a `Section`, with `key` for each:

    class TrainConfig(Section):
        seed: int = key(777, "seed of weights, samples and noise", ge=0)
        precision: Literal["fp32", "bf16", "auto"] = key("fp32", "arithmetic of the networks", resume="noted")

capture.config reads these declarations; nothing else repeats them.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator

Resume = Literal["fixed", "noted", "free"]
LONGEST_LIST = 64  # values; no list of the configuration needs more


def _reciprocal(value: float) -> float:
    """Pictures are shrunk by leaving out all pixels but every nth."""
    if abs(1 / value - round(1 / value)) > 1e-6:
        raise ValueError("must be 1 divided by a whole number, such as 1, 0.5, 0.3333333 or 0.25")
    return value


Scale = Annotated[float, Field(ge=0.01, le=1), AfterValidator(_reciprocal)]  # by which pictures are shrunk
Scales = Annotated[list[Scale], Field(min_length=1, max_length=LONGEST_LIST)]


class Section(BaseModel):
    """A section of the configuration: only declared keys, strict types, finite numbers, short lists, usable text."""

    model_config = ConfigDict(
        extra="forbid", strict=True, validate_default=True, allow_inf_nan=False, protected_namespaces=()
    )

    @field_validator("*", mode="after")
    @classmethod
    def _is_reasonable(cls, value: Any) -> Any:
        if isinstance(value, list) and len(value) > LONGEST_LIST:
            raise ValueError(f"expected a few numbers, found {len(value)}")
        if isinstance(value, str) and not _is_usable(value):
            raise ValueError(f"expected text that a file system takes, found {value[:100]!r}")
        return value


class MethodOptions(Section):
    """The sections that a method reads: the base of `Options` in the options.py of a method's room.

    Its fields are sections, by their names in the configuration.

    Attributes:
        DEFAULTS: section -> key -> value, where the method's default differs from the one that a common section has.
        UNREAD: keys of common sections that the method does not read, as "section.key".
    """

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {}
    UNREAD: ClassVar[frozenset[str]] = frozenset()


def key(
    default: Any,
    help: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    resume: Resume = "fixed",
    added: bool = True,
    read: bool = True,
) -> Any:
    """One key of a Section.

    Args:
        default: its value where the configuration does not set it: a plain value, a list or a Section.
        help: one line for defaults.yaml. The choices of a Literal type are appended unless the line names all of them.
        ge, gt, le, lt: bounds of a number: at least, more than, at most, less than. The bounds of a list's items
            are written in its type: list[Annotated[float, Field(ge=0)]].
        resume: whether a run may go on with another value: fixed (refused), noted (allowed, with a line in the log) or
            free (allowed: nothing that is computed depends on it).
        added: the published release does not have this key; defaults.yaml marks it with (+).
        read: false for a key of the release that nothing reads, kept so that old files load.
    """
    extra: dict[str, JsonValue] = {"resume": resume, "added": added, "read": read}
    if isinstance(default, Section):
        return Field(default_factory=lambda: default.model_copy(deep=True), description=help, json_schema_extra=extra)
    if isinstance(default, list):
        return Field(default_factory=lambda: [*default], description=help, json_schema_extra=extra)
    return Field(default, description=help, ge=ge, gt=gt, le=le, lt=lt, json_schema_extra=extra)


def _is_usable(text: str) -> bool:
    """Whether text can be a path: it has no character that file systems do not allow."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
