"""`prepare_sprites`: pixel-art sheets or folders of single sprites -> the Mixamo tree, with true targets.

The same clip and frame is the same pose of every character, so the true answer for "character A in the pose of
character B" is A's own sprite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError, check_least
from capture.common.files import sha256_of, visible_files
from capture.common.workers import stopping, work
from capture.data.mixamo.drawing import BACKGROUND, flatten
from capture.data.pair_plan import draw_pairs, hold_out
from capture.data.plan_shards import Shard, finish, finished_manifest, folder_of, share_of
from capture.data.sprites.folders import find_sprite_characters
from capture.data.sprites.framing import Extent, Framing
from capture.data.sprites.layout import SpritesLayout, read_layout
from capture.data.sprites.sheets import find_sheet_characters
from capture.data.sprites.sprite import Character, Pose, cut, open_sheet
from capture.data.writing import begin, flat_name, is_written, write_png
from capture.io.images import is_image

TRAIN, TEST = "train", "test"


@dataclass(frozen=True)
class Found:
    """What is in a folder of sheets or sprites.

    Attributes:
        broken: file -> why it, or a part of it, can't be used.
        passed_over: files that the layout does not name.
    """

    characters: list[Character]
    broken: dict[str, str]
    passed_over: list[Path]


def prepare_sprites(
    sheets: Path,
    layout_file: Path,
    out: Path,
    size: int = 256,
    test_characters: int | None = None,
    test_clips: int = 0,
    pairs: int = 256,
    seed: int = 0,
    workers: int | None = None,
    shard: Shard | None = None,
) -> tuple[dict[str, Any], list[Path]]:
    """Write the dataset at `out`; return the manifest, and the files that were passed over.

    Args:
        sheets: folder of sheets or sprites, at any depth. Sheets in test/ are held out if there is train/ as well.
        layout_file: see layout.py.
        size: side of a frame.
        test_characters: how many the seed holds out; None for a fifth.
        test_clips: how many clips the seed holds out.
        pairs: rows of test/pairs.csv. Half of their poses are of held-out clips, if there are any.
        shard: write only this share of the characters, to the shard's folder beside `out`; see merge_shards.
    Raises:
        CaptureError: an impossible argument, too few characters, or `out` holds something else.
    """
    check_least(("pairs", pairs, 1), ("test_clips", test_clips, 0), ("seed", seed, 0), ("size", size, 16))
    check_least(("test_characters", test_characters or 0, 0))
    layout = read_layout(layout_file)
    found = find_characters(sheets, layout)
    held, clips, held_clips = _split(sheets, found, test_characters, test_clips, seed)
    characters = {character.name: character for character in found.characters}
    extents, digests = {}, {}
    for name, character in characters.items():
        extents[name] = _extents(character)
        files = sorted({sprite.path for sprite in character.sprites.values()})
        digests.update({path.relative_to(sheets).as_posix(): sha256_of(path) for path in files})
    framing = Framing.fit(size, extents)
    train_clips = [clip for clip in clips if clip not in held_clips]
    parameters = {
        "kind": "sprites",
        "aligned": True,
        "size": size,
        "seed": seed,
        "background": list(BACKGROUND),
        "scale": framing.scale,
        "ground": framing.ground,
        "layout": layout.model_dump(exclude_none=True),
        "files": digests,
        "broken": found.broken,
        "train_characters": [name for name in characters if name not in held],
        "test_characters": list(held),
        "train_clips": train_clips,
        "test_clips": list(held_clips),
        "pairs": pairs,
    }
    common = {clip: _common_frames(clip, [characters[name] for name in held]) for clip in clips}
    rows = draw_pairs(
        np.random.default_rng([seed, 1]),
        {name: [clip for clip in characters[name].clips if common[clip]] for name in held},
        (held_clips, train_clips),
        clips,
        pairs,
        lambda rng, clip: (clip, common[clip][rng.integers(len(common[clip]))]),
    )
    if not rows:
        raise CaptureError(
            f"{sheets}: no two held-out characters share a clip, with one frame of the same name in all of them; "
            "give another --seed, or number the frames of all characters alike"
        )
    out = folder_of(out, shard)
    if begin(out, parameters) or finished_manifest(out):
        return parameters, found.passed_over
    wanted: dict[str, set[Pose]] = {name: set() for name in held}
    for row in rows:
        for name, pose in row:
            wanted[name].add(pose)
    jobs = [
        (character, framing, out, tuple(sorted(wanted[name])) if name in wanted else None, held_clips)
        for name, character in characters.items()
    ]
    work(_write_job, share_of(jobs, shard), out, workers, unit="character")
    finish(out, parameters, [[f"imgs/{flat_name(name, *pose)}" for name, pose in row] for row in rows], shard)
    return parameters, found.passed_over


def find_characters(folder: Path, layout: SpritesLayout) -> Found:
    """The characters below `folder`, ordered by name.

    Raises:
        CaptureError: no such folder, two characters of one name (but for capital letters), or none at all.
    """
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give the one that holds the sheets or sprites")
    pictures = [path for path in visible_files(folder) if is_image(path)]
    if layout.sheets:
        characters, broken, other = find_sheet_characters(pictures, layout.sheets)
    else:
        assert layout.sprites is not None  # the layout was checked
        characters, broken, other = find_sprite_characters(folder, pictures, layout.sprites)
    seen: dict[str, Character] = {}
    for character in characters:
        first = seen.setdefault(character.name.lower(), character)
        if first is not character:
            files = [next(iter(one.sprites.values())).path.relative_to(folder) for one in (first, character)]
            raise CaptureError(
                f"{folder}: two characters would be called {character.name}, of {files[0]} and {files[1]}; rename one"
            )
    reasons = {path.relative_to(folder).as_posix(): reason for path, reason in broken.items()}
    if not characters:
        why = next((f"{name}: {reason}" for name, reason in reasons.items()), "no picture has a name that fits it")
        raise CaptureError(f"{folder}: no character of this layout in it; {why}")
    return Found(sorted(characters, key=lambda one: one.name), reasons, other)


def _split(
    folder: Path, found: Found, count: int | None, test_clips: int, seed: int
) -> tuple[tuple[str, ...], list[str], tuple[str, ...]]:
    """The held-out characters, all clips, and the held-out clips."""
    names = [character.name for character in found.characters]
    clips = sorted({clip for character in found.characters for clip in character.clips})
    rng = np.random.default_rng([seed, 0])
    if (folder / TRAIN).is_dir() and (folder / TEST).is_dir() and count is None:
        files = {character.name: next(iter(character.sprites.values())).path for character in found.characters}
        held = tuple(name for name in names if files[name].is_relative_to(folder / TEST))
    else:
        held = hold_out(rng, names, max(2, round(len(names) / 5)) if count is None else count, names)
    if len(held) < 2 or len(names) - len(held) < 2:
        raise CaptureError(
            f"{folder}: {len(names) - len(held)} characters to train on and {len(held)} held out; at least 2 of each "
            "are needed (--test_characters)"
        )
    if test_clips >= len(clips):
        raise CaptureError(f"--test_clips {test_clips}: there are {len(clips)} clips, and one is needed to train on")
    return held, clips, hold_out(rng, clips, test_clips, clips)


def _common_frames(clip: str, characters: Sequence[Character]) -> list[str]:
    """The frames that all characters with this clip have."""
    frames = [set(character.clips[clip]) for character in characters if clip in character.clips]
    return sorted(set.intersection(*frames)) if frames else []


def _extents(character: Character) -> list[Extent]:
    return [Extent.of(image) for _, image in _images(character, character.sprites)]


def _images(character: Character, poses: Any) -> list[tuple[Pose, Image.Image]]:
    """The sprites of some poses, RGBA. A sheet is opened once."""
    sheets: dict[Path, Image.Image] = {}
    found = []
    for pose in poses:
        sprite = character.sprites[pose]
        if sprite.path not in sheets:
            sheets[sprite.path] = open_sheet(sprite.path, character.transparent)
        found.append((pose, cut(sheets[sprite.path], sprite)))
    return found


def _write_job(job: tuple[Character, Framing, Path, tuple[Pose, ...] | None, Sequence[str]]) -> int:
    """Write a character's frames and masks: all to train/, but for held-out clips, or the wanted ones to test/; 1."""
    character, framing, out, wanted, held_clips = job
    poses = [pose for pose in character.sprites if pose[0] not in held_clips] if wanted is None else wanted
    places = {}
    for clip, frame in poses:
        folder = out / TRAIN / character.name / clip if wanted is None else out / TEST
        name = f"{frame}.png" if wanted is None else flat_name(character.name, clip, frame)
        if not (is_written(folder / "imgs" / name) and is_written(folder / "mask" / name)):
            places[clip, frame] = folder, name
    for pose, image in _images(character, places):
        if stopping():
            return 0
        rgb, mask = flatten(framing.place(character.name, image))
        folder, name = places[pose]
        write_png(folder / "mask" / name, mask)
        write_png(folder / "imgs" / name, rgb)
    return 1
