"""`write_toon`: a dataset of cartoon characters on the disk, in the layout of capture/data/writing.py.

The work is cut into jobs, one character in one clip each, whatever the number of workers; a job's frames are always
drawn together. Frames that exist are kept, so an interrupted run continues where it stopped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from capture.common.workers import stopping, work
from capture.data.plan_shards import Shard, finish, finished_manifest, folder_of, share_of
from capture.data.toon.plan import check_request, choose_characters, plan_clips, plan_pairs
from capture.data.toon.rendering.camera import Shot
from capture.data.toon.rendering.render import BACKGROUND, render
from capture.data.writing import begin, flat_name, is_written, write_png

TOON_VERSION = 1  # raised whenever the same arguments would give other pictures, but for a pixel in a million


@dataclass(frozen=True)
class RenderJob:
    """Shots that are rendered together, and their files: folder/imgs/name, and with `uv` also folder/{uv,mask}/name."""

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
        return any(not is_written(path) for k in range(len(self.names)) for path in self.files(k).values())


def character_name(seed: int) -> str:
    """The folder of a character: its number is its seed."""
    return f"toon_{seed:05d}"


def run_job(job: RenderJob) -> int:
    """Render a job and write its missing frames; returns the number of all its frames."""
    if stopping():
        return 0
    drawn = render(job.shots, job.size, outputs=tuple(job.files(0)))
    for k in range(len(job.names)):
        for output, path in job.files(k).items():
            if not is_written(path):
                image = drawn[output][k]
                write_png(
                    path, (image.byte() * 255 if output == "mask" else image.permute(1, 2, 0).contiguous()).numpy()
                )
        if stopping():
            return 0
    return len(job.names)


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
    shard: Shard | None = None,
) -> dict[str, Any]:
    """Write (or finish) a toon dataset and return its manifest.

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
        shard: write only this share of the frames, to the shard's folder beside `out`; see merge_shards.

    Raises:
        CaptureError: an impossible number, or a folder that holds something else.
    """
    out = folder_of(Path(out), shard)
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
            jobs.append(RenderJob(shots, folder, tuple(f"{k:03d}.png" for k in range(frames)), size, uv))
    rows: list[tuple[str, str, str]] = []
    wanted: dict[int, dict[str, Shot]] = {}
    for triple in plan_pairs(held, plans, test_plans, frames, seed):
        names = []
        for plan, character, k in triple:
            name = flat_name(character_name(character), plan.name, f"{k:03d}")
            wanted.setdefault(character, {})[name] = plan.shot(character, k, frames)
            names.append(f"imgs/{name}")
        identity, pose, target = names
        rows.append((identity, pose, target))
    jobs += [RenderJob(tuple(shots.values()), out / "test", tuple(shots), size, uv) for shots in wanted.values()]

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
    if begin(out, manifest) or finished_manifest(out):
        return manifest
    jobs = list(share_of(jobs, shard))
    todo = [job for job in jobs if job.missing()]
    total = sum(len(job.names) for job in jobs)
    work(run_job, todo, out, workers, total - sum(len(job.names) for job in todo), total, progress=progress)
    finish(out, manifest, rows, shard)
    return manifest
