"""Many cases of every kind, the same for the same seed, and the table of what became of them."""

from __future__ import annotations

import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from tqdm import tqdm

from tests.reliability.hostile import seeds
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.cases import KINDS
from tests.reliability.hostile.sandbox import Server, Verdict

AT_ONCE = (8, 50)  # cases that hypothesis draws together: at first, and then


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
        for case in examples(_strategy(kind), f"{seed} {kind} {batch}", AT_ONCE[batch > 0]):
            yield replace(case, kind=kind)


def examples(strategy: st.SearchStrategy[Any], seed: str, count: int) -> list[Any]:
    """What hypothesis makes of a strategy and a seed."""
    found: list[Any] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
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


def run(server: Server, count: int, seed: int, keep: Path | None = None, kept: dict[str, Case] | None = None):
    """Run `kept` cases and `count` fresh ones; what violates goes to `keep`, as files that --replay takes.

    Returns:
        The tally of each kind; of all kept cases one.
    """
    fresh = {kind: drawn(kind, seed) for kind in KINDS}
    tallies: dict[str, Tally] = {}
    work: list[tuple[str, Case | None]] = [*(kept or {}).items(), *((kind, None) for kind in plan(count))]
    for number, (name, case) in enumerate(tqdm(work, unit="case", mininterval=1)):
        row = "kept" if case else name
        case = case or next(fresh[name])
        verdict = server.run(case)
        tallies.setdefault(row, Tally()).add(verdict)
        if verdict.violations and keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            stem = re.sub(r"[^A-Za-z0-9]+", "-", f"{name}-{seed}-{number:05d}")
            (keep / f"{stem}.json").write_text(seeds.dump(case))
            (keep / f"{stem}.txt").write_text("\n".join((*verdict.violations, " ".join(case.argv), "", verdict.stderr)))
    return {row: tallies[row] for row in ("kept", *KINDS) if row in tallies}


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
