"""`pack_dataset`: training samples of a dataset of frames, drawn and decoded once, in WebDataset shards.

A shard is a .tar file of PNGs, `<sample>.<role>.png`, which stream from any disk or web server from beginning to end.
The same arguments give the same bytes. `begin_pack`, `write_shard` and `finish_pack` write other samples so.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from capture.common.errors import CaptureError, check_least
from capture.common.files import atomic_file, write_bytes
from capture.common.workers import stopping, work
from capture.data.frames import FrameDataset
from capture.data.index.catalog import find_root, scan
from capture.data.packed.contents import PACK_FILE, Contents, shard_name, webdataset
from capture.data.sample_source import Batch
from capture.data.writing import is_written, refuse_others

STARTED, SOURCE = ".pack.json", ".pack.source"  # of a pack that is not complete: its contents, its dataset


@dataclass(frozen=True)
class _Job:
    """One shard to write."""

    dataset: str
    out: Path
    number: int
    contents: Contents


def pack_dataset(
    dataset: str,
    out: Path,
    size: int,
    samples: int,
    samples_per_shard: int = 1000,
    seed: int = 0,
    uv: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> Contents:
    """Write (or finish writing) samples 0 to `samples` - 1 of a dataset as shards.

    The test split is copied as it is. Shards that exist are kept, so an interrupted run goes on where it stopped.

    Args:
        dataset: folder of a dataset of frames.  size: side of the pictures.
        samples: is rounded up to whole shards.
        uv: with IUV maps, where the dataset has them.
    Raises:
        CaptureError: no such dataset, webdataset is missing, an impossible number, or `out` holds something else.
    """
    webdataset()
    check_least(("size", size, 16), ("samples", samples, 1))
    check_least(("samples_per_shard", samples_per_shard, 1), ("seed", seed, 0))
    frames = FrameDataset(scan(dataset, progress=progress), size, seed, uv=uv)
    example = frames.batch([0])
    roles = tuple(sorted(name for name in example if name != "has_target"))
    shards = -(-samples // samples_per_shard)
    contents = Contents(size, shards, samples_per_shard, roles, "has_target" in example, seed, Path(dataset).name)
    if begin_pack(out, contents, dataset):
        return contents
    jobs = [_Job(dataset, out, k, contents) for k in range(shards) if not is_written(out / shard_name(k))]
    work(_write_shard, jobs, out, workers, shards - len(jobs), shards, "shard", progress)
    finish_pack(out, contents, dataset)
    return contents


def finish_pack(out: Path, contents: Contents, dataset: str) -> None:
    """Complete a pack all of whose shards are written, with the test split of the dataset."""
    test = find_root(dataset) / "test"
    if test.is_dir():
        try:
            shutil.copytree(test, out / "test", copy_function=shutil.copyfile, dirs_exist_ok=True)
        except shutil.Error as error:
            file, _, why = error.args[0][0]
            raise CaptureError(f"{file}: can't be copied ({why}); see prepare.py check {dataset}") from None
    write_bytes(out / PACK_FILE, contents.to_json())
    for note in (STARTED, SOURCE):
        (out / note).unlink(missing_ok=True)


def begin_pack(out: Path, contents: Contents, dataset: str) -> bool:
    """Start or resume a pack; whether it is complete already.

    A note names the folder of the dataset while a pack is unfinished, so that no other dataset goes on with it.
    """
    folder = os.fsencode(find_root(dataset).resolve())
    for name in (PACK_FILE, STARTED):
        if (out / name).is_file():
            if (out / name).read_bytes() != contents.to_json():
                raise CaptureError(f"{out}: packed with other arguments; choose another folder or remove it")
            if name == STARTED and (out / SOURCE).is_file() and (out / SOURCE).read_bytes() != folder:
                raise CaptureError(f"{out}: begun with another dataset; choose another folder or remove it")
            return name == PACK_FILE
    refuse_others(out)
    write_bytes(out / STARTED, contents.to_json())
    write_bytes(out / SOURCE, folder)
    return False


def _write_shard(job: _Job) -> int:
    """Write one shard; returns 1, the number of shards, or 0 where it was stopped."""
    torch.set_num_threads(1)
    contents = job.contents
    with_maps = any(role.endswith("_uv") for role in contents.roles)
    frames = FrameDataset(scan(job.dataset, progress=False), contents.size, contents.seed, uv=with_maps)
    first = job.number * contents.samples_per_shard
    samples = (frames[index] for index in range(first, first + contents.samples_per_shard))
    write_shard(job.out, job.number, contents, samples)
    return 1


def write_shard(out: Path, number: int, contents: Contents, samples: Iterable[Batch]) -> None:
    """Write one shard, whose file appears when it is complete.

    Args:
        samples: samples_per_shard of them: uint8 (3, S, S) for each role, and `has_target` where it is aligned.
    """
    first = number * contents.samples_per_shard
    with atomic_file(out / shard_name(number)) as file:
        tar = webdataset().TarWriter(file, mtime=0, encoder=False)
        for index, sample in enumerate(samples, start=first):
            if stopping():
                raise KeyboardInterrupt  # the shard is removed, and written again by the next run
            row: dict[str, str | bytes] = {"__key__": f"{index:09d}"}
            for role in contents.roles:
                row[f"{role}.png"] = _png(sample[role].permute(1, 2, 0).numpy())
            if contents.aligned:
                row["json"] = json.dumps({"has_target": bool(sample["has_target"])}).encode()
            tar.write(row)
        tar.close()


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()
