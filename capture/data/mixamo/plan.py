"""The plan of a rendered dataset: which characters and clips are held out, and which test pairs there are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from capture.common.errors import CaptureError, check_least
from capture.data.mixamo.character_clips import CharacterClips
from capture.data.pair_plan import draw_pairs, hold_out
from capture.data.writing import flat_name

WIDEST_VIEW = 90.0  # degrees
HELD_OUT = (6, 2)  # characters and clips, where there are many and nothing else is asked for
APPEARANCE = {  # option -> its choices, the default first
    "look": ("shaded", "cel", "flat", "outline"),
    "skin": ("coloured", "as_is"),
    "props": ("keep", "one", "hide"),
}


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
    look: str = "shaded"
    skin: str = "coloured"
    props: str = "keep"

    @property
    def appearance(self) -> dict[str, str]:
        """The options of how characters look that differ from the defaults."""
        chosen = {name: getattr(self, name) for name in APPEARANCE}
        return {name: value for name, value in chosen.items() if value != APPEARANCE[name][0]}

    def of_few(self, available: CharacterClips, characters: bool, clips: bool) -> Request:
        """The request with as many held-out characters, clips or both as `usual_split` says."""
        few = usual_split(len(available.characters), len(available.clips))
        held_out = (few[0] if characters else self.test_characters), (few[1] if clips else self.test_clips)
        return replace(self, test_characters=held_out[0], test_clips=held_out[1])

    def check(self) -> None:
        """CaptureError if one of the arguments is impossible."""
        least = {"size": 16, "frames": 1, "test_clips": 0, "pairs": 1, "seed": 0, "samples": 1}
        check_least(*((name, getattr(self, name), smallest) for name, smallest in least.items()))
        for name, choices in APPEARANCE.items():
            if getattr(self, name) not in choices:
                raise CaptureError(f"--{name} {getattr(self, name)}: use one of {', '.join(choices)}")
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


def usual_split(characters: int, clips: int) -> tuple[int, int]:
    """How many characters and clips of so many are held out where nothing else is asked for."""
    held_characters, held_clips = HELD_OUT
    if characters < held_characters + 2:  # two at least are trained on
        held_characters = max(2, characters // 3)
    return held_characters, min(held_clips, max(clips - 1, 0))


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
    held = hold_out(rng, [character.name for character in available.characters], request.test_characters, characters)
    clips = [clip.name for clip in usable.clips]
    held_clips = hold_out(rng, [clip.name for clip in available.clips], request.test_clips, clips)
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
    names = split.test_characters if request.test_characters else split.train_characters
    sources = (split.test_clips, split.train_clips) if request.test_characters else (split.test_clips,)

    def choose(rng: np.random.Generator, clip: str) -> tuple[str, float, int]:
        return clip, request.azimuths[rng.integers(len(request.azimuths))], int(rng.integers(request.frames))

    pairs = draw_pairs(
        np.random.default_rng([request.seed, 1]),
        {name: by_name[name].clips for name in names},
        sources,
        (*split.train_clips, *split.test_clips),
        request.pairs,
        choose,
    )
    if not pairs:
        raise CaptureError(
            "no two held-out characters share a clip, so there is no test pair; "
            "give another --seed, or more --test_characters or --test_clips"
        )
    (identity, pose, target) = ([(name, *place) for name, place in column] for column in zip(*pairs))
    return list(zip(identity, pose, target))
