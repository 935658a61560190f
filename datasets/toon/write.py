"""`write_toon`: a data set of cartoon characters on disk, in the layout of datasets/writing.py.

The work is cut into jobs, one character in one clip each, whatever the number of workers; a job's frames are always
drawn together. Frames that exist are kept, so an interrupted run continues where it stopped.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from capture.errors import CaptureError
from datasets.writing import begin, flat_name, write_manifest, write_pairs, write_png

from .camera import Shot, View
from .dataset import HELD_OUT_SEEDS
from .motions import CLIPS, VARIED
from .render import BACKGROUND, render
from .version import TOON_VERSION

_AZIMUTHS = (0, 45, 180, 90, 330, 135, 270, 20, 225, 315, 65, 200)  # spread over any few neighbours


@dataclass(frozen=True)
class ClipPlan:
    """A clip of the data set: the same style, times and view for every character."""

    clip: str
    azimuth: int
    pitch: float
    perspective: float
    style_seed: int

    @property
    def name(self) -> str:
        return f"{self.clip}_az{self.azimuth:03d}"

    def shot(self, character: int, frame: int, frames: int) -> Shot:
        view = View(self.azimuth, self.pitch, self.perspective)
        return Shot(character, self.clip, self.style_seed, frame / frames, view)


@dataclass(frozen=True)
class _Job:
    """Shots to draw together, and where each goes: folder/imgs/name, and folder/{uv,mask}/name if asked."""

    shots: tuple[Shot, ...]
    folder: Path
    names: tuple[str, ...]
    size: int
    uv: bool

    def files(self, k: int) -> dict[str, Path]:
        """Output of `render` -> path, of shot k."""
        kinds = {"rgb": "imgs", "iuv": "uv", "mask": "mask"} if self.uv else {"rgb": "imgs"}
        return {output: self.folder / kind / self.names[k] for output, kind in kinds.items()}

    def missing(self) -> bool:
        return any(not path.exists() for k in range(len(self.names)) for path in self.files(k).values())


def character_name(seed: int) -> str:
    """The folder of a character: its number is its seed."""
    return f"toon_{seed:05d}"


def _clip_plans(clips: int, test_clips: int, seed: int) -> tuple[list[ClipPlan], list[ClipPlan]]:
    """Train and test clips: different motions; azimuths spread over front, sides, back and between."""
    held = min(test_clips, len(VARIED) - 1)
    train_names = VARIED[:clips] if clips + held <= len(VARIED) else VARIED[: len(VARIED) - held]
    names = [train_names[i % len(train_names)] for i in range(clips)]
    names += VARIED[len(train_names) : len(train_names) + held]
    rng = np.random.default_rng([seed, 1])
    start = int(rng.integers(len(_AZIMUTHS)))
    plans, used = [], set()
    for i, name in enumerate(names):
        azimuth = (_AZIMUTHS[(start + i) % len(_AZIMUTHS)] + int(rng.integers(-12, 13))) % 360
        while (name, azimuth) in used:
            azimuth = (azimuth + 7) % 360
        used.add((name, azimuth))
        pitch, perspective = round(float(rng.uniform(0, 12)), 2), round(float(rng.uniform(0.05, 0.2)), 3)
        plans.append(ClipPlan(name, azimuth, pitch, perspective, int(rng.integers(2**31))))
    return plans[:clips], plans[clips:]


def _draw_seeds(rng: np.random.Generator, seeds: range, count: int) -> list[int]:
    return [seeds[int(i)] for i in rng.permutation(len(seeds))[:count]]


def _check(parameters: dict[str, Any]) -> None:
    limits = {"characters": 1, "clips": 1, "frames": 1, "test_characters": 2, "test_clips": 1, "seed": 0}
    for name, least in limits.items():
        if parameters[name] < least:
            raise CaptureError(f"toon: {name} is {parameters[name]}; use at least {least}")
    if parameters["size"] < 16 or parameters["size"] % 2:
        raise CaptureError(f"toon: size is {parameters['size']}; use an even number of pixels, at least 16")
    for name, most in (("test_characters", len(HELD_OUT_SEEDS)), ("test_clips", len(CLIPS) - 1)):
        if parameters[name] > most:
            raise CaptureError(f"toon: {name} is {parameters[name]}; there are {most}")


def _sweep(out: Path) -> None:
    """Remove what a killed run was in the middle of writing."""
    for path in out.rglob(".*.partial"):
        path.unlink(missing_ok=True)


_stop: Any = None


def _start_worker(stop: Any) -> None:
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a frame is finished first
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _run(job: _Job) -> int:
    """Draw a job and write the frames that are missing; the number of frames."""
    if _stop is not None and _stop.is_set():
        return 0
    drawn = render(job.shots, job.size, outputs=tuple(job.files(0)))
    for k in range(len(job.names)):
        for output, path in job.files(k).items():
            if not path.exists():
                image = drawn[output][k]
                write_png(
                    path, (image.byte() * 255 if output == "mask" else image.permute(1, 2, 0).contiguous()).numpy()
                )
        if _stop is not None and _stop.is_set():
            return 0
    return len(job.names)


def _run_all(jobs: list[_Job], workers: int) -> Iterator[int]:
    """Frames finished by each job, as they finish; on any exit no worker is left."""
    if workers == 1 or len(jobs) <= 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield from map(_run, jobs)
        finally:
            torch.set_num_threads(threads)
        return
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(min(workers, len(jobs)), context, _start_worker, (stop,))
    try:
        for future in concurrent.futures.as_completed([pool.submit(_run, job) for job in jobs]):
            yield future.result()
    except concurrent.futures.process.BrokenProcessPool:
        raise CaptureError(
            "toon: a worker process died (out of memory?); run the same command again with fewer workers"
        ) from None
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _pairs(
    rng: np.random.Generator, characters: list[int], plans: list[ClipPlan], test_plans: list[ClipPlan], frames: int
) -> list[tuple[tuple[ClipPlan, int, int], ...]]:
    """(identity, pose, target) triples of (clip, character, frame); half of the poses are of held-out clips."""
    triples = []
    everything = plans + test_plans
    for i in range(max(16, 4 * len(characters))):
        a = characters[i % len(characters)]
        b = characters[(i + 1 + int(rng.integers(len(characters) - 1))) % len(characters)]
        seen = everything[int(rng.integers(len(everything)))]
        azimuth = int(rng.integers(-60, 61)) % 360 if rng.random() < 0.85 else seen.azimuth
        seen = ClipPlan(seen.clip, azimuth, seen.pitch, seen.perspective, seen.style_seed)
        source = test_plans if i % 2 == 0 else plans
        posed = source[int(rng.integers(len(source)))]
        k, frame = int(rng.integers(frames)), int(rng.integers(frames))
        triples.append(((seen, a, k), (posed, b, frame), (posed, a, frame)))
    return triples


def write_toon(
    out: Path,
    characters: int,
    clips: int,
    frames: int,
    size: int,
    seed: int,
    uv: bool = False,
    workers: int | None = None,
    test_characters: int = 8,
    test_clips: int = 3,
    progress: bool = True,
) -> dict[str, Any]:
    """Write (or finish) a toon data set and return its manifest.

    Args:
        out: the folder; empty, absent, or an unfinished run with the same arguments.
        characters, clips, frames: of the training part: `characters x clips x frames` pictures.
        size: side of the pictures in pixels, even, at least 16.
        seed: of everything; the same arguments give the same bytes with any number of workers.
        uv: write an IUV map (PNG: part, u, v) and a mask beside every frame, in uv/ and mask/.
        workers: processes; all cores by default.
        test_characters, test_clips: held-out characters (seeds in HELD_OUT_SEEDS) and clips of the test part.
        progress: a bar on stderr.

    Raises:
        CaptureError: an impossible number, or a folder that holds something else.
    """
    out = Path(out)
    _check(
        {
            "characters": characters,
            "clips": clips,
            "frames": frames,
            "size": size,
            "seed": seed,
            "test_characters": test_characters,
            "test_clips": test_clips,
        }
    )
    rng = np.random.default_rng([seed, 0])
    first = HELD_OUT_SEEDS.stop
    train = sorted(_draw_seeds(rng, range(first, first + max(90000, 2 * characters)), characters))
    held = sorted(_draw_seeds(rng, HELD_OUT_SEEDS, test_characters))
    plans, test_plans = _clip_plans(clips, test_clips, seed)

    jobs = []
    for character in train:
        for plan in plans:
            shots = tuple(plan.shot(character, k, frames) for k in range(frames))
            folder = out / "train" / character_name(character) / plan.name
            jobs.append(_Job(shots, folder, tuple(f"{k:03d}.png" for k in range(frames)), size, uv))
    rows, wanted = [], {}
    for triple in _pairs(rng, held, plans, test_plans, frames):
        row = []
        for plan, character, k in triple:
            name = flat_name(character_name(character), plan.name, f"{k:03d}")
            wanted.setdefault(character, {})[name] = plan.shot(character, k, frames)
            row.append(f"imgs/{name}")
        rows.append(tuple(row))
    jobs += [_Job(tuple(shots.values()), out / "test", tuple(shots), size, uv) for shots in wanted.values()]

    manifest = {
        "kind": "toon",
        "aligned": True,
        "toon_version": TOON_VERSION,
        "seed": seed,
        "size": size,
        "background": list(BACKGROUND),
        "uv": uv,
        "characters": characters,
        "clips": clips,
        "frames": frames,
        "train_characters": [character_name(c) for c in train],
        "train_clips": [{"name": plan.name, **asdict(plan)} for plan in plans],
        "train_images": characters * clips * frames,
        "test_characters": [character_name(c) for c in held],
        "test_clips": [{"name": plan.name, **asdict(plan)} for plan in test_plans],
        "test_images": sum(len(shots) for shots in wanted.values()),
        "test_pairs": len(rows),
    }
    if begin(out, manifest):
        return manifest
    _sweep(out)
    todo = [job for job in jobs if job.missing()]
    total = sum(len(job.names) for job in jobs)
    left = sum(len(job.names) for job in todo)
    workers = (
        workers
        if workers is not None
        else len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )
    try:
        with (
            tqdm(
                total=total, initial=total - left, desc="toon", unit="frame", disable=not progress, file=sys.stderr
            ) as bar,
            contextlib.closing(_run_all(todo, max(workers, 1))) as finished,
        ):
            for count in finished:
                bar.update(count)
    finally:
        _sweep(out)
    write_pairs(out / "test" / "pairs.csv", rows)
    write_manifest(out, manifest)
    return manifest
