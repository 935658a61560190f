"""`pack_dataset`: training samples of a dataset of frames, drawn and decoded once, in WebDataset shards.

A shard is a .tar file of PNGs, `<sample>.<role>.png`, which stream from any disk or web server from beginning to end.
The same arguments give the same bytes. `begin_pack`, `write_shard` and `finish_pack` write other samples so.
"""

from __future__ import annotations

import hashlib
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
from capture.data.packed.contents import MOST, PACK_FILE, Contents, shard_name, webdataset
from capture.data.sample_source import Batch
from capture.data.writing import is_written, refuse_others
from capture.io.pairs import OPTIONAL, REQUIRED, read_pairs

STARTED = ".pack.json"  # the contents of a pack that is not complete
SOURCE = ".pack.source"  # a digest of the place of a pack's dataset, since packs are published


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

    The test split is copied, and its pairs name the copies. Shards that exist are kept, so an interrupted run goes on
    where it stopped.

    Args:
        dataset: folder of a dataset of frames.  size: side of the pictures.
        samples: is rounded up to whole shards.
        uv: with IUV maps, where the dataset has them.
    Raises:
        CaptureError: no such dataset, webdataset is missing, an impossible number, test pairs of pictures outside of
            the test split, or `out` holds something else.
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
        for pairs in (out / "test").glob("pairs*.csv"):  # full paths into the dataset become paths into the pack
            text = pairs.read_bytes()
            own = text.replace(os.fsencode(f"{os.path.abspath(test)}{os.sep}"), b"")
            if own != text:
                write_bytes(pairs, own)
    write_bytes(out / PACK_FILE, contents.to_json())
    (out / STARTED).unlink(missing_ok=True)


def begin_pack(out: Path, contents: Contents, dataset: str) -> bool:
    """Start or resume a pack; whether it is complete already.

    A note names the folder of the dataset, so that no other dataset goes on with the pack or is taken for packed.
    """
    for name in ("shards", "samples_per_shard"):
        if (number := getattr(contents, name)) >= MOST:
            raise CaptureError(
                f"{out}: {name} would be {number}; choose --samples and --samples_per_shard below {MOST}"
            )
    root = find_root(dataset)
    folder = os.fsencode(root.resolve())
    digest = hashlib.sha256(folder).hexdigest().encode()
    for name in (PACK_FILE, STARTED):
        if (out / name).is_file():
            if (out / name).read_bytes() != contents.to_json():
                raise CaptureError(f"{out}: packed with other arguments; choose another folder or remove it")
            source = (out / SOURCE).read_bytes() if (out / SOURCE).is_file() else digest
            if source not in (digest, folder):  # older versions wrote the folder, and no note beside finished packs
                raise CaptureError(
                    f"{out}: {'packed' if name == PACK_FILE else 'begun'} with another dataset than {root}; choose "
                    f"another folder, or remove {SOURCE} there if it is the same one and was only moved"
                )
            return name == PACK_FILE
    refuse_others(out)
    _refuse_outside(root / "test")
    write_bytes(out / STARTED, contents.to_json())
    write_bytes(out / SOURCE, digest)
    return False


def _refuse_outside(test: Path) -> None:
    """CaptureError where a pairs file of the test split names a picture outside of it, which would not be copied."""
    for path in sorted(test.glob("pairs*.csv")):
        try:
            pairs = read_pairs(path)
        except CaptureError:  # such files are copied as they are; `prepare.py check` says what is wrong with them
            continue
        for pair in pairs:
            for name in (*REQUIRED, *OPTIONAL):
                picture = getattr(pair, name)
                if picture and not os.path.abspath(picture).startswith(f"{os.path.abspath(test)}{os.sep}"):
                    raise CaptureError(
                        f"{path}: {name} {picture} is outside of {test}, and a pack takes test/ alone along; "
                        "move the picture there"
                    )


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
