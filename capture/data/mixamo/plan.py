"""The plan of a rendered dataset: which characters and clips are held out, and which test pairs there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from capture.common.errors import CaptureError
from capture.data.mixamo.character_clips import Character, CharacterClips
from capture.data.writing import flat_name

WIDEST_VIEW = 90.0  # degrees


@dataclass(frozen=True)
class Request:
    """The arguments of prepare_mixamo."""

    size: int
    frames: int
    azimuths: tuple[float, ...]
    elevation: float
    field_of_view: float
    test_characters: int
    test_clips: int
    pairs: int
    seed: int
    uv: bool
    samples: int

    def check(self) -> None:
        """CaptureError if one of the arguments is impossible."""
        least = {"size": 16, "frames": 1, "test_clips": 0, "pairs": 1, "seed": 0, "samples": 1}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise CaptureError(f"--{name} {getattr(self, name)}: use at least {smallest}")
        if self.test_characters not in (0, *range(2, 10**6)):
            raise CaptureError(f"--test_characters {self.test_characters}: a test pair needs two; use 0, 2 or more")
        if not self.test_characters and not self.test_clips:
            raise CaptureError("--test_characters 0 and --test_clips 0: nothing would be held out; hold out either")
        if not self.azimuths:
            raise CaptureError("--azimuths: give at least one, in degrees, such as 0")
        for azimuth in self.azimuths:
            around = [other % 360 for other in self.azimuths]
            if azimuth % 1 != 0 or around.count(azimuth % 360) > 1:
                raise CaptureError(f"--azimuths {azimuth:g}: whole degrees, each direction once")
        if not -80 <= self.elevation <= 80:
            raise CaptureError(f"--elevation {self.elevation:g}: use degrees from -80 to 80")
        if not 1 <= self.field_of_view <= WIDEST_VIEW:
            raise CaptureError(f"--field_of_view {self.field_of_view:g}: use degrees from 1 to {WIDEST_VIEW:g}")


@dataclass(frozen=True)
class Split:
    train_characters: tuple[str, ...]
    test_characters: tuple[str, ...]
    train_clips: tuple[str, ...]
    test_clips: tuple[str, ...]


def view_name(azimuth: float) -> str:
    """The ending of a clip's name that says its view: azimuth 0 is the front, 90 the character's left side."""
    return f"a{round(azimuth) % 360:03d}"


def make_split(available: CharacterClips, request: Request, usable: CharacterClips | None = None) -> Split:
    """Hold out characters and clips, which the seed chooses.

    Args:
        usable: `available` without what turned out to be broken, which is passed over.
    Raises:
        CaptureError: there are too few characters or clips.
    """
    usable = usable or available
    rng = np.random.default_rng([request.seed, 0])
    characters = {character.name: character for character in usable.characters}
    held = _draw(rng, [character.name for character in available.characters], characters, request.test_characters)
    clips = [clip.name for clip in usable.clips]
    held_clips = _draw(rng, [clip.name for clip in available.clips], clips, request.test_clips)
    seen = tuple(clip for clip in clips if clip not in held_clips)
    train = tuple(
        name for name, character in characters.items() if name not in held and character.clips.keys() & set(seen)
    )
    if len(held) < request.test_characters or len(train) < 2:
        raise CaptureError(
            f"{len(characters)} characters with clips and {len(clips)} clips: holding out "
            f"{request.test_characters} and {request.test_clips} leaves {len(train)} characters to train on, and two "
            "are needed; add models, or give --test_characters and --test_clips less"
        )
    return Split(train, held, seen, held_clips)


def _draw(rng: np.random.Generator, names: list[str], usable: Collection[str], count: int) -> tuple[str, ...]:
    names = sorted(names)
    drawn = [names[i] for i in rng.permutation(len(names))]
    return tuple(sorted([name for name in drawn if name in usable][:count]))


Place = tuple[str, str, float, int]  # character, clip, azimuth, frame


def place_name(place: Place) -> str:
    """The file name of a test frame."""
    character, clip, azimuth, frame = place
    return flat_name(character, f"{clip}_{view_name(azimuth)}", f"{frame:03d}")


def plan_pairs(available: CharacterClips, split: Split, request: Request) -> list[tuple[Place, Place, Place]]:
    """(identity, pose, target) of each test pair.

    The characters are held-out ones, and half of the poses are of held-out clips, if there are any. With
    --test_characters 0, the characters are those to train on, and all poses are of held-out clips.

    Raises:
        CaptureError: no two of the characters share a clip.
    """
    by_name = {character.name: character for character in available.characters}
    names = list(split.test_characters if request.test_characters else split.train_characters)
    seen = split.train_clips if request.test_characters else ()
    sources = [_shared_clips(clips, names, by_name) for clips in (split.test_clips, seen)]
    sources = [source for source in sources if source]
    if not sources:
        raise CaptureError(
            "no two held-out characters share a clip, so there is no test pair; "
            "give another --seed, or more --test_characters or --test_clips"
        )
    rng = np.random.default_rng([request.seed, 1])
    triples = []
    for i in range(request.pairs):
        clips = sources[i % len(sources)]
        clip = clips[rng.integers(len(clips))]
        candidates = [name for name in names if clip in by_name[name].clips]
        a, b = (candidates[k] for k in rng.choice(len(candidates), size=2, replace=False))
        own = _own_clip(by_name[a], split, rng)
        posed = (clip, *_view(request, rng))
        triples.append(((a, own, *_view(request, rng)), (b, *posed), (a, *posed)))
    return triples


def _shared_clips(clips: Iterable[str], names: list[str], by_name: dict[str, Character]) -> list[str]:
    """The clips that at least two of the characters can perform."""
    return [clip for clip in clips if sum(clip in by_name[name].clips for name in names) >= 2]


def _own_clip(character: Character, split: Split, rng: np.random.Generator) -> str:
    own = [c for c in (*split.train_clips, *split.test_clips) if c in character.clips]
    return own[rng.integers(len(own))]


def _view(request: Request, rng: np.random.Generator) -> tuple[float, int]:
    return request.azimuths[rng.integers(len(request.azimuths))], int(rng.integers(request.frames))
