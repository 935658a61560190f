"""Start-up: how long programs take from start to end, against the bare interpreter and `import torch`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("train.py", "save_result.py", "evaluate.py", "prepare.py", "benchmark.py")
TORCH = "import torch"


def measure(repeats: int = 3) -> list[dict]:
    """Rows of seconds: the interpreter, `import torch`, --help of every program, and one picture with result/Toon.

    The ways take turns; ratios are of medians. The time of the picture includes the rendering itself.
    """
    with tempfile.TemporaryDirectory(prefix="capture-startup-") as folder:
        pictures = ["--iden_path", "examples/boy.png", "--pose_path", "examples/pose_bow.png", "--save_dir", folder]
        ways = {
            "python -c pass": ["-c", "pass"],
            f"python -c '{TORCH}'": ["-c", TORCH],
            **{f"{program} --help": [program, "--help"] for program in PROGRAMS},
            "save_result.py, one picture": ["save_result.py", "result/Toon", *pictures],
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(repeats):
            for name, argv in ways.items():
                seconds[name].append(_clock(argv))
    torch = statistics.median(seconds[f"python -c '{TORCH}'"])
    return [
        {
            "way": name,
            "seconds": statistics.median(taken),
            "spread": f"{min(taken):.2f} to {max(taken):.2f} s",
            "times_import_torch": statistics.median(taken) / torch,
        }
        for name, taken in seconds.items()
    ]


def _clock(argv: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *argv], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start
