"""The requests that Blender answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .framing import View
from .load import Unusable
from .retarget import Unfit
from .stage import Stage

_stage = Stage()


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Carry out {"do": ...}.

    sample:  {clip, frames} -> {}: whether the clip can be read.
    measure: {character, clips, frames, views} -> {fits, unfit}: the largest scale of each clip that cuts off no frame
             of it, and why the other clips can't be performed.
    draw:    {character, clip, frame, frames, view, path} -> {left, top}; the figure's part of the lattice, from this
             column and row on, is at `path` (lattice.py). With {parts, uv_path}, the
             map of body parts (parts: the character's bone that is part 1, 2, ...) is at `uv_path`, as raw bytes. With
             {guide_path}, the picture for drawing outlines (guide.py) is there.
    """
    return {"sample": _sample, "measure": _measure, "draw": _draw}[request["do"]](request)


def _sample(request: dict[str, Any]) -> dict[str, Any]:
    motion = _stage.motion(request["clip"], request["frames"])
    if not np.isfinite(motion.head).all() or not np.isfinite(motion.turn).all():
        raise Unusable("its animation holds NaN or infinity")
    return {}


def _measure(request: dict[str, Any]) -> dict[str, Any]:
    views = [View.at(v["azimuth"], v["elevation"], v["field_of_view"]) for v in request["views"]]
    for clip in request["clips"]:
        _stage.motion(
            clip, request["frames"]
        )  # before the character is loaded, because reading a file clears the scene
    fits, unfit = {}, {}
    for clip in request["clips"]:
        largest = np.inf
        try:
            for frame in range(request["frames"]):
                _stage.pose(request["character"], clip, frame, request["frames"])
                points = _stage.skin() - _stage.ground()
                largest = min(largest, *(view.largest(points) for view in views))
        except Unfit as error:
            unfit[clip["name"]] = str(error)
            continue
        if not np.isfinite(largest) or largest <= 0:
            raise Unusable(f"it can't be framed in clip {clip['name']}: its mesh is degenerate")
        fits[clip["name"]] = float(largest)
    return {"fits": fits, "unfit": unfit}


def _draw(request: dict[str, Any]) -> dict[str, Any]:
    _stage.motion(request["clip"], request["frames"])
    if request.get("parts"):
        _stage.enter(**request["character"])
        _stage.learn_parts(request["parts"])
    _stage.pose(request["character"], request["clip"], request["frame"], request["frames"])
    left, top = _stage.draw(request["view"], request["path"], request.get("guide_path"))
    if request.get("parts"):
        Path(request["uv_path"]).write_bytes(_stage.name_pixels(request["view"]).tobytes())
    return {"left": left, "top": top}
