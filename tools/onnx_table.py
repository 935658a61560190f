"""Exported ONNX files against torch: `python -m tools.onnx_table result/Toon` prints the table of docs/EXPORT.md.

It exports a generator with its weights in 32, 16 and 8 bits, renders held-out toon pairs with every file, and prints
size, time and LPIPS. Times are medians of one run in which the ways take turns, on one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from capture.common.errors import Parser, command_line
from capture.data.toon.held_out import held_out_batch
from capture.inference.onnx.export import export_onnx
from capture.inference.onnx.files import PARTS, SUFFIX, part_path
from capture.inference.onnx.weights import PRECISIONS
from capture.inference.transfer import PoseTransfer
from tools.several_pictures import load_perceptual

FRAMES = 8  # poses of one identity, in the time of a video's frame


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("out/onnx"), help="where the files are written")
    parser.add_argument("--weights", help="folder with AlexNet's weights (default: $CAPTURE_WEIGHTS, else downloaded)")
    parser.add_argument("--pairs", type=int, default=32, help="toon pairs (default 32)")
    parser.add_argument("--repeats", type=int, default=5, help="of each time (default 5)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transfer = PoseTransfer.load(args.result, "cpu")
    alex = load_perceptual(args.weights)
    paths = write_files(transfer, args.folder)
    ways = {"torch": transfer, **{name: PoseTransfer.load(path, "cpu") for name, path in paths.items()}}
    pairs = held_out_batch(args.pairs, transfer.size, seed=0, views="front")
    pictures = {name: way.render(pairs["identity"], pairs["pose"], 1) for name, way in ways.items()}
    true = {name: alex(made, pairs["target"]).mean().item() for name, made in pictures.items()}
    apart = {name: alex(made, pictures["torch"]).mean().item() for name, made in pictures.items()}
    single = _clock(ways, lambda way: way.render(pairs["identity"][:1], pairs["pose"][:1]), args.repeats)
    frames = _clock(
        ways, lambda way: list(way.drive(pairs["identity"][:1], pairs["pose"][:FRAMES], batch_size=1)), args.repeats
    )
    print("| weights | whole file, MiB | parts, MiB | ms a picture | ms a frame | levels of 255, largest | mean | "
          "LPIPS from torch | LPIPS |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for name in ways:
        files = [part_path(paths[name], part) for part in PARTS] if name in paths else []
        parts = [f"{_mib(file):.1f}" for file in files if file.exists()]  # only some methods are cut into parts
        sizes = [f"{_mib(paths[name]):.1f}" if name in paths else "", " + ".join(parts)]
        levels = (pictures[name].float() - pictures["torch"].float()).abs()
        ms = [f"{took[name]:.0f} ({took[name] / took['torch']:.2f}x)" for took in (single, _per_frame(frames))]
        figures = [f"{levels.max():.0f}", f"{levels.mean():.4f}", f"{apart[name]:.5f}", f"{true[name]:.5f}"]
        print("| " + " | ".join([name, *sizes, *ms, *figures]) + " |")


def write_files(transfer: PoseTransfer, folder: Path) -> dict[str, Path]:
    """One export for each precision. Files of an earlier export are written again."""
    paths = {precision: folder / f"{precision}{SUFFIX}" for precision in PRECISIONS}
    for precision, path in paths.items():
        print(export_onnx(path, transfer.generator, transfer.config, precision), flush=True)
    return paths


def _clock(ways: dict[str, PoseTransfer], run, repeats: int) -> dict[str, float]:
    """Median milliseconds of each way, the ways taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            run(way)
            if i:  # the first is a warm-up
                taken[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


def _per_frame(times: dict[str, float]) -> dict[str, float]:
    return {name: ms / FRAMES for name, ms in times.items()}


def _mib(path: Path) -> float:
    return path.stat().st_size / 2**20


if __name__ == "__main__":
    command_line(main)()
