"""Whether a long run stays as it is: memory, open files and threads of a command and all its children, over time.

    python -m tools.long_run --minutes 60 --out docs/long_run.json --plot docs/long_run.png -- \\
        train.py --method capture_parts --result_title long

Linux only (/proc). The command runs on when the time is over, unless --stop says to interrupt it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tqdm import tqdm

from capture.benchmarks.report import write_figure
from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_bytes

PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """The process and its descendants, those that are left."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue
        found.append(one)
        todo += [int(child) for child in children]
    return found


def measure(pid: int) -> dict[str, float]:
    """Of the process and its children: resident memory in MB, open files, threads, processes.

    memory_MB counts a page that n processes share as 1/n, other programs' included; anonymous_MB is the part of it that
    isn't a file's (libraries, prepared frames), and so what a leak would be in.
    """
    memory, anonymous, files, threads, processes = 0, 0, 0, 0, family(pid)
    for one in processes:
        try:
            rollup = dict(line.split(":") for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()[1:])
            memory += int(rollup["Pss"].split()[0])
            anonymous += int(rollup["Pss_Anon"].split()[0])
            files += len(os.listdir(f"/proc/{one}/fd"))
            threads += len(os.listdir(f"/proc/{one}/task"))
        except (OSError, KeyError):  # it ended meanwhile
            continue
    sizes = {"memory_MB": memory / 1000, "anonymous_MB": anonymous / 1000}
    return {**sizes, "files": files, "threads": threads, "processes": len(processes)}


def drift(rows: list[dict[str, float]], key: str) -> tuple[float, float]:
    """Means over the second quarter of the time and over the last: a leak shows between them, a start does not."""
    quarter = len(rows) // 4
    early, late = rows[quarter : 2 * quarter], rows[-quarter:]
    return tuple(sum(row[key] for row in part) / max(len(part), 1) for part in (early, late))


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """Draw memory and open files over the minutes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    minutes = [row["seconds"] / 60 for row in rows]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    for axis, key, label in zip(axes, ("memory_MB", "files"), ("resident memory (MB)", "open files")):
        axis.plot(minutes, [row[key] for row in rows], lw=1)
        if key == "memory_MB":
            axis.plot(minutes, [row["anonymous_MB"] for row in rows], lw=1, label="without mapped files")
            axis.legend(frameon=False)
        axis.set(xlabel="minutes", ylabel=label, ylim=(0, 1.15 * max(row[key] for row in rows)))
        axis.grid(alpha=0.3)
    write_figure(figure, path)


def main() -> None:
    parser = Parser(prog="long_run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=10, help="seconds between two looks (default 10)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for what was seen")
    parser.add_argument("--plot", type=Path, help="picture of it")
    parser.add_argument("--stop", action="store_true", help="interrupt the command when the time is over")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and a Python program with its arguments")
    args = parser.parse_args()
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        parser.error("give the program to watch after --")
    if not Path("/proc/self/smaps_rollup").exists():
        raise CaptureError("no /proc/self/smaps_rollup: this needs Linux 4.14 or newer")
    began, rows = time.monotonic(), []
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    with tqdm(total=round(args.minutes * 60), unit="s", desc="watching") as bar:
        while process.poll() is None and time.monotonic() - began < args.minutes * 60:
            time.sleep(args.every)
            rows.append({"seconds": round(time.monotonic() - began, 1), **measure(process.pid)})
            write_bytes(args.out, json.dumps({"command": command, "rows": rows}).encode(), sync=False)
            bar.update(round(time.monotonic() - began) - bar.n)
    if args.stop and process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait()
    if len(rows) < 8:
        raise CaptureError(f"{' '.join(command)}: ended after {len(rows)} looks, too few to judge")
    for key in ("memory_MB", "anonymous_MB", "files", "threads"):
        early, late = drift(rows, key)
        print(f"{key}: {early:.1f} in the second quarter, {late:.1f} in the last ({100 * (late / early - 1):+.1f} %)")
    if args.plot:
        plot(rows, args.plot)
        print(args.plot)


if __name__ == "__main__":
    command_line(main)()
