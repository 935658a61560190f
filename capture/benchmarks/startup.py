"""Start-up: how long programs take from start to end, against the bare interpreter and `import torch`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from capture.common.programs import PROGRAMS
from capture.common.shipped import PACKAGE
from capture.data.toon.motion.motions import VARIED
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.data.writing import write_png

TORCH = "import torch"
UNMEASURED = ("app",)  # its libraries are an extra


def measure(repeats: int = 3) -> list[dict]:
    """Rows of seconds: the interpreter, `import torch`, --help of every program, and one picture with the Toon weights.

    The ways take turns; ratios are of medians. The time of the picture includes the rendering itself.
    """
    with tempfile.TemporaryDirectory(prefix="capture-startup-") as folder:
        identity, pose = draw_pair(Path(folder))
        pictures = ["--iden_path", identity, "--pose_path", pose, "--save_dir", folder]
        program = ["-m", "capture"]
        ways = {
            "python -c pass": ["-c", "pass"],
            f"python -c '{TORCH}'": ["-c", TORCH],
            **{
                f"{PROGRAMS[name].file} --help": [*program, name, "--help"]
                for name in PROGRAMS
                if name not in UNMEASURED
            },
            "save_result.py, one picture": [*program, "render", "Toon", *map(str, pictures)],
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


def draw_pair(folder: Path, size: int = 128) -> tuple[Path, Path]:
    """Pictures of two characters of the toon renderer, in two poses, of `size` pixels to a side."""
    shots = [Shot(seed, VARIED[0], seed, 0.25 * seed, View(0)) for seed in (1, 2)]
    paths = folder / "identity.png", folder / "pose.png"
    for path, picture in zip(paths, render(shots, size)["rgb"]):
        write_png(path, picture.permute(1, 2, 0).numpy())
    return paths


def _clock(argv: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *argv], cwd=PACKAGE.parent, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - start
