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

import torch
from tqdm import tqdm

from capture.errors import CaptureError
from datasets.writing import begin, flat_name, write_manifest, write_pairs, write_png

from .camera import Shot
from .plan import check_request, choose_characters, plan_clips, plan_pairs
from .render import BACKGROUND, render
from .version import TOON_VERSION


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
    views: str = "all",
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
        views: "all" sees the clips from all around, "front" from within some 60 degrees of the front.
        progress: a bar on stderr.

    Raises:
        CaptureError: an impossible number, or a folder that holds something else.
    """
    out = Path(out)
    request = {
        "characters": characters,
        "clips": clips,
        "frames": frames,
        "size": size,
        "seed": seed,
        "test_characters": test_characters,
        "test_clips": test_clips,
    }
    check_request(request, views)
    train, held = choose_characters(characters, test_characters, seed)
    plans, test_plans = plan_clips(clips, test_clips, seed, views)

    jobs = []
    for character in train:
        for plan in plans:
            shots = tuple(plan.shot(character, k, frames) for k in range(frames))
            folder = out / "train" / character_name(character) / plan.name
            jobs.append(_Job(shots, folder, tuple(f"{k:03d}.png" for k in range(frames)), size, uv))
    rows, wanted = [], {}
    for triple in plan_pairs(held, plans, test_plans, frames, seed):
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
        "views": views,
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
    workers = workers or os.cpu_count() or 1
    try:
        with (
            tqdm(
                total=total, initial=total - left, desc="toon", unit="frame", disable=not progress, file=sys.stderr
            ) as bar,
            contextlib.closing(_run_all(todo, workers)) as finished,
        ):
            for count in finished:
                bar.update(count)
    finally:
        _sweep(out)
    write_pairs(out / "test" / "pairs.csv", rows)
    write_manifest(out, manifest)
    return manifest
