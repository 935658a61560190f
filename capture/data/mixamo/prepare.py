"""`prepare_mixamo`: rigged characters and clips -> pictures of each performing each, in the Mixamo tree.

First Blender reads every clip and poses every character in every frame, to see how large it can be drawn; broken models
show here. Then test pairs are planned and everything is drawn. What exists is kept, so an interrupted run goes on.
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
from capture.data.mixamo.cast import Cast, make_cast
from capture.data.mixamo.drawing import BACKGROUND, Ask, Draw, Frame, ask, draw
from capture.data.mixamo.in_blender.style import as_manifest
from capture.data.mixamo.models import find_models
from capture.data.mixamo.plan import Place, Request, Split, make_split, place_name, plan_pairs, view_name
from capture.data.mixamo.requests import Asking
from capture.data.mixamo.sizes import choose_sizes
from capture.data.mixamo.skeleton import canonical
from capture.data.writing import begin, is_written, write_manifest, write_pairs

MIXAMO_VERSION = 1  # of the pictures: raised whenever the same models would look different
_SPLIT = ("train_characters", "test_characters", "train_clips", "test_clips")
_RESULTS = ("broken", "unfit", "scales", "zooms", "train_images", "test_images", *_SPLIT)  # of the drawing
_SCRATCH = ".mixamo"
_FEW = 32  # clips are read sooner than other processes start


def prepare_mixamo(
    models: Path,
    out: Path,
    size: int = 256,
    frames: int = 16,
    azimuths: tuple[float, ...] = (0.0,),
    elevation: float = 10.0,
    clips: list[str] | None = None,
    test_characters: int = 6,
    test_clips: int = 2,
    pairs: int = 256,
    seed: int = 0,
    uv: bool = False,
    samples: int = 8,
    workers: int | None = None,
    field_of_view: float = 15.0,
    blender: str | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Render (or finish rendering) a folder of models and return the manifest.

    Args:
        models: holds .fbx, .glb, .gltf files, at any depth: characters (skinned meshes) and clips (animations).
        out: the dataset folder; empty, absent, or an unfinished run with the same arguments.
        size: side of the pictures in pixels.
        frames: of each clip, in the middle of as many equal parts of it.
        azimuths: directions that every clip is seen from, in whole degrees: 0 the front, 90 the character's left.
        elevation, field_of_view: of the camera, in degrees.
        clips: names of the clips to use; None is all.
        test_characters, test_clips: held out, drawn from the seed. 0 characters: pairs are of held-out clips alone.
        pairs: rows of test/pairs.csv.
        uv: write a map of body parts (PNG: part, u, v, as toon's) beside every frame.
        samples: of each pixel, for smooth edges.
        workers: processes; one a core by default.
        blender: a Python that has Blender's module; see find_blender.

    Returns:
        The manifest. "unreadable" and "broken": file -> reason of the models that could not be used; "left_out" and
        "unfit": file -> reason of those that there was no use for, in any clip or in one.
    Raises:
        CaptureError: an impossible request, too few models, no Blender, or `out` holds something else.
    """
    models, out = Path(models), Path(out)
    azimuths = tuple(float(azimuth) for azimuth in azimuths)
    request = Request(
        size, frames, azimuths, elevation, field_of_view, test_characters, test_clips, pairs, seed, uv, samples
    )
    request.check()
    found, unreadable = find_models(models)
    cast = make_cast(found, clips)
    if not cast.characters:
        raise CaptureError(f"{models}: {_nothing_to_draw(unreadable, cast)}")
    plan_pairs(cast, make_split(cast, request), request)  # if that is impossible, say so now
    python = find_blender(blender)
    try:
        parameters = {
            **_parameters(request, cast, blender_version(python)),
            "models": {model.file: model.digest for model in found},
            "unreadable": unreadable,
        }
        done = {key: value for key, value in read_manifest(out).items() if key in _RESULTS} if out.is_dir() else {}
        if begin(out, {**parameters, **done}):
            return {**parameters, **done}
        run = _Run(out, Asking(models, request), python, parameters["uv_parts"], workers, progress)
        usable, useless, fits = run.measure(cast)
        manifest = {**parameters, **useless, **run.draw(usable, make_split(cast, request, usable), fits)}
    finally:
        close(python)
    write_manifest(out, manifest)
    shutil.rmtree(out / _SCRATCH, ignore_errors=True)
    return manifest


