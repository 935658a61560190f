"""The findings of a check: each is of one kind, and lists everything that it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Item(NamedTuple):
    """One thing that a finding concerns: its path below the dataset folder, or a character's name; and the reason."""

    path: str
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """Things with the same fault.

    Attributes:
        code: an identifier for programs, which never changes.
        text: for people; it follows the number of items: "frames can't be decoded".
        wrong: whether it makes the check fail; False for a note.
    """

    code: str
    text: str
    items: tuple[Item, ...]
    wrong: bool = True


@dataclass
class Findings:
    """All findings, in order."""

    all: list[Finding] = field(default_factory=list)

    def wrong(self, code: str, text: str, items: Iterable[Item]) -> None:
        """Add a fault, unless there are no items."""
        self._add(Finding(code, text, tuple(items)))

    def note(self, code: str, text: str, items: Iterable[Item]) -> None:
        """Add a note, unless there are no items."""
        self._add(Finding(code, text, tuple(items), wrong=False))

    def _add(self, finding: Finding) -> None:
        if finding.items:
            self.all.append(finding)

    @property
    def failed(self) -> bool:
        return any(finding.wrong for finding in self.all)

    def items(self, *codes: str) -> list[Item]:
        """The items of all findings with these codes."""
        return [item for finding in self.all if finding.code in codes for item in finding.items]
