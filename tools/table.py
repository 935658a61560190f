"""Train every row of the paper's table on one dataset, measure all on the same pairs, and print the table.

    python -m tools.table Mixamo_dataset/rendered                       as published: 256x256, a million samples a row
    python -m tools.table Mixamo_dataset/rendered --dry                 how long that takes on this machine
    python -m tools.table data/toon --size 64 --samples 12000           small networks, for a CPU

Every row is a run of train.py in its own folder below --out. Ctrl-C saves the run that is under way; the same command
goes on with it and leaves rows that are finished as they are. `make table` is this program; docs/BASELINES.md has more.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from capture.checkpoints.checkpoint import latest_path
from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import append_line, write_bytes
from capture.common.pretrained import WeightsMissing, load_published, weights_folder
from capture.common.signals import stop_on_signal
from capture.config.load import RESULT_CONFIG, differences, load_result_config, resume_rule
from capture.data.index.catalog import Catalog, scan
from capture.evaluation.evaluation import checkpoint_epoch
from capture.evaluation.learning_curves import METRICS, read_staged_curves
from capture.methods.build import new_method
from tools.table_pairs import drive_by_pose, have_maps, write_pairs
from tools.table_rows import (
    NETWORKS,
    ROOT,
    SAMPLES,
    SEED,
    SIZE,
    Row,
    Run,
    Settings,
    choose_rows,
    lacking,
    runs_of,
)
from tools.table_text import beside_the_paper, time_table
from tools.table_time import measure

TIMES = "times.jsonl"  # a line for each time that a run was started: seconds and CPU-seconds from start to end
CALM = 130  # exit status of a run that Ctrl-C interrupted and that is saved


class Interrupted(Exception):
    """Ctrl-C ended a run, which is saved."""


def build_parser() -> Parser:
    parser = Parser(prog="tools.table", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="a dataset that prepare.py wrote, with test/pairs.csv")
    parser.add_argument("--out", type=Path, default=Path("result/table"), help="folder of all runs (result/table)")
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"of each row (default {SAMPLES:,}, as the paper)")
    parser.add_argument("--size", type=int, default=SIZE, help=f"side of the pictures (default {SIZE})")
    parser.add_argument("--seeds", default=str(SEED), help=f"with commas; every row is trained with each ({SEED})")
    parser.add_argument("--rows", default="", metavar="NAMES", help="with commas (default: every row)")
    parser.add_argument(
        "--networks", choices=NETWORKS, help="default: published from 128 pixels on, small (for a CPU) below"
    )
    parser.add_argument(
        "--perceptual", default="", help="vgg19 (as published), alexnet or none, where VGG19's weights are missing"
    )
    parser.add_argument("--pairs", type=Path, help="measure on these pairs (default: DATA/test/pairs.csv)")
    parser.add_argument("--metrics", default="l1,ssim,lpips,fid,fg", help="as evaluate.py (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=0, help="of each run (default: one for each GPU, else one)")
    parser.add_argument("--dry", action="store_true", help="say how long it takes, measured, and train nothing")
    parser.add_argument("--dry_seconds", type=float, default=5.0, help=argparse.SUPPRESS)
    parser.add_argument("--option", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="of every run")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings of all rows; CaptureError for numbers that make no sense."""
    for name in ("samples", "size"):
        if getattr(args, name) < 1:
            raise CaptureError(f"--{name} {getattr(args, name)}: give a whole number from 1 up")
    if args.processes < 0:
        raise CaptureError(f"--processes {args.processes}: give a whole number from 0 up; 0 takes one for each GPU")
    networks = args.networks or ("published" if args.size >= 128 else "small")
    if networks == "published" and args.size not in (128, 256, 512):
        raise CaptureError(f"--size {args.size}: the published networks take 128, 256 or 512; or give --networks small")
    more = tuple(word for key, value in args.option for word in (f"--{key}", value))
    return Settings(
        args.data.resolve(), args.out.resolve(), args.samples, args.size, networks, args.perceptual, _has_alex(), more
    )


