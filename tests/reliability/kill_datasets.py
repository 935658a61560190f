"""Kill what writes datasets, at random moments, and see that the same command then ends as if nothing had happened.

    python -m tests.reliability.kill_datasets --count 60 --seed 1

Three programs: prepare.py toon, prepare.py fashion, and what training writes beside a dataset (index and prepared
frames, anew and after the dataset has changed). Ways to die, which take turns for each program: SIGKILL before or after
the n-th call that changes a file, a signal in the middle of a write (half of it is then in the file), SIGKILL after
some milliseconds. Each dies one to three times in a row and is then run to its end: the same bytes (of prepared frames
and of an index: the same arrays), no file more and none less.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.datasets import TOON, beside, change_dataset, files, make_dataset
from tests.helpers.make_videos import make_video
from tests.helpers.programs import Programs

SIZE = 48
WAYS = ("call", "write", "call behind", "time")


@dataclass(frozen=True)
class Target:
    """A program to kill.

    begin: makes the folder that it is started on.  command: program and arguments for that folder.
    outcome: what is compared.
    """

    name: str
    begin: Callable[[Path], None]
    command: Callable[[Path], list]
    outcome: Callable[[Path], dict[str, str]]


def make_targets(programs: Programs, folder: Path) -> list[Target]:
    """The programs, and in `folder` what they start from."""
    make_dataset(folder / "dataset")
    shutil.copytree(folder / "dataset", folder / "changed")
    prepared = programs.run("tests/helpers/prepare_frames.py", folder / "changed", SIZE)
    assert "prepared" in prepared.out, prepared
    change_dataset(folder / "changed")
    for split, name, frames in (("train", "a", 6), ("train", "b", 5), ("test", "c", 4)):
        make_video(folder / "download" / split / f"{name}.mp4", frames)

    def copy(name: str) -> Callable[[Path], None]:
        return lambda out: shutil.copytree(folder / name, out)  # times of change are copied too

    def frames(out: Path) -> list:
        return ["tests/helpers/prepare_frames.py", out, SIZE]

    def nothing(out: Path) -> None:
        pass

    return [
        Target("frames", copy("dataset"), frames, beside),
        Target("frames of a changed dataset", copy("changed"), frames, beside),
        Target("toon", nothing, lambda out: ["prepare.py", "toon", out, *TOON, "--workers", 1], files),
        Target(
            "fashion",
            nothing,
            lambda out: ["prepare.py", "fashion", folder / "download", out, "--size", 32, "--workers", 1],
            files,
        ),
    ]


def kill_datasets(programs: Programs, count: int, seed: int, say: Callable[[str], None] = print) -> Counter:
    """Kill `count` times; how often in which way, and how many runs ended before they could be killed.

    Args:
        programs: what starts the programs to kill.
    Raises:
        AssertionError: what a killed program left wasn't made good.
    """
    rng, told = random.Random(seed), Counter()
    with tempfile.TemporaryDirectory(prefix="capture-kill-") as temporary:
        folder = Path(temporary)
        targets = make_targets(programs, folder)
        out, wanted, calls, seconds, largest = folder / "out", {}, {}, {}, {}
        ways = {target.name: itertools.cycle(WAYS) for target in targets}
        for target in targets:
            target.begin(out)
            began = time.monotonic()
            finished = programs.run(*target.command(out), count=True)
            assert finished.status == 0, (target.name, finished.err)
            calls[target.name], seconds[target.name] = finished.calls, time.monotonic() - began
            wanted[target.name] = target.outcome(out)
            largest[target.name] = max(path.stat().st_size for path in out.rglob("*") if path.is_file())
            shutil.rmtree(out)
        trial = 0
        while told["killed"] < count:
            target = targets[trial % len(targets)]
            trial += 1
            target.begin(out)
            history = []
            for _ in range(rng.choice((1, 1, 2, 3))):
                way = next(ways[target.name])
                options = {
                    "call": {"kill_at": rng.randint(1, calls[target.name])},
                    "call behind": {"kill_at": rng.randint(1, calls[target.name]), "kill_behind": True},
                    "write": {"file_limit": int(largest[target.name] ** rng.random()), "dies_of_it": True},
                    "time": {"kill_after": rng.uniform(0, seconds[target.name])},
                }[way]
                finished = programs.run(*target.command(out), **options)
                history.append((way, options, finished.status))
                ended = finished.status >= 0
                told["ended before" if ended else "killed"] += 1
                told[f"{target.name}, {way}"] += not ended
                assert not ended or finished.status == 0, (target.name, history, finished.err)
            finished = programs.run(*target.command(out))
            assert finished.status == 0, (target.name, history, finished.err)
            found = target.outcome(out)
            other = sorted(k for k in {*found, *wanted[target.name]} if found.get(k) != wanted[target.name].get(k))
            assert not other, (target.name, history, other)
            shutil.rmtree(out)
    for what in sorted(told):
        say(f"{told[what]:4}  {what}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60, help="of kills (default 60)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with Programs() as programs:
        kill_datasets(programs, args.count, args.seed)


if __name__ == "__main__":
    sys.exit(main())
