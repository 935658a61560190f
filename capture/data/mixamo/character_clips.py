"""Which characters can perform which clips, by the bones that both have."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from capture.common.errors import CaptureError
from capture.data.mixamo.models import Model, safe_name
from capture.data.mixamo.skeleton import canonical, in_common, match


@dataclass(frozen=True)
class Clip:
    """One motion.

    It comes from one file for all characters, so that a frame of it is the same pose on every character.
    """

    name: str
    file: str
    action: str
    bones: tuple[str, ...]
    skinned: bool  # whether its file has a mesh; only then is the rest pose in it reliable


@dataclass(frozen=True)
class Character:
    """A model that can be rendered.

    Attributes:
        clips: name of each clip that the character can perform -> bone of the clip -> bone of the character.
    """

    name: str
    file: str
    bones: tuple[str, ...]
    clips: dict[str, dict[str, str]] = field(compare=False)


@dataclass(frozen=True)
class CharacterClips:
    """Characters, and the clips that they can perform.

    Attributes:
        left_out: file -> why nothing in it is used.
    """

    characters: tuple[Character, ...]
    clips: tuple[Clip, ...]
    left_out: dict[str, str]

    def restricted_to(self, performable: Mapping[str, Container[str]]) -> CharacterClips:
        """A copy in which each character has only the clips in `performable[name]`; none without clips is left."""
        kept = (
            replace(
                character,
                clips={name: bones for name, bones in character.clips.items() if name in performable[character.name]},
            )
            for character in self.characters
        )
        characters = tuple(character for character in kept if character.clips)
        used = {name for character in characters for name in character.clips}
        return CharacterClips(characters, tuple(clip for clip in self.clips if clip.name in used), self.left_out)

    def without(self, characters: Container[str] = (), clips: Container[str] = ()) -> CharacterClips:
        """A copy without some characters and clips, and without characters that have no clip then."""
        kept = (
            replace(character, clips={name: bones for name, bones in character.clips.items() if name not in clips})
            for character in self.characters
            if character.name not in characters
        )
        return CharacterClips(
            tuple(character for character in kept if character.clips),
            tuple(clip for clip in self.clips if clip.name not in clips),
            self.left_out,
        )


def match_clips(models: Iterable[Model], wanted: list[str] | None = None) -> CharacterClips:
    """Match characters and clips by their bones.

    Args:
        wanted: names of the clips to use; None for all clips.
    Raises:
        CaptureError: a wanted clip isn't there.
    """
    models = list(models)
    clips = _clips(models)
    unknown = [name for name in wanted or () if name not in {clip.name for clip in clips}]
    if unknown:
        names = ", ".join(clip.name for clip in clips) or "none"
        raise CaptureError(f"--clips {unknown[0]}: no such clip; there are {names}")
    if wanted:
        clips = [clip for clip in clips if clip.name in wanted]
    characters, left_out = [], {}
    taken: set[str] = set()
    for model in models:
        if not model.is_character:
            if not model.clips:
                left_out[model.file] = _why_useless(model)
            continue
        fitting = {clip.name: bones for clip in clips if (bones := match(clip.bones, model.contents.bones))}
        if not fitting:
            left_out[model.file] = _why_unmatched(model, clips)
            continue
        name = _free(safe_name(model.stem), taken)
        characters.append(Character(name, model.file, model.contents.bones, fitting))
    used = {name for character in characters for name in character.clips}
    for clip in clips:
        if clip.name not in used:
            left_out.setdefault(clip.file, f"clip {clip.name}: no character has its skeleton")
    return CharacterClips(tuple(characters), tuple(clip for clip in clips if clip.name in used), left_out)


def _clips(models: list[Model]) -> list[Clip]:
    """All clips, ordered by name.

    Clips of the same name and skeleton are one clip, taken from the first file with it.
    """
    found: dict[str, list[Clip]] = {}
    taken: set[str] = set()
    for model in models:
        for name, action in model.clips.items():
            bones = model.contents.bones
            if any(match(clip.bones, bones) for clip in found.get(name, ())):
                continue
            clip = Clip(_free(name, taken), model.file, action, bones, model.contents.skinned)
            found.setdefault(name, []).append(clip)
    return sorted((clip for clips in found.values() for clip in clips), key=lambda clip: clip.name)


def _free(name: str, taken: set[str]) -> str:
    """`name`, followed by a number if it is taken already; adds the result to `taken`."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _why_useless(model: Model) -> str:
    if not model.contents.bones:
        return "no skeleton in it"
    return "no mesh that follows its bones, and no animation longer than a pose"


def _why_unmatched(model: Model, clips: list[Clip]) -> str:
    if not model.contents.bones:
        return "no skeleton in it"
    if not clips:
        return "there is no clip"
    best = max(clips, key=lambda clip: in_common(clip.bones, model.contents.bones)[0])
    common, smaller = in_common(best.bones, model.contents.bones)
    return f"its skeleton fits no clip: {common} of {smaller} bones in common with {best.name}, the most alike"


def numbered_bones(available: CharacterClips) -> list[str]:
    """The bones of all characters, which IUV maps number: a number is the same bone on every character.

    Raises:
        CaptureError: there are more than a map can number.
    """
    bones = {
        bone for character in available.characters for pairs in character.clips.values() for bone in pairs.values()
    }
    parts = sorted({canonical(bone) for bone in bones})
    if len(parts) > 255:
        raise CaptureError(f"--uv: {len(parts)} bones in all are more than a map can number (255); leave out models")
    return parts
