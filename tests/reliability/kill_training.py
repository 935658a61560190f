"""Kill training at random moments, and see that the same command then ends as if nothing had happened.

    python -m tests.reliability.kill_training --count 200 --seed 1

A small run with a discriminator, on a dataset whose index and prepared frames it makes first; a checkpoint and pictures
every third update. Four ways to die, which take turns: SIGKILL before or after the n-th call that changes a file or
makes an update, a signal in the middle of a write (half of it is then in the file), SIGKILL after some milliseconds.
Each run dies one to three times and then goes to its end, which must be that of a run that was never killed: networks,
average, optimisers, noise and meters to the bit, the same metrics, pictures, files.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from capture.checkpoints.checkpoint import FOLDER, LATEST, PREVIOUS, load_checkpoint
from tests.conftest import TINY_ARGV
from tests.helpers.datasets import beside, make_dataset
from tests.helpers.programs import Programs
from tests.helpers.states import same

WAYS = ("call", "call behind", "write", "time")
MORE = ("--num_epochs", 4, "--validation_pairs", 0, "--sample_rows", 1, "--interval", 2, "--save_minimum_epoch", 0)
CLOCKED = ("samples_per_second", "samples_per_cpu_second", "model_flop_utilisation", "operators_per_step")


def rows_of(run: Path) -> list[dict]:
    """The metrics, every line of which must be JSON, without what depends on the clock."""
    path = run / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [{name: value for name, value in row.items() if name not in CLOCKED} for row in rows]


class Outcome:
    """What a finished run left in its folder and beside its dataset."""

    def __init__(self, folder: Path):
        run = folder / "results" / "run"
        self.states = {
            name: load_checkpoint(run / FOLDER / name)
            for name in (LATEST, PREVIOUS, "2epoch_checkpoint.pt", "4epoch_checkpoint.pt")
        }
        self.metrics, self.beside = rows_of(run), beside(folder / "dataset")
        self.pictures = {path.name: path.read_bytes() for path in sorted(run.glob("train_results/*"))}
        self.files = sorted(
            str(path.relative_to(run))
            for path in run.rglob("*")
            if path.is_file() and path.parent.name != "tensorboard" and not path.name.startswith("log.txt")
        )

    def differs_from(self, other: Outcome) -> list[str]:
        """Names of what isn't the same."""
        return [name for name in vars(self) if not same(getattr(self, name), getattr(other, name))]


def command(folder: Path) -> list:
    where = ("--dataset_path", folder / "dataset", "--result_path", folder / "results", "--result_title", "run")
    return ["train.py", *TINY_ARGV, *where, *MORE]


def kill_training(
    programs: Programs, count: int, seed: int, say: Callable[[str], None] = print, progress: bool = False
) -> Counter:
    """Kill `count` times; how often in which way, and how many runs ended before they could be killed.

    Args:
        programs: what starts the runs.
    Raises:
        AssertionError: a run that was killed did not end as the one that wasn't.
    """
    rng, told, ways = random.Random(seed), Counter(), itertools.cycle(WAYS)
    with tempfile.TemporaryDirectory(prefix="capture-kill-") as temporary:
        source, folder = Path(temporary, "dataset"), Path(temporary, "once")
        make_dataset(source)
        shutil.copytree(source, folder / "dataset")
        began = time.monotonic()
        finished = programs.run(*command(folder), count=True)
        seconds, calls = time.monotonic() - began, finished.calls
        assert finished.status == 0, finished.err
        largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        wanted = Outcome(folder)  # every trial is in a folder of the same name: the checkpoint's configuration has it
        with tqdm(total=count, unit="kill", disable=not progress) as bar:
            while told["killed"] < count:
                shutil.rmtree(folder)
                shutil.copytree(source, folder / "dataset")
                history = []
                for _ in range(rng.choice((1, 1, 2, 3))):
                    way = next(ways)
                    options = {
                        "call": {"kill_at": rng.randint(1, calls)},
                        "call behind": {"kill_at": rng.randint(1, calls), "kill_behind": True},
                        "write": {"file_limit": int(largest ** rng.uniform(0.5, 1)), "dies_of_it": True},
                        "time": {"kill_after": rng.uniform(0, seconds)},
                    }[way]
                    finished = programs.run(*command(folder), **options)
                    history.append((way, options, finished.status))
                    killed = finished.status < 0
                    told["killed" if killed else "ended before"] += 1
                    told[way] += killed
                    bar.update(killed)
                    assert killed or finished.status in (0, 2), (history, finished.err)
                    assert killed or finished.status == 0 or "can't be written" in finished.error(), history
                    rows_of(folder / "results" / "run")
                finished = programs.run(*command(folder))
                assert finished.status == 0, (history, finished.err)
                other = Outcome(folder).differs_from(wanted)
                assert not other, (history, other)
                told["runs"] += 1
    for what in sorted(told):
        say(f"{told[what]:4}  {what}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="of kills (default 200)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with Programs() as programs:
        kill_training(programs, args.count, args.seed, progress=True)


if __name__ == "__main__":
    sys.exit(main())
