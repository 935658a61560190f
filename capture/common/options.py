"""Keys of the configuration, declared once: type, default, help text, bounds, choices, and what resuming may change.

A room that reads keys declares them in its `options.py` as a `Section`, with `key` for each:

    class TrainConfig(Section):
        seed: int = key(777, "of weights, samples and noise", ge=0)
        precision: Literal["fp32", "bf16", "auto"] = key("fp32", "type of the networks' arithmetic", resume="noted")

capture.config reads these declarations; nothing else repeats them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Resume = Literal["fixed", "noted", "free"]


class Section(BaseModel):
    """A section of the configuration: only declared keys, strict types."""

    model_config = ConfigDict(extra="forbid", strict=True, validate_default=True, protected_namespaces=())


def key(
    default: Any,
    help: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    resume: Resume = "fixed",
    added: bool = True,
    read: bool = True,
) -> Any:
    """One key of a Section.

    Args:
        default: its value where nobody sets it.  help: one line for defaults.yaml.
        ge, le: the smallest and the largest value that it may have.
        resume: whether a run may go on with another value: fixed (refused), noted (allowed, with a line in the log) or
            free (allowed: nothing that is computed depends on it).
        added: the published release does not have this key; defaults.yaml marks it with (+).
        read: false for a key of the release that nothing reads, kept so that old files load.
    """
    extra = {"resume": resume, "added": added, "read": read}
    if isinstance(default, Section | list):
        return Field(
            default_factory=lambda: default.model_copy(deep=True) if isinstance(default, Section) else [*default],
            description=help,
            json_schema_extra=extra,
        )
    return Field(default, description=help, ge=ge, le=le, json_schema_extra=extra)
