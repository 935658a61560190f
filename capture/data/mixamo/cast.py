"""Who can perform what: characters, clips, and the bones by which they go together."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from capture.common.errors import CaptureError
from capture.data.mixamo.models import Model, safe_name
from capture.data.mixamo.skeleton import in_common, match


@dataclass(frozen=True)
class Clip:
    """One motion, for every character from one file, so that it is the same pose on all of them."""

    name: str
    file: str
    action: str
    bones: tuple[str, ...]
    skinned: bool  # whether its file has a mesh, which makes sure that its rest pose is one


@dataclass(frozen=True)
class Character:
    """A model to draw.

    Attributes:
        clips: name of each clip that fits -> bone of the clip -> bone of the character.
    """

    name: str
    file: str
    bones: tuple[str, ...]
    clips: dict[str, dict[str, str]] = field(compare=False)


@dataclass(frozen=True)
class Cast:
    characters: tuple[Character, ...]
    clips: tuple[Clip, ...]
    left_out: dict[str, str]  # file -> why nothing of it is used

    def performing(self, able: Mapping[str, Container[str]]) -> Cast:
        """The cast where each character performs only the clips that it is `able` to, if any."""
        kept = (
            replace(who, clips={name: bones for name, bones in who.clips.items() if name in able[who.name]})
            for who in self.characters
        )
        characters = tuple(who for who in kept if who.clips)
        used = {name for who in characters for name in who.clips}
        return Cast(characters, tuple(clip for clip in self.clips if clip.name in used), self.left_out)

    def without(self, characters: Container[str] = (), clips: Container[str] = ()) -> Cast:
        """The cast without some, and without characters that this leaves no clip."""
        kept = (
            replace(who, clips={name: bones for name, bones in who.clips.items() if name not in clips})
            for who in self.characters
            if who.name not in characters
        )
        return Cast(
            tuple(who for who in kept if who.clips),
            tuple(clip for clip in self.clips if clip.name not in clips),
            self.left_out,
        )


def make_cast(models: Iterable[Model], wanted: list[str] | None = None) -> Cast:
    """Bring characters and clips together.

    Args:
        wanted: names of the clips to use; None is all of them.
    Raises:
        CaptureError: a wanted clip that isn't there, or nothing to draw.
    """
    models = list(models)
    clips = _clips(models)
    unknown = [name for name in wanted or () if name not in {clip.name for clip in clips}]
    if unknown:
        names = ", ".join(clip.name for clip in clips) or "none"
        raise CaptureError(f"--clips {unknown[0]}: no such clip; there are {names}")
    if wanted:
        clips = [clip for clip in clips if clip.name in wanted]
    characters, left_out, taken = [], {}, set()
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
    return Cast(tuple(characters), tuple(clip for clip in clips if clip.name in used), left_out)


def _clips(models: list[Model]) -> list[Clip]:
    """Clips by name. The same name on the same skeleton is the same clip, from the first file that has it."""
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
    """`name`, or with the first number behind it that isn't taken; which it is then."""
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
