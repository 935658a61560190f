"""Make the datasets of a suite, each by the prepare.py command that the suite names.

    python -m tools.suite_data DATA data/suite                      all of configs/suites/styles.yaml
    python -m tools.suite_data DATA data/suite --only lpc,toon

DATA has the characters: lpc/ (sheets in train/ and test/), quaternius/ (models), and more/ with a folder for each pack
(docs/DATASETS.md). Datasets that are complete are left as they are. Rendered ones need Blender (`make blender`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from capture.common.errors import CaptureError, Parser, command_line
from capture.evaluation.suite import SuiteDataset, read_suite

ROOT = Path(__file__).resolve().parents[1]
COMPLETE = (0, 3)  # exit statuses of prepare.py: 3 means complete, except for files that could not be used


def make(dataset: SuiteDataset, data: Path, out: Path, more: list[str]) -> bool:
    """Run the command that makes a dataset; whether the dataset is complete then.

    Args:
        more: further arguments for prepare.py.
    """
    words = dataset.words(str(data.resolve()), str((out / dataset.name).resolve()))
    print(f"{dataset.name}: python prepare.py {' '.join(words)}", flush=True)
    return subprocess.run([sys.executable, "prepare.py", *words, *more], cwd=ROOT).returncode in COMPLETE


def build_parser() -> Parser:
    parser = Parser(prog="tools.suite_data", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with lpc/, quaternius/ and more/")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the datasets, as evaluate.py --suite_root")
    parser.add_argument("--suite", default="styles", help="a suite's name or file (default: styles)")
    parser.add_argument("--only", default=None, metavar="NAMES", help="datasets to make, with commas (default: all)")
    parser.add_argument("--workers", type=int, default=None, help="processes (default: one a core)")
    parser.add_argument("--blender", default=None, metavar="PYTHON", help="with bpy (default: that of `make blender`)")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> int:
    args = build_parser().parse_args()
    if not args.data.is_dir():
        raise CaptureError(f"{args.data}: no such folder; give the one with lpc/, quaternius/ and more/")
    datasets = {dataset.name: dataset for dataset in read_suite(args.suite).datasets if dataset.make}
    names = [name.strip() for name in args.only.split(",")] if args.only else list(datasets)
    unknown = next((name for name in names if name not in datasets), None)
    if unknown is not None:
        raise CaptureError(f"--only {unknown}: no such dataset; there are {', '.join(datasets)}")
    failed = []
    for name in names:
        more = [] if args.workers is None else ["--workers", str(args.workers)]
        if args.blender and datasets[name].make.startswith("mixamo "):
            more += ["--blender", args.blender]
        if not make(datasets[name], args.data, args.out, more):
            failed.append(name)
    if failed:
        raise CaptureError(f"not made: {', '.join(failed)}; the lines above say why")
    return 0


if __name__ == "__main__":
    command_line(main)()
