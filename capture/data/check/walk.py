"""All files below a dataset folder. Damage to the tree never raises an error, and loops of links end."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from capture.data.check.findings import Findings, Item
from capture.io.array_file import SIDE_FOLDER

SPLITS = ("train", "test")
SET_ASIDE = "set_aside"  # where --fix puts what is broken
GOOD_HIDDEN = (SIDE_FOLDER, ".gitkeep", ".gitignore", ".git", ".gitattributes")


@dataclass
class Walked:
    """Paths below the root, with slashes. Folders that can't be listed are findings instead."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)  # pipes, sockets and devices, which are never opened
    hidden: list[str] = field(default_factory=list)  # files and folders, which are not examined


def walk(root: Path, findings: Findings) -> Walked:
    """All files in train/ and test/ and directly in `root`; each folder is visited once.

    Links to folders are followed after all real folders.
    """
    walked = Walked()
    faults = _Faults()
    seen: set[tuple[int, int]] = set()
    folders = deque([""])
    links: deque[str] = deque()
    while folders or links:
        linked = not folders
        folder = links.popleft() if linked else folders.popleft()
        if linked and (root / folder).parent.resolve().is_relative_to((root / folder).resolve()):
            faults.loops.append(Item(folder, _link_target(root / folder)))
            continue
        status = _status(root / folder)
        identity = (status.st_dev, status.st_ino) if status else None
        if identity in seen:
            faults.twice.append(Item(folder, _link_target(root / folder)))
            continue
        if identity is not None:
            seen.add(identity)
        if folder:
            walked.folders.append(folder)
        names = []
        for entry in _listed(root, folder, faults):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if path == SET_ASIDE:
                continue
            names.append(entry.name)
            if entry.name.startswith("."):
                if entry.name not in GOOD_HIDDEN:
                    walked.hidden.append(path)
                continue
            try:
                status = entry.stat()
            except OSError as error:
                if error.errno == errno.EACCES and not entry.is_symlink():  # listed, but its files are closed
                    faults.unreadable.append(Item(folder, "its files can't be looked at"))
                    break
                loop = error.errno == errno.ELOOP
                (faults.loops if loop else faults.broken).append(Item(path, _link_target(root / path)))
                continue
            if not folder and stat.S_ISDIR(status.st_mode) and entry.name not in SPLITS:
                walked.folders.append(path)  # no part of the dataset
            elif stat.S_ISDIR(status.st_mode):
                (links if entry.is_symlink() else folders).append(path)
            elif stat.S_ISREG(status.st_mode):
                walked.files.append(path)
            else:
                walked.special.append(path)
        faults.case += _case_twins(folder, names)
    walked.files.sort()
    walked.folders.sort()
    faults.report(findings)
    return walked


@dataclass
class _Faults:
    unreadable: list[Item] = field(default_factory=list)
    loops: list[Item] = field(default_factory=list)
    twice: list[Item] = field(default_factory=list)
    broken: list[Item] = field(default_factory=list)
    case: list[Item] = field(default_factory=list)

    def report(self, findings: Findings) -> None:
        findings.wrong("unreadable-folder", "folders can't be listed", self.unreadable)
        findings.wrong("link-loop", "links lead back to a folder they are in", self.loops)
        findings.wrong("folder-twice", "links lead to folders that are in the dataset already", self.twice)
        findings.wrong("broken-link", "links lead nowhere", self.broken)
        findings.wrong("case-twins", "names differ from another only by case or accents' encoding", self.case)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _listed(root: Path, folder: str, faults: _Faults) -> Iterator[os.DirEntry]:
    try:
        with os.scandir(root / folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        faults.unreadable.append(Item(folder or ".", error.strerror or str(error)))
        return
    yield from found


def _link_target(path: Path) -> str:
    try:
        return f"to {os.readlink(path)}"
    except OSError as error:
        return error.strerror or str(error)


def _case_twins(folder: str, names: list[str]) -> Iterator[Item]:
    first: dict[str, str] = {}
    for name in names:
        key = unicodedata.normalize("NFC", name).casefold()
        if key in first:
            yield Item(f"{folder}/{name}" if folder else name, f"and {first[key]}")
        first.setdefault(key, name)
