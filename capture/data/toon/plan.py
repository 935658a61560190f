"""The plan of a written toon dataset: its characters, clips and views, and test pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from capture.common.errors import CaptureError
from capture.data.toon.dataset import HELD_OUT_SEEDS
from capture.data.toon.motion.motions import CLIPS, VARIED
from capture.data.toon.rendering.camera import Shot, View

MOST_CLIPS = 1000  # of which a motion has some forty, seen from as many sides
VIEWS = {  # azimuths in degrees, in an order in which a few neighbours are spread out
    "all": (0, 45, 180, 90, 330, 135, 270, 20, 225, 315, 65, 200),
    "front": (0, 35, 335, 15, 320, 350, 25, 310),
}


@dataclass(frozen=True)
class ClipPlan:
    """A clip of the dataset: the same style, times and view for every character."""

    clip: str
    azimuth: int
    pitch: float
    perspective: float
    style_seed: int

    @property
    def name(self) -> str:
        return f"{self.clip}_az{self.azimuth:03d}"

    def shot(self, character: int, frame: int, frames: int) -> Shot:
        view = View(self.azimuth, self.pitch, self.perspective)
        return Shot(character, self.clip, self.style_seed, frame / frames, view)


def check_request(request: dict[str, int], views: str) -> None:
    """Raise a CaptureError if an argument of `write_toon` is impossible."""
    least = {"characters": 1, "clips": 1, "frames": 1, "test_characters": 2, "test_clips": 0, "seed": 0}
    for name, smallest in least.items():
        if request[name] < smallest:
            raise CaptureError(f"toon: {name} is {request[name]}; use at least {smallest}")
    if request["size"] < 16 or request["size"] % 2:
        raise CaptureError(f"toon: size is {request['size']}; use an even number of pixels, at least 16")
    for name, most in (("test_characters", len(HELD_OUT_SEEDS)), ("test_clips", len(CLIPS) - 1)):
        if request[name] > most:
            raise CaptureError(f"toon: {name} is {request[name]}; there are {most}")
    if request["clips"] > MOST_CLIPS:
        raise CaptureError(f"toon: clips is {request['clips']}; use at most {MOST_CLIPS}, and more characters")
    if views not in VIEWS:
        raise CaptureError(f"toon: views is {views}; use one of {', '.join(VIEWS)}")


def choose_characters(characters: int, test_characters: int, seed: int) -> tuple[list[int], list[int]]:
    """Seeds of the characters to train on and of the held-out ones."""
    rng = np.random.default_rng([seed, 0])
    first = HELD_OUT_SEEDS.stop
    train = _draw(rng, range(first, first + max(90000, 2 * characters)), characters)
    return train, _draw(rng, HELD_OUT_SEEDS, test_characters)


def _draw(rng: np.random.Generator, seeds: range, count: int) -> list[int]:
    return sorted(seeds[int(i)] for i in rng.permutation(len(seeds))[:count])


def plan_clips(clips: int, test_clips: int, seed: int, views: str = "all") -> tuple[list[ClipPlan], list[ClipPlan]]:
    """Clips to train on and held-out ones: different motions, seen from azimuths spread over VIEWS[views]."""
    held = min(test_clips, len(VARIED) - 1)
    train_names = VARIED[:clips] if clips + held <= len(VARIED) else VARIED[: len(VARIED) - held]
    names = [train_names[i % len(train_names)] for i in range(clips)]
    names += VARIED[len(train_names) : len(train_names) + held]
    rng = np.random.default_rng([seed, 1])
    azimuths = VIEWS[views]
    start = int(rng.integers(len(azimuths)))
    plans, used = [], set()
    for i, name in enumerate(names):
        azimuth = (azimuths[(start + i) % len(azimuths)] + int(rng.integers(-12, 13))) % 360
        while (name, azimuth) in used:
            azimuth = (azimuth + 7) % 360
        used.add((name, azimuth))
        pitch, perspective = round(float(rng.uniform(0, 12)), 2), round(float(rng.uniform(0.05, 0.2)), 3)
        plans.append(ClipPlan(name, azimuth, pitch, perspective, int(rng.integers(2**31))))
    return plans[:clips], plans[clips:]


def plan_pairs(
    characters: list[int], plans: list[ClipPlan], test_plans: list[ClipPlan], frames: int, seed: int
) -> list[tuple[tuple[ClipPlan, int, int], tuple[ClipPlan, int, int], tuple[ClipPlan, int, int]]]:
    """(identity, pose, target) triples of (clip, character, frame); half of the poses are of held-out clips, if any."""
    rng = np.random.default_rng([seed, 2])
    triples = []
    everything = plans + test_plans
    shown = {(plan.clip, plan.azimuth): plan for plan in everything}  # what each name of a clip and azimuth stands for
    for i in range(max(16, 4 * len(characters))):
        a = characters[i % len(characters)]
        b = characters[(i + 1 + int(rng.integers(len(characters) - 1))) % len(characters)]
        seen = everything[int(rng.integers(len(everything)))]
        azimuth = int(rng.integers(-60, 61)) % 360 if rng.random() < 0.85 else seen.azimuth
        seen = replace(seen, azimuth=azimuth)
        while shown.setdefault((seen.clip, seen.azimuth), seen) != seen:  # another view of that name
            seen = replace(seen, azimuth=(seen.azimuth + 7) % 360)
        source = test_plans if test_plans and i % 2 == 0 else plans
        posed = source[int(rng.integers(len(source)))]
        k, frame = int(rng.integers(frames)), int(rng.integers(frames))
        triples.append(((seen, a, k), (posed, b, frame), (posed, a, frame)))
    return triples
