"""`prepare.py check`: what a dataset folder holds, and everything that is wrong with it.

The steps are walk -> inventory -> pictures (decoding) -> structure, framing, rows, copies (findings) -> report, fix.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from capture.data.check.copies import find_copies
from capture.data.check.findings import Findings
from capture.data.check.fix import FIXABLE, set_aside
from capture.data.check.framing import check_framing
from capture.data.check.inventory import Inventory, take_inventory
from capture.data.check.pictures import Pictures, decode_all
from capture.data.check.report import print_moves, print_report, write_json
from capture.data.check.rows import check_pairs
from capture.data.check.structure import check_structure
from capture.data.check.summary import summarise
from capture.data.index.catalog import find_root


@dataclass
class CheckResult:
    """The result of a check.

    Attributes:
        table: a summary for people, name -> value.
    """

    inventory: Inventory
    pictures: Pictures
    findings: Findings
    table: dict[str, str]


def examine(root: Path, workers: int | None = None, progress: bool = True) -> CheckResult:
    """Check a dataset folder without changing anything.

    Raises:
        CaptureError: `root` is no dataset folder.
    """
    findings = Findings()
    inventory = take_inventory(root, findings)
    pictures = decode_all(inventory, workers, progress)
    check_framing(inventory, pictures, findings)
    check_structure(inventory, pictures.counts(inventory), findings)
    pairs = check_pairs(inventory, pictures, findings)
    find_copies(inventory, pictures, findings, workers, progress)
    return CheckResult(inventory, pictures, findings, summarise(inventory, pictures, pairs))


def check(
    path: Path, fix: bool = False, json_file: Path | None = None, workers: int | None = None, progress: bool = True
) -> int:
    """Check a dataset folder and print the findings.

    Args:
        fix: set broken files and rows of pairs aside, and check again.
        json_file: a file for all findings, in full.
        workers: how many processes; None for one on each core.
    Returns:
        The exit status: 0 if nothing is wrong at the end, otherwise 1.
    Raises:
        CaptureError: `path` is no dataset folder, or a file can't be written.
    """
    root = find_root(path)
    checked, moves = examine(root, workers, progress), []
    print_report(root, checked.table, checked.findings.all, json_file)
    if fix:
        moves = set_aside(checked.inventory, checked.pictures, checked.findings)
        print_moves(moves)
        if moves:
            checked = examine(root, workers, progress)
            print_report(root, checked.table, checked.findings.all, json_file)
    if json_file:
        write_json(json_file, root, checked.table, checked.findings.all, moves)
    failed = checked.findings.failed
    broken = bool(checked.pictures.errors) or bool(checked.findings.items(*FIXABLE))
    hint = "; --fix sets aside what is broken" if broken and not fix else ""
    print(f"something is wrong: see above{hint}" if failed else "nothing wrong")
    return int(failed)
