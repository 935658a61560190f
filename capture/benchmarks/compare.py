"""What became slower between two results of benchmark.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from capture.benchmarks.runner import key
from capture.common.errors import CaptureError

TIMED = {"ms", "low_ms", "high_ms"}  # of a row that can be compared; rows of attention have no spread in numbers


def read_results(path: Path) -> dict[str, Any]:
    """A JSON file that benchmark.py wrote.

    Raises:
        CaptureError: it can't be read, or is something else.
    """
    try:
        results = json.loads(path.read_text())
        if isinstance(results["machine"], dict) and isinstance(results["parts"], dict):
            return dict(results)
    except OSError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        pass
    raise CaptureError(f"{path}: not a result of benchmark.py; give the JSON file that it wrote with --out")


def compare_results(old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], int]:
    """Lines about what two results have in common, and how many of them are slower by more than the spread.

    Slower or faster is what has no time in common: the fastest repeat of one was slower than the slowest of the other.
    """
    lines = [
        f"note: {name} differs: {old['machine'].get(name)} before, {new['machine'].get(name)} now"
        for name in ("name", "instructions", "cores", "threads", "torch")
        if old["machine"].get(name) != new["machine"].get(name)
    ]
    found: dict[str, list[str]] = {"slower": [], "faster": []}
    common = 0
    for part, rows in new["parts"].items():
        before = {key(row): row for row in old["parts"].get(part, []) if row.keys() >= TIMED}
        for row in rows:
            was = before.get(key(row))
            if was is None or not row.keys() >= TIMED:
                continue
            common += 1
            verdict = "slower" if row["low_ms"] > was["high_ms"] else "faster" if row["high_ms"] < was["low_ms"] else ""
            if verdict:
                found[verdict].append(
                    f"{verdict}: {part}, {row['subject']}, batch {row['batch']}, {row['way']}: {row['ms']:.4g} ms "
                    f"({row['low_ms']:.4g} to {row['high_ms']:.4g}), before {was['ms']:.4g} "
                    f"({was['low_ms']:.4g} to {was['high_ms']:.4g})"
                )
    slower = len(found["slower"])
    total = f"{common} in common: {slower} slower, {len(found['faster'])} faster, by more than their spreads"
    return [*lines, *found["slower"], *found["faster"], total], slower
