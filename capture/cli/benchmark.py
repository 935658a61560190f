"""Measure this machine: training, inference, attention, loader, renderer, start-up, against the release's way.

    python benchmark.py                      everything, a quarter of an hour on two CPU cores
    python benchmark.py inference attention  some parts
    python benchmark.py --config configs/demo.yaml training

prints tables and writes them as JSON. Every ratio is of medians in one run, the ways taking turns.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.programs import described, started_as
from capture.common.shipped import find_config

PROGRAM = "benchmark.py"
PARTS = ("inference", "training", "attention", "loader", "renderer", "startup")


def build_parser() -> Parser:
    parser = Parser(
        prog=started_as(PROGRAM),
        description=described(__doc__, PROGRAM),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="overlays on defaults.yaml to measure with")
    parser.add_argument("--batches", type=int, nargs="*", help="batch sizes of training and inference")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--data", type=Path, help="folder of pictures for the loader (default: drawn for it)")
    parser.add_argument("--out", type=Path, default=Path("result/benchmark.json"), help="JSON file to write")
    parser.add_argument("--plot", type=Path, help="PNG file for the attention's curves")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        raise CaptureError(f"{unknown[0]}: no such part; there are {', '.join(PARTS)}")
    if args.repeats < 1 or any(batch < 1 for batch in args.batches or []):
        raise CaptureError("--repeats and --batches: give 1 or more")

    from capture.benchmarks.report import machine, table
    from capture.common.device import pick_device
    from capture.common.files import write_bytes
    from capture.config.load import load_config

    for path in filter(None, (args.out, args.plot)):  # a quarter of an hour too late is too late
        probe = path.with_name(f".{path.name}.probe")
        write_bytes(probe, bytes(1 << 16))
        probe.unlink()
    device = pick_device(args.device)
    config = load_config([find_config(path) for path in args.config])
    results = {"machine": machine(device), "config": config, "parts": {}}
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), flush=True)
    for part in args.parts or PARTS:
        rows = results["parts"][part] = _measure(part, args, config, device)
        print(f"\n{part}\n\n{table(rows)}", flush=True)
        write_bytes(args.out, (json.dumps(results, indent=1) + "\n").encode())
        if part == "attention" and args.plot:
            from capture.benchmarks.attention import plot

            plot(rows, args.plot)
            print(f"\n{args.plot}")
    print(f"\n{args.out}")


def _measure(part: str, args: argparse.Namespace, config: dict, device) -> list[dict]:
    import importlib

    module = importlib.import_module(f"capture.benchmarks.{part}")
    if part in ("inference", "training"):
        given = {"batches": tuple(args.batches)} if args.batches else {}
        return module.measure(config, device, repeats=args.repeats, **given)
    if part == "attention":
        return module.measure(device, repeats=args.repeats)
    if part == "loader":
        return module.measure(args.data, size=config["dataset_config"]["image_size"])
    return module.measure(repeats=args.repeats)


if __name__ == "__main__":
    command_line(main)()
