"""Pairs files: which identity is put into which pose. And pairs for a test set that has no targets."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from capture.common.errors import CaptureError
from capture.io.images import is_image
from capture.io.iuv import MAPS
from capture.io.video import is_video

REQUIRED = ("identity", "pose")
OPTIONAL = ("target", *(name + MAPS for name in ("identity", "pose", "target")))
HEADER = "identity,pose,target"  # what an error message asks for; the maps are rare


@dataclass(frozen=True)
class Pair:
    """`identity` is to be put into the pose of `pose`.

    Attributes:
        target: the true result; None where it is unknown.
        identity_uv, pose_uv, target_uv: the IUV maps that the file names (capture.io.iuv); None where it names none.
            The target's map shows the pose on the identity's body, so it may be known where the target isn't.
    """

    identity: Path
    pose: Path
    target: Path | None
    identity_uv: Path | None = None
    pose_uv: Path | None = None
    target_uv: Path | None = None


def read_pairs(path: str | Path) -> list[Pair]:
    """Read a pairs file: a CSV with the header `identity,pose,target`, whose paths are relative to the file.

    The column `target` is optional, and so are the columns `identity_uv`, `pose_uv` and `target_uv` for IUV maps.
    Cells of optional columns may be empty. Blank lines are skipped. Semicolons and tabs in place of commas, and
    backslashes in paths, are read as well.

    Returns:
        At least one pair, in the order of the file. Every file that a pair names exists.
    Raises:
        CaptureError: the file is missing or has no pairs, or a row is malformed or names a missing file; the message
            has the pairs file and the line.
    """
    path = Path(path)
    rows = read_rows(path)
    line, header = rows[0] if rows else (1, [])
    names = [name.strip().lower() for name in header]
    if not is_header(names):
        found = ",".join(header)[:60]
        raise CaptureError(f"{path} line {line}: expected the header {HEADER}, found {found or 'nothing'!r}")
    pairs = [parse_pair(path, line, names, row) for line, row in rows[1:]]
    if not pairs:
        raise CaptureError(f"{path}: no pairs below the header; add lines such as a.png,b.png,c.png")
    return pairs


def is_header(names: list[str]) -> bool:
    """Whether these are the columns of a pairs file, in any order."""
    return set(REQUIRED) <= set(names) <= {*REQUIRED, *OPTIONAL} and len(set(names)) == len(names)


def self_pairs(folder: str | Path) -> list[Pair]:
    """Self-reconstruction pairs of a test set without targets.

    `folder` holds a folder of frames for each video, with the frames directly in it or in its imgs/. In a video of n
    frames, ordered by name, frame i is pose and target, and the identity is frame (i + n // 2) mod n, half a
    video away.

    Raises:
        CaptureError: the folder is missing, or holds no video of two frames or more.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give the one that holds a folder of frames for each video")
    pairs = []
    for video in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        inside = video / "imgs" if (video / "imgs").is_dir() else video
        frames = sorted(p for p in inside.iterdir() if is_image(p))
        if len(frames) >= 2:
            half = len(frames) // 2
            pairs += [Pair(frames[(i + half) % len(frames)], frame, frame) for i, frame in enumerate(frames)]
    if not pairs:
        films = any(is_video(path) for path in folder.iterdir())
        hint = "; turn its videos into folders of frames with prepare.py fashion" if films else ""
        raise CaptureError(f"{folder}: no folder of two frames or more in it{hint}")
    return pairs


def character_and_clip(pair: Pair, root: Path) -> tuple[str, str]:
    """The character and the clip of a pair, read from the name of its target (of its identity without a target).

    Known names are <character>__<clip>__<frame>.png; <character>/<clip>/<frame>.png below `root`, where a folder imgs/
    is skipped; and <video>/<frame>.png, where the video is both. "?" stands for what the name doesn't tell.
    """
    picture = pair.target or pair.identity
    parts = picture.stem.split("__")
    if len(parts) >= 3:
        return parts[0], "__".join(parts[1:-1])
    try:
        folders = [part for part in picture.relative_to(root).parent.parts if part != "imgs"]
    except ValueError:
        folders = []
    if not folders:
        return "?", "?"
    return (folders[-2] if len(folders) > 1 else folders[-1]), folders[-1]


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every line of a pairs file that isn't blank, the header among them.

    Raises:
        CaptureError: the file is missing, can't be read, or is no CSV.
    """
    try:
        text = decode_text(path.read_bytes())
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such pairs file; give a CSV of identity,pose,target") from None
    except UnicodeDecodeError:
        raise CaptureError(f"{path}: not a text file; a pairs file is a CSV of identity,pose,target") from None
    except OSError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror})") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise CaptureError(f"{path} line {reader.line_num}: not valid CSV ({error})") from None
    return rows


def decode_text(data: bytes) -> str:
    """Text as spreadsheets write it: UTF-8, UTF-16 after a byte order mark, or Windows-1252.

    Raises:
        UnicodeDecodeError: none of them.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if any(byte < 32 and byte not in b"\t\r\n" for byte in data):
            raise
        return data.decode("cp1252")


def delimiter_of(text: str) -> str:
    """A comma; or a semicolon or a tab, which spreadsheets write in many languages, where the header has only those."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return next((mark for mark in (",", ";", "\t") if mark in header), ",")


def parse_pair(path: Path, line: int, names: list[str], row: list[str]) -> Pair:
    """One row of a pairs file; `names` are the columns.

    Raises:
        CaptureError: the row is malformed, or names a missing file; the message has file and line.
    """
    if len(row) != len(names):
        raise CaptureError(f"{path} line {line}: {len(row)} values where the header {','.join(names)} has {len(names)}")
    cells = dict(zip(names, (cell.strip() for cell in row)))
    for name in REQUIRED:
        if not cells[name]:
            raise CaptureError(f"{path} line {line}: no {name}; every row needs identity and pose")
    found = {name: _existing(path, line, name, cell) for name, cell in cells.items() if cell}
    return Pair(found.pop("identity"), found.pop("pose"), found.pop("target", None), **found)


def _existing(path: Path, line: int, name: str, cell: str) -> Path:
    picture = _there(path.parent / cell) or _there(path.parent / with_slashes(cell))
    if picture is None:
        raise CaptureError(
            f"{path} line {line}: {name} {cell[:200]!r} is not a file; paths are relative to {path.parent}{os.sep}"
        )
    return picture


def with_slashes(cell: str) -> str:
    """A path as Windows writes it, with slashes."""
    return cell.replace("\\", "/")


def _there(picture: Path) -> Path | None:
    try:
        return picture if picture.is_file() else None
    except (OSError, ValueError):  # a name that no file system takes
        return None
