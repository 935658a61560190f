"""Join the tables of evaluations that were made apart into one, with intervals and paired tests over all rows.

    python -m tools.join_tables result/table1/evaluation result/table2/evaluation --out result/joined

Rows of `make table` can so be trained on several machines, or at different times, and be compared pair by pair without
each other's weights and pictures. A folder needs the files pairs.csv and table.jsonl that evaluate.py writes. All must
have measured the same pairs with the same protocol: the rows in which an input is returned unchanged must agree.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_bytes
from capture.evaluation.significance import judge
from capture.evaluation.table import Line, Table, mean
from capture.metrics.choice import LOWER_IS_BETTER, METRICS, columns

AGREEMENT = 5e-4  # by which a number of one picture may differ between two processors
PICTURES = ("identity", "pose", "target")  # columns of pairs.csv
ROUNDING = 1e-5  # pairs.csv has six digits
NEEDS = "it needs pairs.csv and table.jsonl as evaluate.py writes them"


@dataclass(frozen=True)
class Evaluation:
    """What evaluate.py wrote into one folder.

    Attributes:
        keys: the metrics with a number for every pair.
        pairs: of each pair its number and the names of its three pictures, without their folders.
        values: method -> float64 (N, K), in the order of `pairs` and `keys`; NaN where a pair has no number.
        lines: method -> its line of the table; published lines are left out.
    """

    folder: Path
    keys: tuple[str, ...]
    pairs: tuple[tuple[str, ...], ...]
    values: dict[str, Tensor]
    lines: dict[str, dict[str, Any]]

    @property
    def protocol(self) -> dict[str, str]:
        protocol: dict[str, str] = next(iter(self.lines.values()))["protocol"]
        return protocol


def read_evaluation(folder: Path) -> Evaluation:
    """Read what evaluate.py wrote.

    Raises:
        CaptureError: a file is missing or is not as evaluate.py writes it.
    """
    try:
        lines = [json.loads(line) for line in (folder / "table.jsonl").read_text(encoding="utf-8").splitlines()]
        rows = list(csv.DictReader(io.StringIO((folder / "pairs.csv").read_text(encoding="utf-8"), newline="")))
        measured = {str(line["method"]): line for line in lines if line["kind"] != "published"}
        keys = tuple(key for key in rows[0] if key in LOWER_IS_BETTER)
        pairs: dict[str, list[tuple[str, ...]]] = {name: [] for name in measured}
        values: dict[str, list[list[float]]] = {name: [] for name in measured}
        for row in rows:
            if None in row.values():  # the file is cut off in this line
                raise ValueError
            pairs[row["method"]].append((row["pair"], *(_file_name(row[role]) for role in PICTURES)))
            values[row["method"]].append([float(row[key] or math.nan) for key in keys])
        several = {tuple(of_method) for of_method in pairs.values()}
        (common,) = several
        if not common or not all(isinstance(line["protocol"], dict) for line in measured.values()):
            raise ValueError
        for name, line in measured.items():
            for key, numbers in zip(keys, zip(*values[name])):
                if line.get(key) is not None and not abs(mean(numbers) - line[key]) < ROUNDING:
                    raise ValueError
    except OSError as error:
        raise CaptureError(f"{error.filename}: can't be read ({error.strerror}); {NEEDS}") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, csv.Error):
        raise CaptureError(f"{folder}: its pairs.csv and table.jsonl do not fit each other; {NEEDS}") from None
    tensors = {name: torch.tensor(numbers, dtype=torch.float64) for name, numbers in values.items()}
    return Evaluation(folder, keys, common, tensors, measured)


def check(first: Evaluation, other: Evaluation) -> None:
    """CaptureError where two evaluations did not measure the same pairs in the same way."""
    where = f"{first.folder} and {other.folder}"
    if first.keys != other.keys:
        raise CaptureError(f"{where}: other metrics; give evaluate.py the same --metrics")
    if first.pairs != other.pairs:
        raise CaptureError(f"{where}: other pairs; give evaluate.py the same --pairs and --limit")
    for what in (*first.protocol, *other.protocol):
        if _essence(what, first.protocol.get(what)) != _essence(what, other.protocol.get(what)):
            raise CaptureError(
                f"{where}: {what} is measured otherwise: {first.protocol.get(what)} / {other.protocol.get(what)}"
            )
    for name in (name for name in first.values if name in other.values):
        if first.lines[name]["kind"] not in ("floor", "reference"):
            raise CaptureError(f"{where}: both have a row {name}; give one of the results another name")
        apart = _distance(first.values[name], other.values[name])
        if apart > AGREEMENT:
            raise CaptureError(
                f"{where}: {name} differs by {apart:.4f} in a pair, so the pictures are not the same; "
                "render the dataset again, with the same version"
            )


def join(evaluations: Sequence[Evaluation]) -> Table:
    """One table of all rows, the floors first.

    Raises:
        CaptureError: two evaluations did not measure the same pairs in the same way, or have a row of one name.
    """
    first = evaluations[0]
    for one in evaluations:
        if not any(line.get("intervals") for line in one.lines.values()):
            raise CaptureError(f"{one.folder}: measured with --no_intervals; evaluate again without that option")
    for k, other in enumerate(evaluations):
        for before in evaluations[:k]:
            check(before, other)
    kept = {name: (line, evaluation) for evaluation in reversed(evaluations) for name, line in evaluation.lines.items()}
    order = [name for evaluation in evaluations for name in evaluation.lines]
    order = sorted(dict.fromkeys(order), key=lambda name: kept[name][0]["kind"] != "floor")
    headings = columns(tuple(METRICS))
    shown = [key for key in headings if key in kept[order[0]][0]]
    lines = []
    for name in order:
        line, _ = kept[name]
        cells = {key: math.nan if line.get(key) is None else float(line[key]) for key in shown}
        lines.append(Line(name, line["kind"], line["pairs"], cells, dict(line.get("notes") or {})))
    judged = [line for line in lines if kept[line.method][0].get("intervals")]  # not a copy of the target itself
    chosen = [kept[line.method][1].values[line.method] for line in judged]
    for line, certainty in zip(judged, judge(chosen, first.keys, LOWER_IS_BETTER)):
        line.certainty = certainty
    remarks = dict.fromkeys(text for line in kept.values() for text in line[0]["remarks"] if "[published]" not in text)
    return Table(lines, first.protocol, list(remarks), {key: headings[key] for key in shown})


def _distance(a: Tensor, b: Tensor) -> float:
    """The largest difference of two rows (N, K); metrics that one of them lacks don't count, a single number does."""
    both = ~(a.isnan().all(0) | b.isnan().all(0))
    apart = (a[:, both] - b[:, both]).abs()[~(a[:, both].isnan() & b[:, both].isnan())]
    return apart.nan_to_num(math.inf).max().item() if len(apart) else 0.0


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def _essence(what: str, how: str | None) -> str | None:
    """A line of the protocol without what may differ between machines: versions, names of weights, the pairs file.

    Weights of one network have several names, and are checked by digest when they are loaded. `make table` writes a
    pairs file with absolute paths, whose digest is another one in every folder; the pairs themselves are compared.
    """
    if how is None:
        return None
    if what == "samples":
        return re.sub(r", of (the videos in )?.*?(;|$)", r"\2", how)
    if what == "SSIM":  # earlier tables name the library that computed it; the numbers are the same
        return re.sub(r" \(torchmetrics [0-9.]+\)$", "", how)
    how = re.sub(r"weights(?: of VGG-16)?: [^;)]*", "weights", how)
    how = re.sub(r"the segmenter of .*?, found", "the segmenter, found", how)
    return re.sub(r"(Pillow|torchmetrics|lpips|torch-fidelity) [0-9][0-9A-Za-z.+]*", r"\1", how)


def build_parser() -> Parser:
    parser = Parser(prog="tools.join_tables", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="what evaluate.py wrote (its --out)")
    parser.add_argument("--out", type=Path, required=True, help="folder for table.txt, table.md and table.csv")
    return parser


def main() -> int:
    args = build_parser().parse_args()
    table = join([read_evaluation(folder) for folder in args.folders])
    for suffix, text in {"txt": table.text(), "md": table.markdown(), "csv": table.csv()}.items():
        write_bytes(args.out / f"table.{suffix}", text.encode())
    print(table.text(), end="")
    print(f"\nwritten to {args.out / 'table.md'}, table.txt and table.csv")
    return 0


if __name__ == "__main__":
    command_line(main)()
