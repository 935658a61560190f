"""The report of a check: a short table and findings for people, everything as JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from capture.common.files import write_bytes
from capture.data.check.findings import Finding

NAMED = 3  # items printed of each fault; of a note one is printed
WIDEST = 160  # characters printed of one item


def print_report(root: Path, table: dict[str, str], findings: Iterable[Finding], json_file: Path | None) -> None:
    """Print the table, and of each finding the number of items and the first few."""
    _print(str(root))
    width = max(map(len, table))
    for name, value in table.items():
        _print(f"  {name:<{width}}  {value}")
    for wrong, heading in ((True, "wrong"), (False, "good to know")):
        chosen = [finding for finding in findings if finding.wrong == wrong]
        if chosen:
            _print(f"{heading}:")
        for finding in chosen:
            _print_finding(finding, json_file)


def print_moves(moves: list[tuple[str, str]]) -> None:
    """Print which files were set aside."""
    _print("set aside:" if moves else "nothing to set aside")
    if moves:
        _print(f"  {len(moves):>7,}  files")
    for source, target in moves[:NAMED]:
        _print(f"{' ' * 13}{_brief(source)} -> {_brief(target)}")
    if len(moves) > NAMED:
        _print(f"{' ' * 13}... and {len(moves) - NAMED:,} more")


def write_json(
    path: Path, root: Path, table: dict[str, str], findings: Iterable[Finding], moves: list[tuple[str, str]]
) -> None:
    """Write everything, with full names: {version, dataset, summary, ok, findings: [...], set_aside: [...]}.

    Bytes of a name that aren't text are lone surrogates, as os.fsdecode returns them.
    """
    findings = list(findings)
    content: dict[str, Any] = {
        "version": 1,
        "dataset": str(root),
        "ok": not any(finding.wrong for finding in findings),
        "summary": table,
        "findings": [
            {
                "code": finding.code,
                "wrong": finding.wrong,
                "count": len(finding.items),
                "text": finding.text,
                "items": [item._asdict() for item in finding.items],
            }
            for finding in findings
        ],
        "set_aside": [{"from": source, "to": target} for source, target in moves],
    }
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def _print_finding(finding: Finding, json_file: Path | None) -> None:
    _print(f"  {len(finding.items):>7,}  {finding.text}")
    named = NAMED if finding.wrong else 1
    for item in finding.items[:named]:
        _print(" " * 13 + _brief(f"{item.path}: {item.detail}" if item.detail else item.path))
    if len(finding.items) > named:
        where = f"in {json_file}" if json_file else "--json FILE lists them"
        _print(f"{' ' * 13}... and {len(finding.items) - named:,} more ({where})")


def _brief(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def _print(line: str) -> None:
    """Print a line, with escapes for characters that a terminal can't show or would obey."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding))
