"""`write_benchmark`: CaPTURe-Bench on the disk and as one archive, with its digest."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError
from capture.common.files import visible_files, write_bytes
from capture.common.workers import stopping, work
from capture.data.benchmark.digest import digest_pairs
from capture.data.benchmark.drawing import STYLES, draw_pairs
from capture.data.benchmark.plan import (
    CHARACTERS,
    HELD_OUT_CLIPS,
    KINDS,
    NAME,
    PAIRS,
    SIZE,
    TRAINING_CLIPS,
    VERSION,
    PlannedPair,
    plan_pairs,
)
from capture.data.toon.write import character_name
from capture.data.writing import begin, is_written, write_manifest, write_png

HEADER = ("identity", "pose", "target", "identity_uv", "pose_uv", "target_uv")
ALL = "pairs"  # the list of all pairs, beside one list for each kind
DIGESTS = {  # of the whole benchmark: style -> digest_pairs of its list of all pairs
    "flat": "964c95b3ee7f9681f42c3304af7dbfe19bcf8bcc79c6bf0f2cc02305c8bd3b18",
    "outlined": "495bf980ea15d1d67f0acb70f8a3bdaec3ec43f1f34ae00bcb5bca0e05e5344c",
    "pixel": "288b568a5274fe0588652e0dc8e29574e7bf0911924e3582a59318c714aaa977",
    "shaded": "23778b9583e553b6fb3627db5c43bc28bd609f36d0e0f1769f500e1b9f76ecb6",
}
KIND_OF_OUTPUT = {"rgb": "imgs", "iuv": "uv", "mask": "mask"}  # what is drawn -> the folder of its files
_PAIRS_A_JOB = 8
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the time that every file in the archive has


@dataclass(frozen=True)
class BenchmarkJob:
    """A few pairs, whose pictures are drawn together in every style below `folder`."""

    pairs: tuple[PlannedPair, ...]
    folder: Path
    size: int

    @property
    def count(self) -> int:
        """The number of pictures, without maps and masks."""
        return len(STYLES) * len(self.names())

    def names(self) -> list[str]:
        """The names of the pictures, pair after pair."""
        return [pair.name(role) for pair in self.pairs for role in pair.shots()]

    def files(self) -> list[Path]:
        """Every file of the job."""
        return [
            self.folder / style / kind / name
            for style in STYLES
            for kind in KIND_OF_OUTPUT.values()
            for name in self.names()
        ]


def run_job(job: BenchmarkJob) -> int:
    """Draw a job and write its missing files; returns the number of its pictures."""
    if stopping():
        return 0
    shots = [shot for pair in job.pairs for shot in pair.shots().values()]
    for style, drawn in draw_pairs(shots, job.size).items():
        pixels = {output: drawn[output].permute(0, 2, 3, 1) for output in ("rgb", "iuv")}
        pixels["mask"] = drawn["mask"].byte() * 255
        for output, kind in KIND_OF_OUTPUT.items():
            for k, name in enumerate(job.names()):
                path = job.folder / style / kind / name
                if not is_written(path):
                    write_png(path, pixels[output][k].contiguous().numpy())
        if stopping():
            return 0
    return job.count


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
        jobs = [BenchmarkJob(tuple(every[i : i + _PAIRS_A_JOB]), out, size) for i in range(0, len(every), _PAIRS_A_JOB)]
        total = sum(job.count for job in jobs)
        todo = [job for job in jobs if any(not is_written(path) for path in job.files())]
        work(run_job, todo, out, workers, total - sum(job.count for job in todo), total, progress=progress)
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
    """The benchmark as one ZIP file, whose files stand in the order of their names and have one fixed time.

    Raises:
        CaptureError: the archive would lie in the benchmark's own folder, or can't be written.
    """
    out = out.resolve()
    if archive.resolve().is_relative_to(out):
        raise CaptureError(f"--archive {archive}: lies in {out}, whose files it packs; name a file beside it")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:  # PNG is compressed already
        for path in visible_files(out):
            info = zipfile.ZipInfo(f"{out.name}/{path.relative_to(out).as_posix()}", _EPOCH)
            info.external_attr = 0o644 << 16
            file.writestr(info, path.read_bytes())
    write_bytes(archive, buffer.getvalue())


def _csv(pairs: list[PlannedPair]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for pair in pairs:
        names = [pair.name(role) for role in HEADER[:3]]
        writer.writerow([f"imgs/{name}" for name in names] + [f"uv/{name}" for name in names])
    return text.getvalue().encode()
