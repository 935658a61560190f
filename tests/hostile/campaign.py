"""Many cases of every kind, the same for the same seed, and the table of what became of them."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.hostile.case import Case
from tests.hostile.cases import KINDS
from tests.hostile.sandbox import Server, Verdict

AT_ONCE = 50  # cases that hypothesis draws together


@dataclass
class Tally:
    """A row of the table."""

    tried: int = 0
    what: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    violations: int = 0
    cpu: float = 0.0
    memory: int = 0

    def add(self, verdict: Verdict) -> None:
        self.tried += 1
        self.what[verdict.what] += 1
        self.violations += bool(verdict.violations)
        self.cpu, self.memory = max(self.cpu, verdict.cpu), max(self.memory, verdict.memory)


def plan(count: int) -> list[str]:
    """The kind of each of `count` cases, by weight and mixed, so that a beginning is a fair sample."""
    weights = {kind: weight for kind, (weight, _) in KINDS.items()}
    total, given = sum(weights.values()), dict.fromkeys(weights, 0)
    kinds = []
    for i in range(1, count + 1):
        behind = max(weights, key=lambda kind: weights[kind] * i / total - given[kind])
        given[behind] += 1
        kinds.append(behind)
    return kinds


@functools.cache
def _strategy(kind: str) -> st.SearchStrategy[Case]:
    return KINDS[kind][1]()


def drawn(kind: str, seed: int) -> Iterator[Case]:
    """Cases of a kind without end: case i depends on the kind, the seed and i alone."""
    for batch in itertools.count():
        for case in examples(_strategy(kind), f"{seed} {kind} {batch}"):
            yield replace(case, kind=kind)


def examples(strategy: st.SearchStrategy[Any], seed: str) -> list[Any]:
    """What hypothesis makes of a strategy and a seed."""
    found: list[Any] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=AT_ONCE,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found[1:] or found  # the first is always the simplest


def run(count: int, seed: int, folder: Path, keep: Path | None = None, progress: bool = True) -> dict[str, Tally]:
    """Run `count` cases below `folder`; violations go to `keep` as files that `replay` takes."""
    from tqdm import tqdm

    server = Server(folder)
    sources: dict[str, Iterator[Case]] = {}
    tallies: dict[str, Tally] = {}
    for number, kind in enumerate(tqdm(plan(count), unit="case", disable=not progress)):
        case = next(sources.setdefault(kind, drawn(kind, seed)))
        verdict = server.run(case)
        tallies.setdefault(kind, Tally()).add(verdict)
        if verdict.violations and keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            name = f"{kind.replace(' ', '-').replace(',', '')}-{seed}-{number:05d}"
            (keep / f"{name}.json").write_text(case.dump())
            (keep / f"{name}.txt").write_text("\n".join((*verdict.violations, " ".join(case.argv), "", verdict.stderr)))
    return {kind: tallies[kind] for kind in KINDS if kind in tallies}


def table(tallies: dict[str, Tally]) -> str:
    """Markdown: what became of the cases of each kind."""
    lines = [
        "| mutated file | tried | succeeded | refused | told | violations | most s | most MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = {**tallies, "all": _sum(tallies)}
    for kind, tally in rows.items():
        what = tally.what
        lines.append(
            f"| {kind} | {tally.tried:,} | {what['succeeded']:,} | {what['refused']:,} | {what['told']:,} "
            f"| {tally.violations:,} | {tally.cpu:.1f} | {tally.memory / 2**20:,.0f} |"
        )
    return "\n".join(lines)


def _sum(tallies: dict[str, Tally]) -> Tally:
    total = Tally()
    for tally in tallies.values():
        total.tried += tally.tried
        total.violations += tally.violations
        total.cpu, total.memory = max(total.cpu, tally.cpu), max(total.memory, tally.memory)
        for what, number in tally.what.items():
            total.what[what] += number
    return total
