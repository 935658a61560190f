"""`prepare_mixamo`: pictures of every rigged character in every clip, in the Mixamo tree.

First, Blender reads every clip and poses every character in every frame, to measure how large the character can be
drawn. Broken models are found here. Then the test pairs are planned, and everything is drawn. Files that exist are
kept, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError
from capture.common.workers import work
from capture.data.index.catalog import read_manifest
from capture.data.mixamo.blender import blender_version, close, find_blender
from capture.data.mixamo.character_clips import CharacterClips, match_clips, numbered_bones
from capture.data.mixamo.drawing import BACKGROUND, Draw, Frame, Query, draw, run_query
from capture.data.mixamo.in_blender.style import as_manifest
from capture.data.mixamo.models import find_models
from capture.data.mixamo.plan import HELD_OUT, Place, Request, Split, make_split, place_name, plan_pairs, view_name
from capture.data.mixamo.requests import BlenderRequests
from capture.data.mixamo.sizes import choose_sizes
from capture.data.plan_shards import Shard, finish, finished_manifest, folder_of, share_of
from capture.data.writing import begin, is_written

MIXAMO_VERSION = 3  # of the pictures: raised whenever the same models would look different
_SPLIT = ("train_characters", "test_characters", "train_clips", "test_clips")
_RESULTS = (
    "broken",
    "unfit",
    "scales",
    "zooms",
    "train_images",
    "test_images",
    *_SPLIT,
)
_SCRATCH = ".mixamo"
_FEW = 32  # so few clips are read faster than other processes start


def prepare_mixamo(
    models: Path,
    out: Path,
    size: int = 256,
    frames: int = 16,
    azimuths: tuple[float, ...] = (0.0,),
    elevation: float = 10.0,
    clips: list[str] | None = None,
    test_characters: int | None = None,
    test_clips: int | None = None,
    pairs: int = 256,
    seed: int = 0,
    uv: bool = False,
    samples: int = 2,
    workers: int | None = None,
    field_of_view: float = 15.0,
    blender: str | None = None,
    progress: bool = True,
    look: str = "shaded",
    skin: str = "coloured",
    props: str = "keep",
    shard: Shard | None = None,
) -> dict[str, Any]:
    """Render (or finish rendering) a folder of models and return the manifest.

    Args:
        models: holds .fbx, .glb, .gltf files, at any depth: characters (skinned meshes) and clips (animations).
        out: the dataset folder; empty, absent, or an unfinished run with the same arguments.
        size: side of the pictures in pixels.
        frames: how many frames of each clip, taken from the middles of as many equal parts of it.
        azimuths: directions from which every clip is seen, in whole degrees: 0 is the front, 90 the character's left.
        elevation, field_of_view: of the camera, in degrees.
        clips: names of the clips to use; None for all clips.
        test_characters, test_clips: how many are held out; the seed chooses them. None for 6 and 2, or fewer where
            there are few (usual_split). With 0 characters, the test pairs are of held-out clips alone.
        pairs: rows of test/pairs.csv.
        uv: write an IUV map (capture.io.iuv) beside every frame, whose parts are the bones in `uv_parts` of the
            manifest.
        samples: rays of each pixel, for smooth edges: 1, 2, 4, 6, 9, 12, ...; between them, the smaller one is used.
        workers: how many processes; None for one on each core.
        look: shaded (two tones and shadows), cel (three tones), flat (one tone), or outline (shaded, with dark lines).
        skin: coloured gives nearly black materials called Skin and Face a colour, by the character's name; or as_is.
        props: keep weapons and other props, hide them, or keep one of each character's. Names of objects tell them.
        blender: a Python that has Blender's module; see find_blender.
        shard: draw only this share of the plan, to the shard's folder beside `out`; every shard measures all models.
            See merge_shards.

    Returns:
        The manifest. Its "unreadable" and "broken" say why files could not be used; "left_out" says which files fit
        nothing, and "unfit" which single clips don't fit a character. Each is a dict of file -> reason.
    Raises:
        CaptureError: an argument is impossible, there are too few models, Blender is missing, or `out` holds something
            else.
    """
    models, out = Path(models), folder_of(Path(out), shard)
    azimuths = tuple(float(azimuth) for azimuth in azimuths)
    request = Request(
        size,
        frames,
        azimuths,
        elevation,
        field_of_view,
        HELD_OUT[0] if test_characters is None else test_characters,
        HELD_OUT[1] if test_clips is None else test_clips,
        pairs,
        seed,
        uv,
        samples,
        look,
        skin,
        props,
    )
    request.check()
    found, unreadable = find_models(models)
    available = match_clips(found, clips)
    if not available.characters:
        raise CaptureError(f"{models}: {_nothing_to_draw(unreadable, available)}")
    request = request.of_few(available, test_characters is None, test_clips is None)
    plan_pairs(available, make_split(available, request), request)  # raises before the long work if there are no pairs
    python = find_blender(blender)
    try:
        parameters = {
            **_parameters(request, available, blender_version(python)),
            "models": {model.file: model.digest for model in found},
            "unreadable": unreadable,
        }
        done = {key: value for key, value in read_manifest(out).items() if key in _RESULTS} if out.is_dir() else {}
        if begin(out, {**parameters, **done}):
            return {**parameters, **done}
        if shard and (known := finished_manifest(out)):
            return known
        run = _Run(out, BlenderRequests(models, request), python, parameters["uv_parts"], workers, progress)
        usable, useless, fits = run.measure(available)
        drawn, rows = run.draw(usable, make_split(available, request, usable), fits, shard)
        manifest = {**parameters, **useless, **drawn}
    finally:
        close(python)
    finish(out, manifest, rows, shard)
    shutil.rmtree(out / _SCRATCH, ignore_errors=True)
    return manifest


class _Run:
    """The two halves of the work, measuring and drawing."""

    def __init__(
        self, out: Path, requests: BlenderRequests, python: str, parts: list[str], workers: int | None, progress: bool
    ):
        self.out, self.requests, self.python, self.parts = out, requests, python, parts
        self.scratch = out / _SCRATCH
        self._workers, self._progress = workers, progress

    def measure(
        self, available: CharacterClips
    ) -> tuple[CharacterClips, dict[str, dict[str, str]], dict[str, dict[str, float]]]:
        """Find out what is usable.

        Returns:
            The usable characters and clips; "broken" and "unfit" for the manifest; and of each character and clip the
            largest scale at which no frame is cut off.
        """
        answers = self._run_queries("clip", {clip.name: self.requests.sample(clip) for clip in available.clips})
        bad = {name: answer["unusable"] for name, answer in answers.items() if "unusable" in answer}
        broken = {clip.file: f"clip {clip.name}: {bad[clip.name]}" for clip in available.clips if clip.name in bad}
        available = available.without(clips=bad)
        answers = self._run_queries(
            "character",
            {character.name: self.requests.measure(available, character) for character in available.characters},
        )
        bad = {name: answer["unusable"] for name, answer in answers.items() if "unusable" in answer}
        broken.update(
            {character.file: bad[character.name] for character in available.characters if character.name in bad}
        )
        available = available.without(characters=bad)
        unfit = {
            f"{character.file} in {clip}": reason
            for character in available.characters
            for clip, reason in answers[character.name]["unfit"].items()
        }
        fits = {character.name: answers[character.name]["fits"] for character in available.characters}
        available = available.restricted_to(fits)
        return (
            available,
            {"broken": broken, "unfit": unfit},
            {character.name: fits[character.name] for character in available.characters},
        )

    def _run_queries(self, kind: str, requests: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Blender's answers by name. They are kept on the disk until the dataset is complete."""
        results = {name: self.scratch / kind / f"{name}.json" for name in requests}
        jobs = [Query(self.python, requests[name], path) for name, path in results.items() if not is_written(path)]
        few = kind == "clip" and len(jobs) <= _FEW
        self._work(run_query, jobs, len(results) - len(jobs), len(results), kind, 1 if few else self._workers)
        return {name: json.loads(path.read_text()) for name, path in results.items()}

    def draw(
        self, available: CharacterClips, split: Split, fits: dict[str, dict[str, float]], shard: Shard | None
    ) -> tuple[dict[str, Any], list[list[str]]]:
        """Draw everything, or a shard of it. Returns what the manifest says about all of it, and the test pairs."""
        rows = plan_pairs(available, split, self.requests.request)
        scales, zooms = choose_sizes(fits)
        train = list(_train_places(available, split, self.requests.request))
        test = sorted({place for row in rows for place in row})
        shots: dict[tuple[str, str], list[Frame]] = {}
        for place, folder, name in (
            *((p, self.out / "train" / p[0] / f"{p[1]}_{view_name(p[2])}", f"{p[3]:03d}.png") for p in train),
            *((p, self.out / "test", place_name(p)) for p in test),
        ):
            character, clip, azimuth, number = place
            view = {**self.requests.view(azimuth), "scale": scales[character] * zooms[clip]}
            shots.setdefault((character, clip), []).append(Frame(folder, name, number, view))
        clips = {clip.name: clip for clip in available.clips}
        characters = {character.name: character for character in available.characters}
        jobs = [
            Draw(
                self.python,
                self.requests.draw(characters[character], clips[clip], self.parts),
                tuple(sorted(frames, key=lambda frame: frame.number)),  # views of one pose one after another
                self.scratch,
            )
            for (character, clip), frames in sorted(shots.items())
        ]
        jobs = list(share_of(jobs, shard))
        todo = [job for job in jobs if any(job.missing(frame) for frame in job.frames)]
        total = sum(len(job.frames) for job in jobs)
        self._work(draw, todo, total - sum(len(job.frames) for job in todo), total, "frame", self._workers)
        names = [[f"imgs/{place_name(place)}" for place in row] for row in rows]
        drawn = {
            "scales": scales,
            "zooms": zooms,
            "train_characters": list(split.train_characters),
            "test_characters": list(split.test_characters),
            "train_clips": list(split.train_clips),
            "test_clips": list(split.test_clips),
            "train_images": len(train),
            "test_images": len(test),
        }
        return drawn, names

    def _work(self, run: Any, jobs: list[Any], done: int, total: int, unit: str, workers: int | None) -> None:
        if jobs:
            work(run, jobs, self.out, workers, done, total, unit, self._progress)
        if workers != 1:
            close(self.python)  # this process's Blender