def seeds_of(text: str) -> list[int]:
    """The seeds of a list with commas, each once."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdecimal() for word in words):
        raise CaptureError(f"--seeds {text}: give whole numbers from 0 up with commas, such as 777,1")
    return list(dict.fromkeys(map(int, words)))


def plan(rows: Sequence[Row], seeds: Sequence[int], settings: Settings, catalog: Catalog) -> list[list[Run]]:
    """The runs of every row and seed that this dataset can train; a line says which rows it cannot."""
    planned = []
    for row in rows:
        if why := lacking(row, catalog):
            print(f"{row.name} is left out: it needs {why}")
            continue
        planned += [runs_of(row, seed, settings) for seed in seeds]
    if not planned:
        raise CaptureError(f"{settings.data}: none of these rows can be trained on it; the lines above say why")
    return planned


def is_finished(run: Run) -> bool:
    """Whether a run has trained to its end, with the same options."""
    if not (run.folder / RESULT_CONFIG).is_file() or not latest_path(run.folder).is_file():
        return False
    changed = differences(load_result_config(run.folder), run.config)
    if any(resume_rule(run.config, key) != "free" for key, _, _ in changed):
        return False  # train.py says what has changed
    return checkpoint_epoch(latest_path(run.folder)) == run.config["train_config"]["num_epochs"]


def check(runs: Sequence[Run]) -> None:
    """Build what each run would train, so that missing weights are found before the first run and not hours later.

    Raises:
        CaptureError: networks that cannot be built, or weights that are missing.
    """
    for run in runs:
        new_method(run.config)


def processes_for(run: Run, wanted: int) -> int:
    """The most processes, up to `wanted`, that share a run's batch evenly."""
    batch = run.config["dataset_config"]["batch_size"]
    return max(count for count in range(1, wanted + 1) if batch % count == 0)


