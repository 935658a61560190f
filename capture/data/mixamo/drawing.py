"""The jobs of the worker processes: query a model, and draw a character in a clip."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.common.workers import stopping
from capture.data.mixamo.blender import Died, Unusable, blender
from capture.data.mixamo.in_blender.lattice import Lattice
from capture.data.mixamo.outline import ink
from capture.data.writing import is_written, write_png
from capture.io.images import open_picture

BACKGROUND = (235, 235, 235)
_LEAST_ROOM = 1 << 20  # bytes; a picture is smaller


@dataclass(frozen=True)
class Query:
    """A request whose answer is written to `result` as JSON: {"unusable": reason} for a broken model."""

    python: str
    request: dict[str, Any]
    result: Path


@dataclass(frozen=True)
class Frame:
    """One picture: imgs/<name> and mask/<name> in a folder, and uv/<name> if there are maps."""

    folder: Path
    name: str
    number: int
    view: dict[str, Any]

    def files(self, uv: bool) -> dict[str, Path]:
        return {kind: self.folder / kind / self.name for kind in ("imgs", "mask", *(("uv",) if uv else ()))}


@dataclass(frozen=True)
class Draw:
    """Frames of one character in one clip. `request` is what their requests have in common."""

    python: str
    request: dict[str, Any]
    frames: tuple[Frame, ...]
    scratch: Path

    @property
    def uv(self) -> bool:
        return "parts" in self.request

    @property
    def outlined(self) -> bool:
        return self.request["character"].get("look") == "outline"

    def missing(self, frame: Frame) -> bool:
        return not all(is_written(path) for path in frame.files(self.uv).values())


def run_query(job: Query) -> int:
    """Carry out a query; returns 1, the number of queries."""
    if stopping():
        return 0
    try:
        answer = blender(job.python).request(job.request)
    except Unusable as error:
        answer = {"unusable": str(error)}
    except Died:
        answer = {"unusable": "Blender crashed on it"}
    write_bytes(job.result, json.dumps(answer).encode(), sync=False)
    return 1


def draw(job: Draw) -> int:
    """Write the missing frames of a job; returns the number of all its frames."""
    picture = job.scratch / f".picture-{os.getpid()}.partial"
    parts = job.scratch / f".parts-{os.getpid()}.partial"
    guide = job.scratch / f".guide-{os.getpid()}.partial"
    job.scratch.mkdir(parents=True, exist_ok=True)
    for frame in job.frames:
        if stopping():
            return 0
        if not job.missing(frame):
            continue
        request = {
            **job.request,
            "frame": frame.number,
            "view": frame.view,
            "path": str(picture),
            "uv_path": str(parts),
            **({"guide_path": str(guide)} if job.outlined else {}),
        }
        subject = f"{job.request['character']['name']} in {job.request['clip']['name']}"
        for path in (picture, parts, guide):
            path.unlink(missing_ok=True)  # if Blender can't write, no older frame may be taken for this one
        try:
            box = blender(job.python).request(request)
        except Unusable as error:
            _check_room(job.scratch)
            raise CaptureError(f"{subject}: {error}") from None
        except Died:
            raise CaptureError(
                f"Blender ended while drawing {subject} (out of memory?); run the same command "
                "again with fewer --workers"
            ) from None
        files, size = frame.files(job.uv), frame.view["size"]
        try:
            points = np.asarray(open_picture(picture).convert("RGBA"))
            lattice = Lattice.of(size, frame.view["samples"])
            drawn = Image.fromarray(lattice.picture(points, box["left"], box["top"]))
            rgb, mask = flatten(ink(drawn, open_picture(guide)) if job.outlined else drawn)
            uv = np.frombuffer(parts.read_bytes(), np.uint8).reshape(size, size, 3) if job.uv else None
        except (CaptureError, OSError, ValueError) as error:  # Blender doesn't report that it couldn't write
            _check_room(job.scratch)
            raise CaptureError(
                f"{subject}: Blender wrote no whole picture ({error}); run the same command again"
            ) from None
        if uv is not None:
            write_png(files["uv"], uv)
        write_png(files["mask"], mask)
        write_png(files["imgs"], rgb)
    for path in (picture, parts, guide):
        path.unlink(missing_ok=True)
    return len(job.frames)


def _check_room(folder: Path) -> None:
    """Raise a CaptureError if the disk is full."""
    if shutil.disk_usage(folder).free < _LEAST_ROOM:
        raise CaptureError(f"{folder}: no space left for what Blender draws; free space and run the same command again")


def flatten(drawn: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """A transparent picture on the background, uint8 (S, S, 3), and its mask, uint8 (S, S).

    The mask is 255 where the figure covers half a pixel or more.
    """
    rgba = drawn.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", rgba.size, (*BACKGROUND, 255)), rgba).convert("RGB")
    covered = np.asarray(rgba.getchannel("A")) >= 128
    return np.asarray(flat), covered.astype(np.uint8) * 255
