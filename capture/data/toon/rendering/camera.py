"""Views, shots, and the rule that frames a character.

The rule: a character is scaled so that, standing, it fills its own `stature` (68 to 76 %; animals 60 to 80 %) of the
frame's height, and less only where its clip would leave the frame at some time and from some side at that pitch. The
floor is one fixed row of the picture for the whole clip, and the vertical axis through the middle of the clip's
footprint is the centre column; neither follows the character. So character A in the shot of character B needs nothing
of B but the shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.data.toon import exact
from capture.data.toon.characters.solids import Character
from capture.data.toon.motion.mixed_motions import is_motion
from capture.data.toon.motion.motions import CLIPS, posture
from capture.data.toon.motion.posing import Posture
from capture.data.toon.skeleton import INDEX, JOINTS, apply3, cross3, dot3, forward_kinematics, matmul3, rotation, unit3

MAX_PITCH = 20.0
MAX_PERSPECTIVE = 0.3
_FLOOR = 0.895  # row of the floor in a level view, as a share of the frame
_TOP, _SIDE, _BOTTOM = 0.045, 0.455, 0.95  # how far a character may reach, as shares of the frame
_SAMPLES = 16  # times at which a clip's reach is measured


@dataclass(frozen=True)
class Crop:
    """A frame that is enlarged about its middle and then shifted: p -> (p - 1/2) zoom + 1/2 + shift.

    Maps and joints follow exactly, because the camera itself is changed and no picture is resampled.

    Attributes:
        zoom: the factor; below 1 the figure becomes smaller.
        column, row: the shift as shares of the frame's side.
    """

    zoom: float = 1.0
    column: float = 0.0
    row: float = 0.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.zoom <= 2:
            raise CaptureError(f"Crop: zoom is {self.zoom}; use a value from 0.1 to 2")


WHOLE_FRAME = Crop()


@dataclass(frozen=True)
class View:
    """Where the camera stands: azimuth 0 sees the front, 90 the character's left side, 180 the back."""

    azimuth_degrees: float
    pitch_degrees: float = 6.0  # > 0 looks down; within +-20
    perspective: float = 0.12  # the character's height over the camera's distance; 0 is orthographic; at most 0.3
    crop: Crop = field(default=WHOLE_FRAME, repr=False)

    def __post_init__(self) -> None:
        if not abs(self.pitch_degrees) <= MAX_PITCH:
            raise CaptureError(
                f"View: pitch_degrees is {self.pitch_degrees}; use a value from -{MAX_PITCH:g} to {MAX_PITCH:g}"
            )
        if not 0 <= self.perspective <= MAX_PERSPECTIVE:
            raise CaptureError(f"View: perspective is {self.perspective}; use a value from 0 to {MAX_PERSPECTIVE:g}")


@dataclass(frozen=True)
class Shot:
    """One picture: a character in a style of a clip, at a time in [0, 1), and the camera.

    `clip` may be a mixture of two clips, such as "walk+sit" (capture.data.toon.motion.mixed_motions).
    """

    character_seed: int
    clip: str
    clip_style_seed: int
    time: float
    view: View

    def __post_init__(self) -> None:
        if not is_motion(self.clip, CLIPS):
            raise CaptureError(f"Shot: no clip {self.clip!r}; choose one of {', '.join(CLIPS)}")

    def with_character(self, character_seed: int) -> Shot:
        """The same shot of another character, which is the true target of a pose transfer."""
        return replace(self, character_seed=character_seed)


@dataclass
class Placed:
    """The frames that solids hang from, in the world: floor at y = 0."""

    origin: Tensor  # (B, F, 3)
    matrix: Tensor  # (B, F, 3, 3); rotations, but for the skirt, which widens with the stride


