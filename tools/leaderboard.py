"""CaPTURe-Bench: measure results, or pictures of other methods, on every style and kind of pairs, as one leaderboard.

    python -m tools.leaderboard data/CaPTURe-Bench result/Toon --reference puppet --out result/leaderboard
    python -m tools.leaderboard data/CaPTURe-Bench --pred Mine=pictures --out result/mine

pictures/<style>/<kind>/ has the pictures of one list, 00000.png for its first pair. Every list is measured as
evaluate.py measures it, into a folder of its own below --out, with intervals and tests; board.md has the LPIPS of all.
The same command goes on after an interruption: lists that were measured with the same rows are taken as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from capture.cli.evaluate import named
from capture.common.errors import CaptureError, Parser, check_least, command_line
from capture.common.files import sha256_of, write_bytes
from capture.common.shipped import find_result
from capture.data.benchmark.digest import digest_pairs
from capture.data.benchmark.plan import KINDS, NAME, SIZE
from capture.data.benchmark.plan import VERSION as BENCHMARK_VERSION
from capture.data.benchmark.write import ALL, DIGESTS
from capture.data.writing import MANIFEST
from capture.evaluation.evaluation import Request, evaluate
from capture.evaluation.parallel import Workers
from capture.evaluation.protocol import VERSION
from capture.evaluation.references import PUPPET_VERSION
from capture.evaluation.significance import BEST
from capture.evaluation.table import markdown_rows, plus_minus
from capture.metrics.choice import METRICS, parse_metrics

RANKS = "lpips"  # the metric that ranks
OTHER = f", which is not that of {NAME} {BENCHMARK_VERSION}"
KEY = "measured.txt"  # of a list's folder: a digest of what its table was measured from
WEIGHTS = (".pt", ".pth", ".tar", ".safetensors", ".yaml")  # files of a result folder that its pictures depend on
Lists = dict[tuple[str, str], list[dict[str, Any]]]  # (style, kind) -> the lines of its table.jsonl


def build_parser() -> Parser:
    parser = Parser(prog="tools.leaderboard", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("benchmark", type=Path, metavar="BENCHMARK", help="folder that `make benchmark-data` wrote")
    parser.add_argument("results", nargs="*", metavar="RESULT", help="result folders, or exported generators")
    parser.add_argument("--pred", action="append", default=[], metavar="[NAME=]DIR", help="a row for other pictures")
    parser.add_argument("--reference", action="append", default=[], choices=("puppet",), help="as evaluate.py")
    parser.add_argument("--out", type=Path, required=True, help="folder for the leaderboard and every table")
    parser.add_argument("--styles", default="", metavar="NAMES", help="with commas (default: all)")
    parser.add_argument("--metrics", default="l1,ssim,lpips,fg", help=f"some of {','.join(METRICS)} (%(default)s)")
    parser.add_argument("--weights", type=Path, default=os.environ.get("CAPTURE_WEIGHTS") or None, metavar="DIR")
    parser.add_argument("--size", type=int, default=None, help="side of the pictures, where it is not the benchmark's")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def read_styles(benchmark: Path, wanted: str) -> tuple[list[str], dict[str, str]]:
    """The styles to measure, and the digest of each, of the files that are there.

    Raises:
        CaptureError: a folder that is no finished benchmark, a style that it lacks, or files that were changed since.
    """
    try:
        manifest = json.loads((benchmark / MANIFEST).read_text())
        written, styles = dict(manifest["digests"]), list(manifest["styles"])
    except (OSError, ValueError, KeyError, TypeError):
        raise CaptureError(f"{benchmark}: no finished {NAME}; write it with prepare.py benchmark {benchmark}") from None
    chosen = [name.strip() for name in wanted.split(",") if name.strip()] or styles
    unknown = next((name for name in chosen if name not in styles), None)
    if unknown is not None:
        raise CaptureError(f"--styles {unknown}: no such style; there are {', '.join(styles)}")
    digests = {style: digest_pairs([benchmark / style / f"{ALL}.csv"]) for style in chosen}
    changed = next((style for style in chosen if digests[style] != written.get(style)), None)
    if changed is not None:
        raise CaptureError(f"{benchmark / changed}: its files were changed after they were written; write them again")
    return chosen, digests


def predictions(folders: Sequence[str], style: str, kind: str) -> list[tuple[str, Path]]:
    """(name, folder of one list's pictures) of every --pred; CaptureError where a folder is missing."""
    found = []
    for name, folder in map(named, folders):
        pictures = folder / style / kind
        if not pictures.is_dir():
            raise CaptureError(
                f"--pred {folder}: no {style}/{kind} in it; every list of pairs has a folder of pictures"
            )
        found.append((name, pictures))
    return found


def check_request(args: argparse.Namespace) -> None:
    """Raise a CaptureError if an argument makes no sense."""
    if not args.results and not args.pred:
        raise CaptureError("nothing to measure: give result folders, or --pred NAME=DIR")
    if RANKS not in parse_metrics(args.metrics):
        raise CaptureError(f"--metrics {args.metrics}: the leaderboard ranks by {RANKS}; add it there")
    if args.size is not None:
        check_least(("size", args.size, 1))
    if args.out.exists() and not args.out.is_dir():
        raise CaptureError(f"--out {args.out}: a file is in the way; give a folder")


def key_of(request: Request, digest: str) -> str:
    """A digest of what the table of a list is measured from.

    Args:
        digest: of the style that the list belongs to.
    """
    assert request.pairs is not None  # the lists are files of pairs
    parts = [digest, request.pairs.name, str(VERSION), str(request.size), *request.metrics, *request.references]
    parts += [str(PUPPET_VERSION)] * bool(request.references)
    for result in request.results:
        walked = os.walk(result, followlinks=True)  # a result that is driven by another map links to its checkpoints
        inside = sorted(Path(folder, name) for folder, _, names in walked for name in names)
        files = [result] if result.is_file() else [file for file in inside if file.suffix in WEIGHTS]
        parts += [result.name, *map(sha256_of, files)]
    for name, folder in request.predictions:
        parts += [name, *(f"{file.name} {sha256_of(file)}" for file in sorted(folder.iterdir()) if file.is_file())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def measure(args: argparse.Namespace, styles: Sequence[str], digests: dict[str, str], workers: Workers) -> Lists:
    """Measure every list that is not measured yet; {} in all processes but the first."""
    requests = {
        (style, kind): Request(
            results=[find_result(result) for result in args.results],
            predictions=predictions(args.pred, style, kind),
            pairs=args.benchmark / style / f"{kind}.csv",
            self_folder=None,
            out=args.out / style / kind,
            weights=args.weights and Path(args.weights),
            require=[RANKS],
            size=args.size or (None if args.results else SIZE),
            metrics=parse_metrics(args.metrics),
            references=args.reference,
        )
        for style in styles
        for kind in KINDS
    }
    tables: Lists = {}
    for (style, kind), request in requests.items():
        lines, known, key = request.out / "table.jsonl", request.out / KEY, key_of(request, digests[style])
        measured = lines.is_file() and known.is_file() and known.read_text() == key
        workers.wait()  # all processes have looked before one of them writes
        print(f"{style}, {kind}{': measured already' * measured}", file=sys.stderr, flush=True)
        if not measured:
            known.unlink(missing_ok=True)
            if (table := evaluate(request, workers)) is None:
                continue
            text = table.jsonl()
            write_bytes(known, key.encode())
        elif workers.is_main:
            text = lines.read_text()
        else:
            continue
        tables[style, kind] = [json.loads(line) for line in text.splitlines()]
    return tables


def board(tables: Lists, digests: dict[str, str]) -> str:
    """The leaderboard as Markdown: LPIPS of every style and kind with intervals, and the mean of all lists.

    Rows are in the order of that mean, the best first.
    """
    styles = list(dict.fromkeys(style for style, _ in tables))
    rows: dict[str, dict[tuple[str, str], str]] = {}
    numbers: dict[str, list[float]] = {}
    for place, table in tables.items():
        for line in table:
            value = line.get(RANKS)
            if line["kind"] == "published" or value is None:
                continue
            text = f"{value:.4f}"
            text = f"**{text}**" if line.get("marks", {}).get(RANKS) == BEST else text
            ends = line.get("intervals", {}).get(RANKS)
            rows.setdefault(line["method"], {})[place] = text + plus_minus(ends and (ends[1] - ends[0]) / 2)
            numbers.setdefault(line["method"], []).append(value)
    means = {name: sum(values) / len(values) for name, values in numbers.items()}
    order = sorted(means, key=lambda name: means[name])
    lines = []
    for style in styles:
        cells = [["LPIPS", *(kind.replace("_", " ") for kind in KINDS)]]
        cells += [[name, *(rows[name].get((style, kind), "") for kind in KINDS)] for name in order]
        lines += [
            f"### {style}",
            "",
            *markdown_rows(cells),
            "",
            f"Digest `{digests[style]}`{OTHER * (digests[style] != DIGESTS.get(style))}.",
            "",
        ]
    cells = [["", f"LPIPS, mean of {len(tables)} lists"], *([name, f"{means[name]:.4f}"] for name in order)]
    return "\n".join([*lines, "### All", "", *markdown_rows(cells)]) + "\n"


def main() -> None:
    args = build_parser().parse_args()
    check_request(args)
    styles, digests = read_styles(args.benchmark, args.styles)
    workers = Workers()
    try:
        tables = measure(args, styles, digests, workers)
    finally:
        workers.close()
    if tables:
        text = board(tables, digests)
        write_bytes(args.out / "board.md", text.encode())
        print(text, end="")


if __name__ == "__main__":
    command_line(main)()
