"""What a check has to say: findings, each of one kind, with everything that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Item(NamedTuple):
    """One thing that a finding is about: its path below the dataset folder (or a character's name), and why."""

    path: str
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """Things that are alike in what is the matter with them.

    Attributes:
        code: for programs, the same for ever.
        text: for people, read after the number of items: "frames can't be decoded".
        wrong: False for what is good to know but nothing to put right; only what is wrong makes a check fail.
    """

    code: str
    text: str
    items: tuple[Item, ...]
    wrong: bool = True


@dataclass
class Findings:
    """All that was found, in the order it was."""

    all: list[Finding] = field(default_factory=list)

    def wrong(self, code: str, text: str, items: Iterable[Item]) -> None:
        """Something to put right, unless there is none of it."""
        self._add(Finding(code, text, tuple(items)))

    def note(self, code: str, text: str, items: Iterable[Item]) -> None:
        """Something to know, unless there is none of it."""
        self._add(Finding(code, text, tuple(items), wrong=False))

    def _add(self, finding: Finding) -> None:
        if finding.items:
            self.all.append(finding)

    @property
    def failed(self) -> bool:
        return any(finding.wrong for finding in self.all)

    def items(self, *codes: str) -> list[Item]:
        """What the findings of these kinds are about."""
        return [item for finding in self.all if finding.code in codes for item in finding.items]
