"""What is asked of Blender, in the form of in_blender/jobs.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.data.mixamo.cast import Cast, Character, Clip
from capture.data.mixamo.plan import Request
from capture.data.mixamo.skeleton import canonical


@dataclass(frozen=True)
class Asking:
    """Makes requests about the models in a folder."""

    models: Path
    request: Request

    def sample(self, clip: Clip) -> dict[str, Any]:
        return {"do": "sample", "clip": self._clip(clip, {}), "frames": self.request.frames}

    def measure(self, cast: Cast, who: Character) -> dict[str, Any]:
        return {
            "do": "measure",
            "character": self._character(who),
            "clips": [self._clip(clip, who.clips[clip.name]) for clip in cast.clips if clip.name in who.clips],
            "frames": self.request.frames,
            "views": [self.view(azimuth) for azimuth in self.request.azimuths],
        }

    def draw(self, who: Character, clip: Clip, parts: list[str]) -> dict[str, Any]:
        """What the frames of a character in a clip have in common; `parts` where maps of them are wanted."""
        asked: dict[str, Any] = {
            "do": "draw",
            "character": self._character(who),
            "clip": self._clip(clip, who.clips[clip.name]),
            "frames": self.request.frames,
        }
        if parts:
            own = {canonical(bone): bone for bone in reversed(who.bones)}
            asked["parts"] = [own.get(part, "") for part in parts]
        return asked

    def view(self, azimuth: float) -> dict[str, Any]:
        request = self.request
        return {
            "azimuth": azimuth,
            "elevation": request.elevation,
            "field_of_view": request.field_of_view,
            "size": request.size,
            "samples": request.samples,
        }

    def _character(self, who: Character) -> dict[str, Any]:
        return {"name": who.name, "file": str((self.models / who.file).resolve())}

    def _clip(self, clip: Clip, bones: dict[str, str]) -> dict[str, Any]:
        file = str((self.models / clip.file).resolve())
        return {"name": clip.name, "file": file, "action": clip.action, "bones": bones, "skinned": clip.skinned}
