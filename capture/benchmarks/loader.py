"""Reading training samples: the release's way, and ours from the same frames.

Every way runs in one process on one thread, and they take turns, so that what else the machine does falls on all of
them. Files are in the system's cache for all: a disk would slow down those that read more.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate
from torchvision.transforms.functional import normalize, to_tensor

from capture.benchmarks.timing import peak_mb, reset_peak
from capture.data.cache import prepare_frames
from capture.data.decoding import decode_picture
from capture.data.frames import FrameDataset
from capture.data.index.catalog import Catalog, scan
from capture.data.sampling import draw
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.rendering.render import render
from capture.data.toon.shots import draw_shot
from capture.data.writing import write_png

BATCH = 4
REPEATS = 3
CHARACTERS, CLIPS_EACH, FRAMES_EACH = 4, 2, 4
CPU = torch.device("cpu")

Read = Callable[[int], Any]  # reads batch number i


def measure(
    folder: Path | None = None, size: int = 256, source: int = 1024, seconds: float = 5
) -> list[dict[str, Any]]:
    """Samples a second on one core, of one identity, real and pose each, at size x size.

    Args:
        folder: a dataset whose frames are read (a few of them); None: built-in characters, enlarged to source x source.
        seconds: how long each way reads in each of three rounds.
    Returns:
        A row for each way: name, samples_per_second (the median of the rounds), times_release, peak_memory_mb,
        spread (least, most).
    """
    with tempfile.TemporaryDirectory(prefix="capture-loader-") as temporary:
        frames = Path(temporary)
        _make_frames(frames, folder, size, source)
        pools = {name: ProcessPoolExecutor(1, multiprocessing.get_context("fork")) for name in WAYS}
        try:
            rounds = [
                {name: pool.submit(_round, name, frames, size, seconds).result() for name, pool in pools.items()}
                for _ in range(REPEATS)
            ]
        finally:
            for pool in pools.values():
                pool.shutdown()
    rates = {name: [one[name][0] for one in rounds] for name in WAYS}
    release = statistics.median(rates[RELEASE])
    return [
        {
            "name": name.format(size=size, source=source),
            "samples_per_second": statistics.median(rates[name]),
            "times_release": statistics.median(rates[name]) / release,
            "peak_memory_mb": max(one[name][1] for one in rounds),
            "spread": (min(rates[name]), max(rates[name])),
        }
        for name in WAYS
    ]


def release(frames: Path, size: int) -> Read:
    """Three files of full size for a sample, as float tensors: padded with white, resized, normalised."""
    catalog = _catalog(frames / "sources")

    def load(number: int) -> Tensor:
        image = to_tensor(Image.open(catalog.frame(number)[0]).convert("RGB"))  # (3, H, W)
        h, w = image.shape[1:]
        side = max(h, w)
        left, top = (side - w) // 2, (side - h) // 2
        image = F.pad(image, (left, side - w - left, top, side - h - top), value=1.0)
        image = F.interpolate(image[None], (size, size), mode="bilinear", align_corners=False)[0]
        return normalize(image, [0.5] * 3, [0.5] * 3)

    def read(number: int) -> Any:
        drawn = [draw(catalog, 0, number * BATCH + i) for i in range(BATCH)]
        return default_collate([{name: load(getattr(d, name)) for name in ("identity", "real", "pose")} for d in drawn])

    return read


def ours(frames: Path, size: int, part: str, cache_gb: float = 0.0) -> Read:
    """What training reads: uint8, normalised later on the device."""
    dataset = FrameDataset(_catalog(frames / part), size, 0, cache_gb)
    dataset.prepared = prepare_frames(dataset.catalog, size, cache_gb, progress=False)
    return lambda number: dataset.batch(range(number * BATCH, (number + 1) * BATCH))


WAYS: dict[str, Callable[[Path, int], Read]] = {
    "the release's way, from {source}x{source} files": release,
    "ours from {source}x{source} files": lambda frames, size: ours(frames, size, "sources"),
    "ours from files prepared at {size}x{size}": lambda frames, size: ours(frames, size, "prepared"),
    "ours from frames mapped into memory": lambda frames, size: ours(frames, size, "sources", 4.0),
}
RELEASE = next(iter(WAYS))


def _round(name: str, frames: Path, size: int, seconds: float) -> tuple[float, float]:
    """(samples a second, peak memory in MB) of one way, in a process of its own."""
    torch.set_num_threads(1)
    read = WAYS[name](frames, size)
    read(0)
    reset_peak(CPU)
    began = time.perf_counter()
    for number in count(1):
        read(number)
        taken = time.perf_counter() - began
        if taken >= seconds:
            return number * BATCH / taken, peak_mb(CPU)


def _catalog(root: Path) -> Catalog:
    return replace(scan(root, progress=False), aligned=False)  # the release reads no targets


def _make_frames(out: Path, folder: Path | None, size: int, source: int) -> None:
    """out/sources: files as they are; out/prepared: the same at size x size, as prepare.py writes them."""
    sources = _some_of(folder) if folder else _enlarged(out / "drawn", source)
    for name, path in sources.items():
        (out / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
        (out / "sources" / name).symlink_to(path.resolve())
        write_png((out / "prepared" / name).with_suffix(".png"), decode_picture(path, size))


def _some_of(folder: Path) -> dict[str, Path]:
    """A few pictures of a dataset, by the name they get."""
    catalog = scan(folder, progress=False)
    index, found = catalog.index, {}
    for character in range(min(CHARACTERS, index.characters)):
        for clip in range(*index.clip_at[character : character + 2].tolist())[:CLIPS_EACH]:
            numbers = range(*index.frame_at[clip : clip + 2].tolist())[:FRAMES_EACH]
            for path, position in map(catalog.frame, numbers):
                if position is None:
                    found[f"train/{character}/{clip}/{path.name}"] = path
    return found


def _enlarged(out: Path, side: int) -> dict[str, Path]:
    """Built-in characters drawn at 256x256 and enlarged."""
    rng, found = np.random.default_rng(0), {}
    for character in range(CHARACTERS):
        for clip in range(CLIPS_EACH):
            shots = [draw_shot(rng, 20_000 + character, CLIPS, 0.5) for _ in range(FRAMES_EACH)]
            for i, picture in enumerate(render(shots, 256)["rgb"]):
                image = Image.fromarray(picture.permute(1, 2, 0).numpy()).resize((side, side), Image.Resampling.BICUBIC)
                name = f"train/{character}/{clip}/{i}.png"
                write_png(out / name, np.asarray(image))
                found[name] = out / name
    return found
