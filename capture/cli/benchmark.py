"""Measure this machine: training, inference, live use, a video, renderer, loader, attention, start-up.

    python benchmark.py                      everything, half an hour on two CPU cores
    python benchmark.py --budget 240         what is worth most in 240 seconds, and a table at the end in any case
    python benchmark.py inference attention  some parts
    python benchmark.py --compare old.json   ... and what became slower since then by more than the spread
    python benchmark.py --compare old.json new.json      compares two results and measures nothing

prints every row as soon as it is known, and writes all of them as JSON and as a table beside it. Ways of one group take
turns in one process; every ratio is of medians in one run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.programs import described, started_as
from capture.common.shipped import find_config

PROGRAM = "benchmark.py"
PARTS = ("inference", "training", "live", "video", "renderer", "loader", "attention", "startup")
SLOWER = 1  # exit status where --compare found something slower


def build_parser() -> Parser:
    parser = Parser(
        prog=started_as(PROGRAM),
        description=described(__doc__, PROGRAM),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="end within so many seconds (at least 5)")
    parser.add_argument(
        "--compare",
        type=Path,
        nargs="+",
        metavar="JSON",
        help="an older result: say what is slower now (exit status 1 if anything is); two: compare these",
    )
    parser.add_argument("--table", type=Path, metavar="PAGE", help="Markdown page that gets this machine's table")
    parser.add_argument("--config", type=Path, nargs="*", help="overlays on defaults.yaml to measure with")
    parser.add_argument("--batches", type=int, nargs="*", help="batch sizes of training and inference")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--data", type=Path, help="folder of pictures for the loader (default: drawn for it)")
    parser.add_argument("--out", type=Path, default=Path("result/benchmark.json"), help="JSON file to write")
    parser.add_argument("--plot", type=Path, help="PNG file for the curves of the part attention")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    started = time.monotonic()
    args = build_parser().parse_args()
    _check(args)

    from capture.benchmarks.compare import compare_results, read_results
    from capture.common.files import write_bytes

    old = [read_results(path) for path in args.compare or []]
    if len(old) == 2:
        results = old[1]
    else:
        for path in filter(None, (args.out, args.plot)):  # a quarter of an hour too late is too late
            probe = path.with_name(f".{path.name}.probe")
            write_bytes(probe, bytes(1 << 16))
            probe.unlink()
        results = _measure(args, started)
        if args.table:
            from capture.benchmarks.page import put_into_page

            put_into_page(args.table, results)
            print(f"{args.table}")
        print(f"{args.out}")
    if old:
        lines, slower = compare_results(old[0], results)
        print("\n".join(lines))
        if slower:
            raise SystemExit(SLOWER)


def _check(args: argparse.Namespace) -> None:
    """CaptureError for options that can't be meant."""
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        raise CaptureError(f"{unknown[0]}: no such part; there are {', '.join(PARTS)}")
    if args.repeats < 1 or any(batch < 1 for batch in args.batches or []):
        raise CaptureError("--repeats and --batches: give 1 or more")
    if args.budget is not None and not args.budget >= 5:
        raise CaptureError(f"--budget {args.budget:g}: give at least 5 seconds")
    if args.compare and len(args.compare) > 2:
        raise CaptureError("--compare: give one older result, or an older and a newer one")
    if args.compare and len(args.compare) == 2 and (args.parts or args.table or args.plot):
        raise CaptureError("--compare with two results measures nothing; leave PART, --table and --plot out")
    for path in filter(None, (args.out, args.plot)):
        if not path.name:
            raise CaptureError(f"{path}: a folder; name a file in it")
    if args.out.suffix == ".md":
        raise CaptureError(f"--out {args.out}: give a .json file; its table is written beside it, as .md")
    if args.plot and args.parts and "attention" not in args.parts:
        raise CaptureError(
            f"--plot {args.plot}: it draws the curves of attention; name this part as well, or leave it out"
        )
    if args.plot and importlib.util.find_spec("matplotlib") is None:
        raise CaptureError("--plot: curves are drawn with matplotlib; install it: pip install matplotlib")
    if args.table:
        from capture.benchmarks.page import read_page

        read_page(args.table)


def _measure(args: argparse.Namespace, started: float) -> dict[str, Any]:
    """Measure what is asked for. Returns what is written to args.out."""
    from capture.benchmarks.page import section
    from capture.benchmarks.plan import CONFIGS, WHOLE, Group, plan
    from capture.benchmarks.report import line, machine
    from capture.benchmarks.runner import measure_peaks, run_groups
    from capture.common.device import pick_device
    from capture.common.files import write_bytes
    from capture.config.load import load_config

    device = pick_device(args.device)
    if args.config is None:
        configs = {name: load_config([find_config(path)] if path else []) for name, path in CONFIGS.items()}
    else:
        configs = {"the configuration": load_config([find_config(path) for path in args.config])}
    asked = args.parts or PARTS
    groups = [group for group in plan(configs, device, tuple(args.batches or ())) if group.part in asked]
    first = next(iter(configs.values()))
    of_part: dict[str, dict[str, Any]] = {
        "renderer": {"repeats": args.repeats},
        "loader": {"folder": args.data, "size": first["dataset_config"]["image_size"]},
        "attention": {"device": device, "repeats": args.repeats},
        "startup": {"repeats": args.repeats},
    }
    groups += [Group(part, part, first, options=of_part[part]) for part in WHOLE if part in asked]
    results: dict[str, Any] = {"machine": machine(device), "peaks": {}, "parts": {}}
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), flush=True)
    if any(group.names for group in groups):
        results["peaks"] = measure_peaks(device)
    parts = results["parts"] = {group.part: [] for group in groups}
    shown: set[tuple] = set()

    def write() -> None:
        results["seconds"] = time.monotonic() - started
        write_bytes(args.out, (json.dumps(results, indent=1) + "\n").encode())
        write_bytes(args.out.with_suffix(".md"), (section(results) + "\n").encode())

    def report(part: str, row: dict[str, Any]) -> None:
        about = (part, row.get("subject"), row.get("batch"), row.get("way"))
        if about not in shown or "subject" not in row:  # a row that is only known better now is in the table
            shown.add(about)
            print(line(part, row) if "subject" in row or "note" in row else f"{part}: {row}", flush=True)
        write()

    budget = None if args.budget is None else args.budget - (time.monotonic() - started)
    run_groups(groups, device, args.repeats, results["peaks"], report, budget, parts)
    write()
    print(f"\n{section(results)}\n", flush=True)
    curves = [row for row in parts.get("attention", []) if "note" not in row]
    if args.plot and curves:
        from capture.benchmarks.attention import plot

        plot(curves, args.plot)
        print(f"{args.plot}")
    elif args.plot:
        print(f"{args.plot}: not drawn, since attention was not measured")
    return results


if __name__ == "__main__":
    command_line(main)()
