"""`write_benchmark`: CaPTURe-Bench on the disk and as one archive, with its digest."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.common.workers import work
from capture.data.benchmark.digest import digest_pairs
from capture.data.benchmark.plan import (
    CHARACTERS,
    HELD_OUT_CLIPS,
    KINDS,
    NAME,
    PAIRS,
    SIZE,
    STYLES,
    TRAINING_CLIPS,
    VERSION,
    PlannedPair,
    plan_pairs,
)
from capture.data.toon.write import RenderJob, character_name, run_job
from capture.data.writing import begin, write_manifest

HEADER = ("identity", "pose", "target", "identity_uv", "pose_uv", "target_uv")
ALL = "pairs"  # the list of all pairs, beside one list for each kind
DIGESTS = {  # of the whole benchmark: style -> digest_pairs of its list of all pairs
    "toon": "9bef30e4862c2f3bb3cf9f2b245492c03ab7883fef69c1359ec5e5a2c8633f28",
}
_PAIRS_A_JOB = 8
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the time that every file in the archive has


def write_benchmark(
    out: Path, pairs: int = PAIRS, size: int = SIZE, workers: int | None = None, progress: bool = True
) -> dict[str, Any]:
    """Write (or finish) the benchmark below `out` and return its manifest, with the digest of every style.

    out/<style>/imgs, uv and mask have the pictures, their IUV maps and masks; out/<style>/<kind>.csv the pairs of each
    kind, and out/<style>/pairs.csv all of them.

    Args:
        pairs, size: PAIRS and SIZE in the benchmark; other numbers give something else, for trying out.
        workers: processes; all cores by default.
    Raises:
        CaptureError: a folder that holds something else; or the digest is not that of the benchmark, because another
            version of PyTorch or NumPy renders other pixels.
    """
    out, is_whole = Path(out), (pairs, size) == (PAIRS, SIZE)
    manifest: dict[str, Any] = {
        "kind": NAME,
        "benchmark_version": VERSION,
        "size": size,
        "styles": list(STYLES),
        "kinds": list(KINDS),
        "pairs_of_each_kind": pairs,
        "test_characters": [character_name(seed) for seed in CHARACTERS],
        "held_out_clips": list(HELD_OUT_CLIPS),
        "training_clips": list(TRAINING_CLIPS),
    }
    if not begin(out, manifest, results=("digests",)):
        planned = {kind: plan_pairs(kind, pairs) for kind in KINDS}
        every = [pair for kind in KINDS for pair in planned[kind]]
        jobs = [job for style in STYLES for job in _jobs(out / style, every, size)]
        total = sum(len(job.names) for job in jobs)
        todo = [job for job in jobs if job.missing()]
        work(run_job, todo, out, workers, total - sum(len(job.names) for job in todo), total, progress=progress)
        for style in STYLES:
            for name, chosen in {ALL: every, **planned}.items():
                write_bytes(out / style / f"{name}.csv", _csv(chosen))
        manifest["digests"] = {style: digest_pairs([out / style / f"{ALL}.csv"]) for style in STYLES}
        write_manifest(out, manifest)
    else:
        manifest["digests"] = {style: digest_pairs([out / style / f"{ALL}.csv"]) for style in STYLES}
    for style in STYLES if is_whole else ():
        if manifest["digests"][style] != DIGESTS[style]:
            raise CaptureError(
                f"{out}: not {NAME} {VERSION}: {style} has the digest {manifest['digests'][style][:16]}..., expected "
                f"{DIGESTS[style][:16]}...; install the versions of requirements.txt, or use the published archive"
            )
    return manifest


def write_archive(out: Path, archive: Path) -> None:
    """The benchmark as one ZIP file, whose files stand in the order of their names and have one fixed time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:  # PNG is compressed already
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(f"{out.name}/{path.relative_to(out).as_posix()}", _EPOCH)
            info.external_attr = 0o644 << 16
            file.writestr(info, path.read_bytes())
    write_bytes(archive, buffer.getvalue())


def _jobs(folder: Path, pairs: list[PlannedPair], size: int) -> list[RenderJob]:
    """The pictures of a few pairs each, which are rendered together."""
    jobs = []
    for start in range(0, len(pairs), _PAIRS_A_JOB):
        shots = {
            pair.name(role): shot for pair in pairs[start : start + _PAIRS_A_JOB] for role, shot in pair.shots().items()
        }
        jobs.append(RenderJob(tuple(shots.values()), folder, tuple(shots), size, uv=True))
    return jobs


def _csv(pairs: list[PlannedPair]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for pair in pairs:
        names = [pair.name(role) for role in HEADER[:3]]
        writer.writerow([f"imgs/{name}" for name in names] + [f"uv/{name}" for name in names])
    return text.getvalue().encode()
