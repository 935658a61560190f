"""Measure a suite of styles at every checkpoint that a run has kept, so that a style that falls is seen while it falls.

    python -m tools.suite_history result/Parts --suite_root data/suite              the checkpoints there are
    python -m tools.suite_history result/Parts --suite_root data/suite --follow     and those that come, until Ctrl-C

Beside a training started with `--save_minimum_epoch 0 --interval 1`, for example. Figures go to
<result>/suite_history.csv, one row a checkpoint and style; checkpoints that are in the file are not measured again.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from capture.checkpoints.checkpoint import FOLDER
from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_bytes

ROOT = Path(__file__).resolve().parents[1]
HISTORY = "suite_history.csv"
HEADINGS = ("epoch", "dataset", "lpips", "share", "suite", "limit")
ENDING = "epoch_checkpoint.pt"
FALLEN = 0.02  # of the better floor, above the best share so far: less is noise
PAUSE = 20.0  # seconds between two looks for a new checkpoint
History = dict[int, dict[str, tuple[float, float]]]  # epoch -> dataset -> LPIPS and its share of the better floor


def checkpoints(result: Path) -> dict[int, Path]:
    """The numbered checkpoints of a run by epoch, in order."""
    found = {}
    for path in (result / FOLDER).glob(f"*{ENDING}"):
        number = path.name.removesuffix(ENDING)
        if number.isdecimal():
            found[int(number)] = path
    return dict(sorted(found.items()))


def read_history(result: Path, suite: str, limit: int) -> History:
    """What was measured before; {} where nothing was.

    Raises:
        CaptureError: the file was changed by something else, or holds figures of another suite or of other pairs.
    """
    path, history = result / HISTORY, History()
    if not path.is_file():
        return history
    try:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                asked = row.get("suite") or suite, int(row.get("limit") or limit)  # older files do not say
                if asked != (suite, limit):
                    raise CaptureError(
                        f"{path}: measured with --suite {asked[0]} --limit {asked[1]}; give the same, or rename the "
                        "file"
                    )
                numbers = float(row["lpips"]), float(row["share"])
                history.setdefault(int(row["epoch"]), {})[row["dataset"]] = numbers
    except (KeyError, ValueError, TypeError) as error:
        raise CaptureError(f"{path}: not a history of a suite ({error}); remove or rename it") from None
    return history


def write_history(result: Path, history: History, suite: str, limit: int) -> None:
    """Replace the file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for epoch, styles in sorted(history.items()):
        for name, (lpips, share) in styles.items():
            writer.writerow((epoch, name, f"{lpips:.6f}", f"{share:.6f}", suite, limit))
    write_bytes(result / HISTORY, text.getvalue().encode())


def measure(checkpoint: Path, args: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """LPIPS of each style and its share of the better floor, by evaluate.py.

    Raises:
        CaptureError: evaluate.py failed; it has said why.
    """
    with tempfile.TemporaryDirectory() as out:
        words = ["--suite", args.suite, "--suite_root", str(args.suite_root), "--limit", str(args.limit)]
        words += ["--metrics", "lpips", "--no_intervals", "--out", out]
        done = subprocess.run(
            [sys.executable, str(ROOT / "evaluate.py"), str(checkpoint), *words], stdout=subprocess.DEVNULL
        )
        if done.returncode:
            raise CaptureError(f"{checkpoint}: evaluate.py ended with status {done.returncode}")
        lines = [json.loads(line) for line in (Path(out) / "suite.jsonl").read_text().splitlines()]
    measured = {line["dataset"]: (line["lpips"], line["share"]) for line in lines if line["share"] is not None}
    if not measured:
        raise CaptureError("LPIPS was not measured; evaluate.py has said how to get the weights of its network")
    return measured


def report(epoch: int, history: History) -> str:
    """One line: the worst style of an epoch, and the styles that are worse than they have been."""
    now = history[epoch]
    worst = max(now, key=lambda name: now[name][1])
    fallen = []
    for name, (_, share) in now.items():
        before = [styles[name][1] for other, styles in history.items() if other < epoch and name in styles]
        if before and share > min(before) + FALLEN:
            fallen.append(f"{name} {min(before):.0%} to {share:.0%}")
    line = f"epoch {epoch}: worst style {worst}, {now[worst][1]:.0%} of the better floor"
    return f"{line}; fallen: {', '.join(fallen)}" if fallen else line


def build_parser() -> Parser:
    parser = Parser(prog="tools.suite_history", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("result", type=Path, metavar="RESULT", help="the folder of a run")
    parser.add_argument("--suite", default="styles", help="a suite's name or file (default: styles)")
    parser.add_argument("--suite_root", type=Path, default=Path("data") / "suite", help="the folder of its datasets")
    parser.add_argument("--limit", type=int, default=16, help="pairs of each style (default: 16)")
    parser.add_argument("--follow", action="store_true", help="wait for further checkpoints until Ctrl-C")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    if not (args.result / FOLDER).is_dir():
        raise CaptureError(f"{args.result}: no checkpoints here; give the folder of a run")
    history = read_history(args.result, args.suite, args.limit)
    while True:
        for epoch, path in checkpoints(args.result).items():
            if epoch not in history:
                history[epoch] = measure(path, args)
                write_history(args.result, history, args.suite, args.limit)
                print(report(epoch, history), flush=True)
        if not args.follow:
            break
        time.sleep(PAUSE)
    if not history:
        raise CaptureError(
            f"{args.result / FOLDER}: no {'<n>' + ENDING} yet; train with --save_minimum_epoch 0 --interval 1"
        )
    print(f"written to {args.result / HISTORY}")


if __name__ == "__main__":
    command_line(main)()