def python(program: str, arguments: Sequence[str], processes: int = 1) -> list[str]:
    """The command that runs a program of this checkout in so many processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    return [sys.executable, *(launcher if processes > 1 else []), str(ROOT / program), *arguments]


def call(command: Sequence[str]) -> int:
    """Run a command to its end and return its exit status. Ctrl-C interrupts it, and it is waited for until it ends.

    The command has a session of its own, so that it receives an interrupt once, from here.
    """
    with stop_on_signal() as stopped:
        process = subprocess.Popen(command, start_new_session=True)
        told = False
        try:
            while True:
                try:
                    return process.wait(timeout=0.2)
                except subprocess.TimeoutExpired:
                    if stopped and not told:
                        os.killpg(process.pid, signal.SIGINT)
                        told = True
        except KeyboardInterrupt:  # a second Ctrl-C; without this the command would go on by itself
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.wait()
            raise


def train(runs: Sequence[Run], processes: int) -> None:
    """Train the runs that are not finished, in order.

    Raises:
        Interrupted: Ctrl-C ended a run.  CaptureError: a run failed; its own message is above.
    """
    for number, run in enumerate(runs, 1):
        if is_finished(run):
            print(f"[{number}/{len(runs)}] {run.folder.name}: finished", flush=True)
            continue
        print(f"[{number}/{len(runs)}] {run.folder.name}", flush=True)
        began, used = time.monotonic(), _cpu_seconds()
        status = call(python("train.py", run.arguments, processes_for(run, processes)))
        took = {"seconds": round(time.monotonic() - began, 1), "cpu_seconds": round(_cpu_seconds() - used, 1)}
        if run.folder.parent.is_dir():
            append_line(run.folder.parent / TIMES, json.dumps({"run": run.folder.name, "status": status, **took}))
        if status == CALM:
            raise Interrupted
        if status:
            raise CaptureError(f"{run.folder.name}: train.py ended with status {status}; its message is above")
        if not is_finished(run):
            raise CaptureError(
                f"{run.folder.name}: trained less or more than this table asks for, as the lines above say; the same "
                "command goes on with less, and more needs another --out"
            )


def evaluate(planned: Sequence[Sequence[Run]], args: argparse.Namespace, settings: Settings, processes: int) -> None:
    """Measure the last run of every row on `args.pairs`, and print the table beside the published figures."""
    finals = [runs[-1] for runs in planned]
    folders = [run.folder for run in finals]
    pairs = settings.out / "pairs.csv"
    write_pairs(args.pairs, pairs)
    folders += [drive_by_pose(run.folder, run.config, run.row.drive) for run in finals if run.row.drive]
    out = settings.out / "evaluation"
    arguments = [str(folder) for folder in folders] + ["--pairs", str(pairs), "--out", str(out)]
    arguments += ["--metrics", args.metrics, "--html", str(settings.out / "table.html")]
    if status := call(python("evaluate.py", arguments, processes)):
        raise Interrupted if status in (CALM, -signal.SIGINT) else CaptureError(f"evaluate.py: status {status}")
    times = cpu_seconds(settings.out / TIMES)
    rows = [(run.folder.name, run.row.paper) for run in finals]
    spent = {
        runs[-1].folder.name: sum(max(times.get(run.folder.name, 0.0), epochs_cpu_seconds(run.folder)) for run in runs)
        for runs in planned
    }
    text = beside_the_paper(out / "table.jsonl", rows, spent)
    write_bytes(settings.out / "table.md", text.encode())
    print("\n" + text, end="")
    print(f"written to {settings.out / 'table.md'}; all metrics, intervals and tests are in {out / 'table.md'}")
    draw_curves(planned, settings.out / "curves.png")


def draw_curves(planned: Sequence[Sequence[Run]], path: Path) -> None:
    """Draw the validation metric of every row against samples and seconds, of all its stages together."""
    if find_spec("matplotlib") is None:
        print("learning curves: not drawn, because matplotlib is not installed; table.html has them")
        return
    from tools.curves import draw_comparison

    named = [(runs[-1].folder.name, [run.folder for run in runs]) for runs in planned]
    for metric in METRICS:
        curves = read_staged_curves(named, metric)
        if len(curves) == len(named):
            draw_comparison(curves, metric, path)
            print(f"learning curves: {path}")
            return


def cpu_seconds(path: Path) -> dict[str, float]:
    """CPU-seconds of every run, over all times that it was started; {} where nothing was recorded."""
    spent: dict[str, float] = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        row = json.loads(line)
        spent[row["run"]] = spent.get(row["run"], 0.0) + row["cpu_seconds"]
    return spent


def epochs_cpu_seconds(folder: Path) -> float:
    """CPU-seconds of the training steps of a run, by its metrics.jsonl; 0 where it has none, as on a GPU.

    TIMES lacks what a run took before this program was killed, and these lack the pictures of each epoch.
    """
    spent, before = 0.0, 0
    path = folder / "metrics.jsonl"
    for line in path.read_text().splitlines() if path.is_file() else ():
        row = json.loads(line)
        spent += (row["samples"] - before) / row.get("samples_per_cpu_second", math.inf)
        before = row["samples"]
    return spent


def _cpu_seconds() -> float:
    """CPU time of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _has_alex() -> bool:
    """Whether LPIPS can be measured while training."""
    try:
        load_published("alex", weights_folder(), "CAPTURE_WEIGHTS")
    except WeightsMissing:
        return False
    return True


def main() -> int:
    args = build_parser().parse_args()
    rows, seeds, settings = choose_rows(args.rows), seeds_of(args.seeds), settings_of(args)
    import torch

    processes = args.processes or max(torch.cuda.device_count(), 1)
    catalog = scan(settings.data)
    args.pairs = args.pairs or catalog.root / "test" / "pairs.csv"
    if not args.pairs.is_file():
        raise CaptureError(
            f"{args.pairs}: no such file; prepare.py writes one for each dataset with held-out characters"
        )
    planned = plan(rows, seeds, settings, catalog)
    if any(several[-1].row.drive for several in planned) and not have_maps(args.pairs):
        raise CaptureError(f"{args.pairs}: these pairs have no IUV maps; leave out --rows that read maps")
    runs = [run for several in planned for run in several]
    todo = [run for run in runs if not is_finished(run)]
    check(todo)
    if args.dry:
        print(time_table([(run, measure(run, args.dry_seconds)) for run in todo], len(runs) - len(todo), processes))
        return 0
    try:
        train(runs, processes)
        evaluate(planned, args, settings, processes)
    except Interrupted:
        print("interrupted; the same command goes on from here")
        return CALM
    return 0


if __name__ == "__main__":
    command_line(main)()