def _soft_frames(
    origin: Tensor, matrix: Tensor, head_top: Tensor, skirt_length: Tensor, skirt_radius: Tensor, cape_length: Tensor
) -> Placed:
    """Append the skirt, cape and hanging hair: they follow the legs and gravity a little, and end at the floor."""
    pelvis, chest, head = (INDEX[name] for name in ("pelvis", "chest", "head"))
    left, right = -matrix[:, INDEX["l_hip"], :, 1], -matrix[:, INDEX["r_hip"], :, 1]  # thighs

    up = unit3(0.9 * matrix[:, pelvis, :, 1] - 0.55 * (left + right))
    x = matrix[:, pelvis, :, 0]
    x = unit3(x - dot3(x, up).unsqueeze(-1) * up)
    skirt = torch.stack((x, up, cross3(x, up)), -1)
    apart = apply3(skirt.transpose(-1, -2), left - right)
    wide = 1 + 0.42 * (apart[:, 0].abs() - 0.2).clamp(min=0)
    deep = 1 + 0.5 * (apart[:, 2].abs() - 0.2).clamp(min=0)
    hem = skirt_length * up[:, 1].clamp(min=0) + skirt_radius * skirt[:, 1, 2].abs() * deep
    room = (origin[:, pelvis, 1] / hem.clamp(min=1e-3)).clamp(0.15, 1.0)
    skirt = skirt * torch.stack((wide, room, deep * room.clamp(min=0.5)), -1).unsqueeze(-2)

    torso = matrix[:, chest]
    behind = -torch.minimum(dot3(left, torso[:, :, 2]), dot3(right, torso[:, :, 2])).clamp(max=0)
    room = (origin[:, chest, 1] / cape_length.clamp(min=1e-3)).clamp(0.0, 1.0)
    flung = torch.rad2deg(exact.acos(room))  # a cape longer than the chest is high trails behind
    cape = matmul3(torso, rotation("x", torch.maximum(9 + 38 * behind, flung * torso[:, 1, 1].clamp(min=0))))

    skull = matrix[:, head]
    gravity = torch.zeros_like(up)
    gravity[:, 1] = 0.7
    tall = unit3(skull[:, :, 1] + gravity)
    x = unit3(skull[:, :, 0] - dot3(skull[:, :, 0], tall).unsqueeze(-1) * tall)
    hang = torch.stack((x, tall, cross3(x, tall)), -1)
    centre = origin[:, head] + skull[:, :, 1] * (head_top * 0.4526).unsqueeze(-1)
    return Placed(
        torch.cat((origin, torch.stack((origin[:, pelvis], origin[:, chest], centre), 1)), 1),
        torch.cat((matrix, torch.stack((skirt, cape, hang), 1)), 1),
    )


def place_on_ground(pose: Posture, characters: Sequence[Character]) -> Placed:
    """Posed characters whose lowest point of soles, knees, hands, hips and head is on the floor, or at its lift."""
    device = pose.rotations.device
    offsets = torch.from_numpy(_stacked(characters, "offsets")).to(device)
    leg, *cloth = torch.tensor(
        [(c.leg, c.skirt_length, c.skirt_radius, c.cape_length) for c in characters], dtype=torch.float32, device=device
    ).unbind(1)
    position, matrix = forward_kinematics(pose.rotations, offsets)
    spheres = torch.from_numpy(_stacked(characters, "contacts")).to(device)
    frames = torch.from_numpy(characters[0].contact_frames).to(device)
    height = position[:, frames, 1] + apply3(matrix[:, frames], spheres[..., :3])[..., 1] - spheres[..., 3]
    ground = -height.amin(1)
    shift = pose.shift * leg.unsqueeze(-1)
    move = torch.stack((shift[:, 0], shift[:, 1] + ground, shift[:, 2]), -1)
    return _soft_frames(position + move.unsqueeze(1), matrix, offsets[:, INDEX["head_top"], 1], *cloth)


def _stacked(characters: Sequence[Character], name: str) -> np.ndarray:
    return np.stack([getattr(c, name) for c in characters])


@dataclass
class Camera:
    """From the world to pixels, per shot."""

    axis: Tensor  # (B, 3) the point of the floor that the camera turns about
    turn: Tensor  # (B, 3, 3) world to camera: x right, y up, z towards the viewer
    scale: Tensor  # (B,) pixels per unit
    floor: Tensor  # (B,) row of the floor
    middle: Tensor  # (B,) column of the axis
    near: Tensor  # (B,) perspective per unit of depth
    centre: Tensor  # (B,) height of the optical axis

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """World points (B, K, 3) -> column, row, depth to the viewer (B, K, 3) in pixels, and the zoom (B, K)."""
        q = apply3(self.turn.unsqueeze(1), points - self.axis.unsqueeze(1))
        zoom = 1 / (1 - self.near.unsqueeze(1) * q[..., 2]).clamp(min=0.3)
        scale, centre = self.scale.unsqueeze(1), self.centre.unsqueeze(1)
        column = self.middle.unsqueeze(1) + scale * q[..., 0] * zoom
        row = self.floor.unsqueeze(1) - scale * (centre + (q[..., 1] - centre) * zoom)
        return torch.stack((column, row, scale * q[..., 2]), -1), zoom


def _spheres(placed: Placed, characters: Sequence[Character]) -> tuple[Tensor, Tensor]:
    """Bounding spheres of all solids, padded: centres (B, K, 3), radii (B, K)."""
    device = placed.origin.device
    most = max(len(c.bounds) for c in characters)
    bounds = torch.zeros(len(characters), most, 4)
    frames = torch.zeros(len(characters), most, dtype=torch.long)
    for i, c in enumerate(characters):
        count = len(c.bounds)
        bounds[i, :count] = torch.from_numpy(c.bounds)
        frames[i, :count] = torch.from_numpy(c.bound_frames)
        bounds[i, count:] = bounds[i, 0].clone()
        frames[i, count:] = frames[i, 0].clone()
    bounds, frames = bounds.to(device), frames.to(device)
    rows = torch.arange(len(characters), device=device).unsqueeze(1)
    matrix = placed.matrix[rows, frames]
    stretch = matrix.abs().amax((-1, -2)).clamp(min=1.0)
    return placed.origin[rows, frames] + apply3(matrix, bounds[..., :3]), bounds[..., 3] * stretch


