"""What will be drawn: who is held out, from where each clip is seen, which test pairs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from capture.common.errors import CaptureError
from capture.data.mixamo.cast import Cast, Character
from capture.data.writing import flat_name

WIDEST_VIEW = 90.0  # degrees


@dataclass(frozen=True)
class Request:
    """What was asked for; see prepare_mixamo."""

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
        """CaptureError where it is impossible."""
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
    """What a view adds to the name of a clip: 0 is the front, 90 the character's left side."""
    return f"a{round(azimuth) % 360:03d}"


def make_split(cast: Cast, request: Request, usable: Cast | None = None) -> Split:
    """Hold out characters and clips, in an order drawn from the seed.

    Args:
        usable: the cast without what turned out to be broken, which is passed over.
    Raises:
        CaptureError: too few of either.
    """
    usable = usable or cast
    rng = np.random.default_rng([request.seed, 0])
    characters = {who.name: who for who in usable.characters}
    held = _draw(rng, [who.name for who in cast.characters], characters, request.test_characters)
    clips = [clip.name for clip in usable.clips]
    held_clips = _draw(rng, [clip.name for clip in cast.clips], clips, request.test_clips)
    seen = tuple(clip for clip in clips if clip not in held_clips)
    train = tuple(name for name, who in characters.items() if name not in held and who.clips.keys() & set(seen))
    if len(held) < request.test_characters or len(train) < 2:
        raise CaptureError(
            f"{len(characters)} characters that can perform and {len(clips)} clips: holding out "
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


def plan_pairs(cast: Cast, split: Split, request: Request) -> list[tuple[Place, Place, Place]]:
    """(identity, pose, target) of each test pair.

    Half of the poses are of held-out clips, if any. Characters are the held-out ones; where none were to be held out,
    those to train on, and all poses are of held-out clips.

    Raises:
        CaptureError: no two of the characters share a clip.
    """
    everyone = {who.name: who for who in cast.characters}
    people = list(split.test_characters if request.test_characters else split.train_characters)
    seen = split.train_clips if request.test_characters else ()
    sources = [_performable(clips, people, everyone) for clips in (split.test_clips, seen)]
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
        able = [name for name in people if clip in everyone[name].clips]
        a, b = (able[k] for k in rng.choice(len(able), size=2, replace=False))
        shown = _own_clip(everyone[a], split, rng)
        posed = (clip, *_view(request, rng))
        triples.append(((a, shown, *_view(request, rng)), (b, *posed), (a, *posed)))
    return triples


def _performable(clips: Iterable[str], people: list[str], everyone: dict[str, Character]) -> list[str]:
    return [clip for clip in clips if sum(clip in everyone[name].clips for name in people) >= 2]


def _own_clip(character: Character, split: Split, rng: np.random.Generator) -> str:
    own = [c for c in (*split.train_clips, *split.test_clips) if c in character.clips]
    return own[rng.integers(len(own))]


def _view(request: Request, rng: np.random.Generator) -> tuple[float, int]:
    return request.azimuths[rng.integers(len(request.azimuths))], int(rng.integers(request.frames))