def _train_places(available: CharacterClips, split: Split, request: Request) -> list[Place]:
    return [
        (character.name, clip, azimuth, number)
        for character in available.characters
        if character.name in split.train_characters
        for clip in split.train_clips
        if clip in character.clips
        for azimuth in request.azimuths
        for number in range(request.frames)
    ]


def _parameters(request: Request, available: CharacterClips, version: str) -> dict[str, Any]:
    """Everything that decides the pictures, for the manifest."""
    return {
        "kind": "mixamo",
        "aligned": True,
        "mixamo_version": MIXAMO_VERSION,
        "blender": version,
        "engine": "Cycles on the CPU, no bounces",
        "look": as_manifest(),
        **({"appearance": request.appearance} if request.appearance else {}),
        "background": list(BACKGROUND),
        "size": request.size,
        "frames": request.frames,
        "azimuths": list(request.azimuths),
        "elevation": request.elevation,
        "field_of_view": request.field_of_view,
        "samples": request.samples,
        "seed": request.seed,
        "uv": request.uv,
        "uv_parts": numbered_bones(available) if request.uv else [],
        "pairs": request.pairs,
        "characters": {character.name: character.file for character in available.characters},
        "clips": {clip.name: {"file": clip.file, "action": clip.action} for clip in available.clips},
        "held_out": [request.test_characters, request.test_clips],
        "left_out": available.left_out,
    }


def _nothing_to_draw(unreadable: dict[str, str], available: CharacterClips) -> str:
    reasons = {**available.left_out, **unreadable}
    file, reason = next(iter(reasons.items()))
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"no character in it that a clip fits; {file}: {reason}{more}"