def _reach(shots: Sequence[Shot], characters: Sequence[Character], device: str) -> dict[str, Tensor]:
    """The space that each shot's clip needs over all times: centre x, z and radius of the footprint, top and low."""
    count = len(shots)
    names = [shot.clip for shot in shots for _ in range(_SAMPLES)]
    seeds = [shot.clip_style_seed for shot in shots for _ in range(_SAMPLES)]
    times = [k / _SAMPLES for _ in shots for k in range(_SAMPLES)]
    pose = posture(names, times, seeds, device)
    spread = [c for c in characters for _ in range(_SAMPLES)]
    centres, radii = _spheres(place_on_ground(pose, spread), spread)
    centres, radii = centres.reshape(count, -1, 3), radii.reshape(count, -1)
    x, y, z = centres.unbind(-1)
    middle_x = ((x + radii).amax(1) + (x - radii).amin(1)) / 2
    middle_z = ((z + radii).amax(1) + (z - radii).amin(1)) / 2
    around = exact.sqrt((x - middle_x.unsqueeze(1)).square() + (z - middle_z.unsqueeze(1)).square())
    pitch = torch.deg2rad(torch.tensor([abs(s.view.pitch_degrees) for s in shots], device=device)).unsqueeze(1)
    tilted = around * exact.sin(pitch)
    return {
        "x": middle_x,
        "z": middle_z,
        "radius": (around + radii).amax(1),
        "top": (y * exact.cos(pitch) + tilted + radii).amax(1),
        "low": (y * exact.cos(pitch) - tilted - radii).amin(1),
    }


def frame_shots(shots: Sequence[Shot], characters: Sequence[Character], size: int, device: str) -> Camera:
    """The cameras of these shots for a picture of `size` pixels, by the framing rule above."""
    unique: dict[tuple, int] = {}
    rows = [
        unique.setdefault((id(c), s.clip, s.clip_style_seed, s.view.pitch_degrees), len(unique))
        for s, c in zip(shots, characters)
    ]
    first = [rows.index(i) for i in range(len(unique))]
    reach = _reach([shots[i] for i in first], [characters[i] for i in first], device)
    index = torch.tensor(rows, device=device)
    reach = {name: value[index] for name, value in reach.items()}
    tensor = lambda values: torch.tensor(values, dtype=torch.float32, device=device)  # noqa: E731
    azimuth = tensor([s.view.azimuth_degrees for s in shots])
    pitch = tensor([s.view.pitch_degrees for s in shots])
    tall = tensor([c.height for c in characters])
    near = tensor([s.view.perspective for s in shots]) / tall
    centre = 0.5 * tall
    floor = _FLOOR - 0.22 * exact.sin(torch.deg2rad(pitch.clamp(min=0)))
    zoom = 1 / (1 - near * reach["radius"]).clamp(min=0.3)
    top = centre + (reach["top"] - centre) * zoom
    low = centre + (reach["low"] - centre) * zoom
    scale = tensor([c.stature for c in characters]) / tall
    scale = torch.minimum(scale, (floor - _TOP) / top.clamp(min=1e-3))
    scale = torch.minimum(scale, (_BOTTOM - floor) / (-low).clamp(min=1e-3))
    scale = torch.minimum(scale, _SIDE / (reach["radius"] * zoom))
    zero = torch.zeros_like(tall)
    middle = torch.full_like(tall, 0.5)
    if any(s.view.crop != WHOLE_FRAME for s in shots):
        larger, column, row = (
            tensor([getattr(s.view.crop, name) for s in shots]) for name in ("zoom", "column", "row")
        )
        scale, middle, floor = scale * larger, 0.5 + column, (floor - 0.5) * larger + 0.5 + row
    return Camera(
        axis=torch.stack((reach["x"], zero, reach["z"]), -1),
        turn=matmul3(rotation("x", pitch), rotation("y", -azimuth)),
        scale=scale * size,
        floor=floor * size,
        middle=middle * size,
        near=near,
        centre=centre,
    )


def joints_of(placed: Placed, camera: Camera) -> Tensor:
    """The skeleton's joints in pixels, (B, J, 3): column, row, depth towards the viewer."""
    return camera.project(placed.origin[:, : len(JOINTS)])[0]
