"""The order of the tests, so that the processes of `pytest -n 2 --dist worksteal` end together.

The files that take longest come first, and every process begins with some of them; the many short tests, which another
process can take over, come last. `durations.json` beside this file has the seconds of the files that take longest, of
one core. To measure them again:

    python -m pytest -n 2 --dist worksteal --junitxml out/report.xml
    python -m tests.helpers.order out/report.xml
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

DURATIONS = Path(__file__).with_name("durations.json")
ROOT = Path(__file__).resolve().parents[2]
LONG = 2.0  # seconds of a file that is worth a line in DURATIONS

Test = TypeVar("Test")


def read_durations() -> dict[str, float]:
    """File below the checkout -> seconds of its tests."""
    return json.loads(DURATIONS.read_text())


def in_order(
    tests: Iterable[Test], file_of: Callable[[Test], str], seconds: Mapping[str, float], processes: int
) -> list[Test]:
    """The tests with those of one file together, in one list that is cut into equal parts for the processes.

    Every part starts with long files, the longest first, and ends with short ones. The parts have as many tests as one
    another, because that is how the list is cut, and where the many short tests allow it the same time of long files.

    Args:
        seconds: of long files. Files that are not in it are short.
    """
    files: dict[str, list[Test]] = defaultdict(list)
    for test in tests:
        files[file_of(test)].append(test)
    parts: list[list[Test]] = [[] for _ in range(processes)]
    taken = [0.0] * processes
    for file in sorted(files.keys() & seconds.keys(), key=lambda name: (-seconds[name], name)):
        part = taken.index(min(taken))
        parts[part] += files[file]
        taken[part] += seconds[file]
    short = [test for file, some in files.items() if file not in seconds for test in some]
    size = (len(short) + sum(map(len, parts))) // processes
    for part in parts[:-1]:
        missing = max(size - len(part), 0)
        part += short[:missing]
        del short[:missing]
    parts[-1] += short
    return [test for part in parts for test in part]


def measured(report: Path) -> dict[str, float]:
    """File -> seconds of the files of LONG seconds or more, the longest first, from a report of `pytest --junitxml`."""
    files: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(report).iter("testcase"):
        parts = list(filter(None, case.get("classname", "").split(".")))
        while parts and not ROOT.joinpath(*parts).with_suffix(".py").is_file():
            parts.pop()  # classes
        if parts:
            files["/".join(parts) + ".py"] += float(case.get("time", 0))
    longest = sorted(files.items(), key=lambda item: -item[1])
    return {name: round(seconds, 1) for name, seconds in longest if seconds >= LONG}


if __name__ == "__main__":
    DURATIONS.write_text(json.dumps(measured(Path(sys.argv[1])), indent=1) + "\n")
