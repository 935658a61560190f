"""Decoding every picture of a dataset in full: its size, a hash of its pixels, and a signature for near copies.

A frame that can be decoded here can be decoded in training, because both use capture.io.images and capture.io.video.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError, Refused
from capture.common.workers import gather, stopping
from capture.data.check.inventory import MAP, VIDEO, Entry, Inventory
from capture.data.check.near import SIDE, signature
from capture.io.images import FORMATS, open_rgb
from capture.io.iuv import read_map
from capture.io.video import VideoReader

ENDS = {"PNG": b"IEND\xae\x42\x60\x82", "JPEG": b"\xff\xd9"}  # a JPEG may hold a thumbnail in its first half
CHUNK = 32  # files in a job
WORTH_SHARING = 10  # seconds of work; less isn't worth starting processes
PER_FILE, PER_BYTE, PER_VIDEO_BYTE = 4e-4, 5e-8, 5e-7  # seconds to decode, roughly
PICTURE = np.dtype(
    [
        ("file", np.int32),  # index into Inventory.entries
        ("frame", np.int32),  # of a video; 0 of a picture
        ("width", np.int32),
        ("height", np.int32),
        ("blank", np.bool_),  # one colour all over
        ("pixels", np.uint64),  # hash of the size and the RGB values
        ("signature", np.uint8, 3 * SIDE * SIDE),
    ]
)


@dataclass
class Pictures:
    """The results of decoding.

    Attributes:
        records: (N,) of dtype PICTURE, in the order of the inventory, without files that can't be decoded.
        errors: index into Inventory.entries -> why it can't be decoded.
        refused: the errors that the machine caused; these files may be intact.
        formats: the same index -> "PNG", "MP4".
    """

    records: np.ndarray
    errors: dict[int, str]
    formats: dict[int, str]
    refused: set[int] = field(default_factory=set)

    def counts(self, inventory: Inventory) -> Counter[str]:
        """Entry.path -> readable frames in that file."""
        of_each = np.bincount(self.records["file"], minlength=len(inventory.entries)).tolist()
        return Counter({entry.path: count for entry, count in zip(inventory.entries, of_each)})


def decode_all(inventory: Inventory, workers: int | None = None, progress: bool = True) -> Pictures:
    """Decode every frame, map and video, in parallel, with a progress bar.

    Args:
        workers: how many processes; None for one on each core if there is enough work.
    """
    entries = inventory.entries
    about = str(inventory.root), inventory.map_parts
    jobs, job = [], []
    for i, entry in enumerate(entries):
        job.append((i, entry))
        if len(job) == CHUNK or entry.role == VIDEO:
            jobs.append((*about, job))
            job = []
    if job:
        jobs.append((*about, job))
    if (
        workers is None
        and sum(_seconds(Path(inventory.root, entry.path), entry.role) for entry in entries) < WORTH_SHARING
    ):
        workers = 1
    pictures = Pictures(np.empty(0, PICTURE), {}, {})
    parts = []
    for part in gather(_decode_job, jobs, inventory.root.name, workers, len(entries), "file", progress):
        parts.append(part.records)
        pictures.errors.update(part.errors)
        pictures.formats.update(part.formats)
        pictures.refused |= part.refused
    if parts:
        records = np.concatenate(parts)
        records = records[~np.isin(records["file"], list(pictures.errors))]  # a video may break off late
        pictures.records = records[np.lexsort((records["frame"], records["file"]))]
    return pictures


def _seconds(path: Path, role: str) -> float:
    try:
        return PER_FILE + path.stat().st_size * (PER_VIDEO_BYTE if role == VIDEO else PER_BYTE)
    except OSError:
        return 0.0


def _decode_job(job: tuple[str, int | None, list[tuple[int, Entry]]]) -> tuple[int, Pictures]:
    """Decode some files; returns their number and the results."""
    root, map_parts, files = job
    rows, errors, formats, refused = [], {}, {}, set()
    for i, entry in files:
        path = Path(root, entry.path)
        try:
            for k, (image, kind) in enumerate(_frames(path, entry, map_parts)):
                rows.append(_row(i, k, image, entry.role))
                formats[i] = kind
                if stopping():
                    break
        except CaptureError as error:
            errors[i] = str(error).removeprefix(f"{path}: ")
            if isinstance(error, Refused):
                refused.add(i)
        except (MemoryError, OSError) as error:
            refusal = Refused.reading(path, error) or error
            errors[i] = str(refusal).removeprefix(f"{path}: ")
            refused.add(i)
        if stopping():
            break
    return len(files), Pictures(np.array(rows, PICTURE), errors, formats, refused)


def _frames(path: Path, entry: Entry, map_parts: int | None) -> Iterator[tuple[Image.Image, str]]:
    """(picture, format) of each frame of a file. IUV maps that training reads are read as training does."""
    if entry.is_uv and map_parts is not None:
        image = Image.fromarray(read_map(path, parts=map_parts))
        kind = path.suffix[1:].upper()
        if _is_cut(path, kind):
            raise CaptureError(f"{path}: cut off: the end of the file is missing")
        yield image, kind
    elif entry.role == VIDEO:
        with VideoReader(path) as reader:
            for k in range(len(reader)):
                yield reader.read(k), path.suffix[1:].upper()
    else:
        image = open_rgb(path)
        with Image.open(path, formats=FORMATS) as header:
            kind = header.format or "?"
        if _is_cut(path, kind):
            raise CaptureError(f"{path}: cut off: the end of the file is missing")
        yield image, kind


def _is_cut(path: Path, kind: str) -> bool:
    """Whether the end mark of a file is missing, which the decoders of these formats accept."""
    if kind not in ENDS:
        return False
    data = path.read_bytes()
    return ENDS[kind] not in data[len(data) // 2 :]


def _row(i: int, frame: int, image: Image.Image, role: str) -> tuple:
    if role == MAP:  # only has to decode and to fit its frame
        return i, frame, *image.size, False, 0, np.zeros(3 * SIDE * SIDE, np.uint8)
    low, high = np.asarray(image.getextrema()).reshape(-1, 2).T
    blank = bool((low == high).all())
    return i, frame, *image.size, blank, _pixels(image), signature(image)


def _pixels(image: Image.Image) -> int:
    """64 bits: among a million pictures, the chance that any two different ones agree is 3e-8."""
    digest = hashlib.blake2b(repr(image.size).encode() + image.tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