class _Run:
    """The two halves of the work, with what they share."""

    def __init__(self, out: Path, asking: Asking, python: str, parts: list[str], workers: int | None, progress: bool):
        self.out, self.asking, self.python, self.parts = out, asking, python, parts
        self.scratch = out / _SCRATCH
        self._workers, self._progress = workers, progress

    def measure(self, cast: Cast) -> tuple[Cast, dict[str, dict[str, str]], dict[str, dict[str, float]]]:
        """The cast without what is of no use; what that is; character -> clip -> the largest scale that fits."""
        answers = self._ask("clip", {clip.name: self.asking.sample(clip) for clip in cast.clips})
        bad = {name: answer["unusable"] for name, answer in answers.items() if "unusable" in answer}
        broken = {clip.file: f"clip {clip.name}: {bad[clip.name]}" for clip in cast.clips if clip.name in bad}
        cast = cast.without(clips=bad)
        answers = self._ask("character", {who.name: self.asking.measure(cast, who) for who in cast.characters})
        bad = {name: answer["unusable"] for name, answer in answers.items() if "unusable" in answer}
        broken.update({who.file: bad[who.name] for who in cast.characters if who.name in bad})
        cast = cast.without(characters=bad)
        unfit = {
            f"{who.file} in {clip}": reason
            for who in cast.characters
            for clip, reason in answers[who.name]["unfit"].items()
        }
        fits = {who.name: answers[who.name]["fits"] for who in cast.characters}
        cast = cast.performing(fits)
        return cast, {"broken": broken, "unfit": unfit}, {who.name: fits[who.name] for who in cast.characters}

    def _ask(self, kind: str, requests: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Answers by name, which are kept on disk until the data set is complete."""
        results = {name: self.scratch / kind / f"{name}.json" for name in requests}
        jobs = [Ask(self.python, requests[name], path) for name, path in results.items() if not is_written(path)]
        few = kind == "clip" and len(jobs) <= _FEW
        self._work(ask, jobs, len(results) - len(jobs), len(results), kind, 1 if few else self._workers)
        return {name: json.loads(path.read_text()) for name, path in results.items()}

    def draw(self, cast: Cast, split: Split, fits: dict[str, dict[str, float]]) -> dict[str, Any]:
        """Draw everything; what the manifest says of it."""
        rows = plan_pairs(cast, split, self.asking.request)
        scales, zooms = choose_sizes(fits)
        train = list(_train_places(cast, split, self.asking.request))
        test = sorted({place for row in rows for place in row})
        shots: dict[tuple[str, str], list[Frame]] = {}
        for place, folder, name in (
            *((p, self.out / "train" / p[0] / f"{p[1]}_{view_name(p[2])}", f"{p[3]:03d}.png") for p in train),
            *((p, self.out / "test", place_name(p)) for p in test),
        ):
            who, clip, azimuth, number = place
            view = {**self.asking.view(azimuth), "scale": scales[who] * zooms[clip]}
            shots.setdefault((who, clip), []).append(Frame(folder, name, number, view))
        clips = {clip.name: clip for clip in cast.clips}
        characters = {who.name: who for who in cast.characters}
        jobs = [
            Draw(self.python, self.asking.draw(characters[who], clips[clip], self.parts), tuple(frames), self.scratch)
            for (who, clip), frames in sorted(shots.items())
        ]
        todo = [job for job in jobs if any(job.missing(frame) for frame in job.frames)]
        total = len(train) + len(test)
        self._work(draw, todo, total - sum(len(job.frames) for job in todo), total, "frame", self._workers)
        names = [tuple(f"imgs/{place_name(place)}" for place in row) for row in rows]
        write_pairs(self.out / "test" / "pairs.csv", names)
        return {
            "scales": scales,
            "zooms": zooms,
            "train_characters": list(split.train_characters),
            "test_characters": list(split.test_characters),
            "train_clips": list(split.train_clips),
            "test_clips": list(split.test_clips),
            "train_images": len(train),
            "test_images": len(test),
        }

    def _work(self, run: Any, jobs: list[Any], done: int, total: int, unit: str, workers: int | None) -> None:
        if jobs:
            work(run, jobs, self.out, workers, done, total, unit, self._progress)
        if workers != 1:
            close(self.python)  # the one of this process


def _train_places(cast: Cast, split: Split, request: Request) -> list[Place]:
    return [
        (who.name, clip, azimuth, number)
        for who in cast.characters
        if who.name in split.train_characters
        for clip in split.train_clips
        if clip in who.clips
        for azimuth in request.azimuths
        for number in range(request.frames)
    ]


def _parameters(request: Request, cast: Cast, version: str) -> dict[str, Any]:
    """Everything that decides the pictures, for the manifest."""
    return {
        "kind": "mixamo",
        "aligned": True,
        "mixamo_version": MIXAMO_VERSION,
        "blender": version,
        "engine": "Cycles on the CPU, no bounces",
        "look": as_manifest(),
        "background": list(BACKGROUND),
        "size": request.size,
        "frames": request.frames,
        "azimuths": list(request.azimuths),
        "elevation": request.elevation,
        "field_of_view": request.field_of_view,
        "samples": request.samples,
        "seed": request.seed,
        "uv": request.uv,
        "uv_parts": _parts(cast) if request.uv else [],
        "pairs": request.pairs,
        "characters": {character.name: character.file for character in cast.characters},
        "clips": {clip.name: {"file": clip.file, "action": clip.action} for clip in cast.clips},
        "held_out": [request.test_characters, request.test_clips],
        "left_out": cast.left_out,
    }


def _parts(cast: Cast) -> list[str]:
    """Body parts of the maps: the bones of all characters, so that a number is the same part on each of them."""
    bones = {bone for who in cast.characters for pairs in who.clips.values() for bone in pairs.values()}
    parts = sorted({canonical(bone) for bone in bones})
    if len(parts) > 255:
        raise CaptureError(f"--uv: {len(parts)} bones in all are more than a map can number (255); leave out models")
    return parts


def _nothing_to_draw(unreadable: dict[str, str], cast: Cast) -> str:
    reasons = {**cast.left_out, **unreadable}
    file, reason = next(iter(reasons.items()))
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"no character in it that a clip fits; {file}: {reason}{more}"
