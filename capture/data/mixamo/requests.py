"""The requests to Blender, in the form that in_blender/jobs.py reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.data.mixamo.character_clips import Character, CharacterClips, Clip
from capture.data.mixamo.plan import Request
from capture.data.mixamo.skeleton import canonical


@dataclass(frozen=True)
class BlenderRequests:
    """Builds requests about the models in a folder."""

    models: Path
    request: Request

    def sample(self, clip: Clip) -> dict[str, Any]:
        return {"do": "sample", "clip": self._clip(clip, {}), "frames": self.request.frames}

    def measure(self, available: CharacterClips, character: Character) -> dict[str, Any]:
        clips = [clip for clip in available.clips if clip.name in character.clips]
        return {
            "do": "measure",
            "character": self._character(character),
            "clips": [self._clip(clip, character.clips[clip.name]) for clip in clips],
            "frames": self.request.frames,
            "views": [self.view(azimuth) for azimuth in self.request.azimuths],
        }

    def draw(self, character: Character, clip: Clip, parts: list[str]) -> dict[str, Any]:
        """What is common to the requests for all frames of a character in a clip.

        Args:
            parts: canonical names of the bones that the IUV maps number; [] for no maps.
        """
        request: dict[str, Any] = {
            "do": "draw",
            "character": self._character(character),
            "clip": self._clip(clip, character.clips[clip.name]),
            "frames": self.request.frames,
        }
        if parts:
            own = {canonical(bone): bone for bone in reversed(character.bones)}
            request["parts"] = [own.get(part, "") for part in parts]
        return request

    def view(self, azimuth: float) -> dict[str, Any]:
        request = self.request
        return {
            "azimuth": azimuth,
            "elevation": request.elevation,
            "field_of_view": request.field_of_view,
            "size": request.size,
            "samples": request.samples,
        }

    def _character(self, character: Character) -> dict[str, Any]:
        file = str((self.models / character.file).resolve())
        return {"name": character.name, "file": file, **self.request.appearance}

    def _clip(self, clip: Clip, bones: dict[str, str]) -> dict[str, Any]:
        file = str((self.models / clip.file).resolve())
        return {"name": clip.name, "file": file, "action": clip.action, "bones": bones, "skinned": clip.skinned}
