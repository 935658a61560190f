"""One preparation on many machines: each carries out a share of the jobs of one plan, and a merge puts them together.

Every machine makes the same plan, since it depends on the arguments alone, and takes every n-th job of it. A shard is
written to a folder of its own beside the dataset's, so machines need share nothing; the merged dataset has the same
bytes as one that was written in one run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, TypeVar

from capture.common.errors import CaptureError
from capture.common.files import visible_files, write_atomically, write_bytes
from capture.data.writing import STARTED, begin, is_written, write_manifest, write_pairs

SHARD_FILE = "shard.json"  # written last: with it, the shard is complete
T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Which share of a plan: number `number`, from 1, of `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str | None) -> Shard | None:
        """3/16 -> the third of sixteen; None -> None.

        Raises:
            CaptureError: anything else.
        """
        if text is None:
            return None
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise CaptureError(f"--shard {text}: give a number and how many there are, such as 3/16 of 1/16 to 16/16")
        return cls(int(match[1]), int(match[2]))

    def folder(self, out: Path) -> Path:
        """Where this share of the dataset `out` is written.

        Raises:
            CaptureError: `out` has no name that could be added to.
        """
        if not out.name:
            raise CaptureError(f"--shard: {out} has no name to add to; name the dataset's folder")
        return out.with_name(f"{out.name}-{self.number:05d}-of-{self.count:05d}")

    def summary(self, out: Path) -> str:
        """What a command prints that wrote this share of `out`."""
        return f"{self.folder(out)}: shard {self.number} of {self.count}; prepare.py merge puts all together"

    def of(self, jobs: Sequence[T]) -> Sequence[T]:
        """This share of all jobs of the plan."""
        return jobs[self.number - 1 :: self.count]


def folder_of(out: Path, shard: Shard | None) -> Path:
    """Where a preparation, or a shard of it, is written."""
    return shard.folder(out) if shard else out


def share_of(jobs: Sequence[T], shard: Shard | None) -> Sequence[T]:
    """The jobs of a shard; all of them without one."""
    return shard.of(jobs) if shard else jobs


def finish(root: Path, manifest: dict[str, Any], rows: Iterable[Sequence[str]], shard: Shard | None) -> None:
    """Write what completes a dataset, its pairs and its manifest; or what completes a shard of it."""
    if shard is None:
        write_pairs(root / "test" / "pairs.csv", rows)
        write_manifest(root, manifest)
        return
    count, size = _counted(_files(root))
    about: dict[str, Any] = {"shard": astuple(shard), "manifest": manifest, "pairs": [list(row) for row in rows]}
    about |= {"files": count, "bytes": size}
    os.sync()  # the frames were not flushed one by one
    write_bytes(root / SHARD_FILE, json.dumps(about).encode())


def finished_manifest(root: Path) -> dict[str, Any] | None:
    """The manifest that a finished shard in this folder knows; None where there is none."""
    try:
        manifest: dict[str, Any] = json.loads((root / SHARD_FILE).read_text())["manifest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest


def merge_shards(out: Path, folders: Sequence[Path] = ()) -> dict[str, Any]:
    """Put the shards of a preparation together at `out`, and return its manifest.

    Files are linked where the disk can, and copied otherwise; the shards stay. An interrupted merge goes on where it
    stopped.

    Args:
        folders: of all shards; none: those beside `out` that `--shard` wrote.
    Raises:
        CaptureError: a shard is missing, unfinished, incomplete, or of another plan, or `out` holds something else.
    """
    found = {folder: _read(folder) for folder in folders or _beside(out)}
    if not found:
        raise CaptureError(f"{out}: no shards beside it ({out.name}-00001-of-...); run prepare.py with --shard first")
    first_folder, first = next(iter(found.items()))
    for folder, about in found.items():
        same = about["shard"][1] == first["shard"][1] and about["pairs"] == first["pairs"]
        if not same or about["manifest"] != first["manifest"]:
            raise CaptureError(f"{folder}: a shard of another plan than {first_folder}; merge shards of one command")
    numbers = sorted(about["shard"][0] for about in found.values())
    missing = sorted(set(range(1, first["shard"][1] + 1)) - set(numbers))
    if missing or len(set(numbers)) < len(numbers):
        what = f"shard {missing[0]} of {first['shard'][1]} is missing" if missing else "a shard is there twice"
        raise CaptureError(f"{out}: {what}; give the folders of all shards, each once")
    files = {folder: _files(folder) for folder in found}
    for folder, about in found.items():
        if about["files"] is not None and _counted(files[folder]) != (about["files"], about["bytes"]):
            count, size = _counted(files[folder])
            raise CaptureError(
                f"{folder}: {count} files of {size} bytes, and the shard had {about['files']} of {about['bytes']}; "
                "copy it again"
            )
    if begin(out, first["manifest"]):
        return dict(first["manifest"])
    for folder in found:
        for source in files[folder]:
            target = out / source.relative_to(folder)
            if not is_written(target):
                _link(source, target)
    finish(out, first["manifest"], first["pairs"], None)
    return dict(first["manifest"])


def _files(folder: Path) -> list[Path]:
    """The files of a shard, sorted, without its own notes."""
    return [path for path in visible_files(folder) if path.name != SHARD_FILE]


def _counted(files: Sequence[Path]) -> tuple[int, int]:
    """How many files, and of how many bytes together."""
    return len(files), sum(path.stat().st_size for path in files)


def _beside(out: Path) -> list[Path]:
    parent = out.absolute().parent
    name = re.compile(re.escape(out.name) + r"-[0-9]{5}-of-[0-9]{5}")
    return sorted(path for path in parent.glob("*") if name.fullmatch(path.name)) if parent.is_dir() else []


def _read(folder: Path) -> dict[str, Any]:
    """What a shard says of itself."""
    try:
        about = json.loads((folder / SHARD_FILE).read_text())
        number, count = about["shard"]
        if isinstance(number, int) and isinstance(count, int) and isinstance(about["pairs"], list):
            read = {"shard": (number, count), "manifest": dict(about["manifest"]), "pairs": about["pairs"]}
            return {**read, "files": about.get("files"), "bytes": about.get("bytes")}  # older shards do not say
    except FileNotFoundError:
        why = "an unfinished shard; run its command again" if (folder / STARTED).is_file() else "no shard"
        raise CaptureError(f"{folder}: {why}") from None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise CaptureError(f"{folder / SHARD_FILE}: damaged; remove it and run the shard's command again")


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        with open(source, "rb") as file:
            write_atomically(target, lambda out: shutil.copyfileobj(file, out), sync=False)
