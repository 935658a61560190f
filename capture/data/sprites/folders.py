"""Folders in which every sprite is a file -> characters."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from capture.common.errors import CaptureError
from capture.data.mixamo.models import safe_name
from capture.data.sprites.layout import SpriteLayout
from capture.data.sprites.sprite import Character, Pose, Sprite, figure_box, open_sheet

_FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
FIELDS = ("character", "clip", "direction", "frame")


def name_pattern(files: str) -> re.Pattern[str]:
    """The regular expression of a file name pattern, such as "{character}_{direction:bk|fr}{frame}.png".

    Raises:
        CaptureError: a field that there isn't, or one that stands there twice, or no character.
    """
    parts, end, seen = [], 0, []
    for match in _FIELD.finditer(files):
        name, values = match.groups()
        if name not in FIELDS or name in seen:
            raise CaptureError(f"files: {files}: field {name}: give each of {', '.join(FIELDS)} once at most")
        seen.append(name)
        choices = "|".join(map(re.escape, values.split("|"))) if values else r"\d+" if name == "frame" else "[^/]+?"
        parts += [re.escape(files[end : match.start()]), f"(?P<{name}>{choices})"]
        end = match.end()
    if "character" not in seen or not {"clip", "direction", "frame"} & set(seen):
        raise CaptureError(f"files: {files}: give {{character}}, and {{clip}}, {{direction}} or {{frame}} in it")
    return re.compile("".join(parts) + re.escape(files[end:]), re.IGNORECASE)


def find_sprite_characters(
    root: Path, files: list[Path], layout: SpriteLayout
) -> tuple[list[Character], dict[Path, str], list[Path]]:
    """The characters of single sprites, file -> reason of those that can't be used, and files whose names don't fit.

    Capital letters make no difference in values and names that the layout gives.

    Raises:
        CaptureError: two characters, or two clips, whose names differ only in what a folder name can't hold, or in
            capital letters.
    """
    pattern = name_pattern(layout.files)
    choices = {field: values.split("|") for field, values in _FIELD.findall(layout.files)}
    spelled: dict[tuple[str, str], str] = {}  # field, folder name in small letters -> its value
    sprites: dict[str, dict[Pose, Sprite]] = {}
    broken, other = {}, []
    for path in files:
        match = pattern.fullmatch(path.relative_to(root).as_posix())
        if not match:
            other.append(path)
            continue
        try:
            if figure_box(open_sheet(path, layout.transparent)) is None:
                raise CaptureError("nothing is drawn in it")
        except CaptureError as error:
            broken[path] = str(error).removeprefix(f"{path}: ")
            continue
        values = {field: _as_given(value, choices[field]) for field, value in match.groupdict().items()}
        for field in ("clip", "direction"):
            if field in values:
                values[field] = layout.names.get(_as_given(values[field], layout.names), values[field])
        for field in FIELDS[:3]:
            value = values.get(field, "")
            first = spelled.setdefault((field, safe_name(value).lower()), value)
            if first != value:
                raise CaptureError(
                    f"{root}: {field}s {first} and {value} would both be called {safe_name(value)}; rename one of them"
                )
        clip = "_".join(safe_name(values[field]) for field in FIELDS[1:3] if values.get(field))
        frame = values.get("frame") or "0"
        pose = clip or "pose", f"{int(frame):02d}" if frame.isdecimal() else safe_name(frame)
        poses = sprites.setdefault(safe_name(values["character"]), {})
        if pose in poses:
            broken[path] = f"the same pose as {poses[pose].path.name}"
        else:
            poses[pose] = Sprite(path)
    characters = [
        Character(name, layout.transparent, dict(sorted(poses.items()))) for name, poses in sorted(sprites.items())
    ]
    return characters, {**broken, **_incomplete(root, characters)}, other


def _as_given(value: str, known: Collection[str]) -> str:
    """The one of the known values that this is but for capital letters; the value itself where there is none."""
    return value if value in known else next((one for one in known if one.lower() == value.lower()), value)


def _incomplete(root: Path, characters: list[Character]) -> dict[Path, str]:
    """Character -> which poses it lacks that most others have. The character is used without them."""
    counts: dict[Pose, int] = {}
    for character in characters:
        for pose in character.sprites:
            counts[pose] = counts.get(pose, 0) + 1
    usual = [pose for pose, count in counts.items() if 2 * count > len(characters)]
    lacking = {}
    for character in characters:
        missing = [f"{clip} {frame}" for clip, frame in usual if (clip, frame) not in character.sprites]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            lacking[root / character.name] = f"no file for {missing[0]}{more}"
    return lacking
