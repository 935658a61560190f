"""From readable pose channels (degrees, leg lengths) to joint rotations: the channels that clips write.

Every channel is a (B,) tensor. `l`/`r` prefixes are the character's left and right; arms are angles, legs are foot
targets solved by two-bone inverse kinematics. Thigh and shin are equally long on every character, so one solution in
leg lengths is exact for all of them: the same rotations plant the feet of a chibi and of a giant.

    turn                          the whole body about the vertical
    tumble_{pitch,roll}           the whole body, legs too, forward and to the right (before it turns)
    x, z, lift                    the body's shift over the floor and height above it, in leg lengths
    height                        hip above ankle, in leg lengths (1 = stretched)
    hip_{pitch,yaw,roll}          pelvis;   pitch > 0 leans forward, yaw > 0 to the left, roll > 0 to the right
    back_{pitch,yaw,roll}         spine and chest together
    head_{pitch,yaw,roll}         neck and head together
    neck_{pitch,turn}             neck alone: pitch > 0 forward while the head keeps its direction, turn > 0 to the left
                                  of a trunk that is level
    {l,r}arm_{fwd,out,twist}      upper arm: 0 hangs, fwd 90 points ahead, out 90 points sideways, twist > 0 inwards
    {l,r}arm_bend, {l,r}hand      elbow and wrist flexion
    {l,r}foot_{x,y,z}             ankle relative to where it stands: outwards, up, ahead, in leg lengths
    {l,r}foot_{pitch,yaw}         sole: pitch > 0 toes down, yaw > 0 outwards
    {l,r}knee_out                 where the knee points
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from capture.data.toon import exact
from capture.data.toon.skeleton import INDEX, JOINTS, apply3, cross3, dot3, matmul3, rotation

_REST = {
    "height": 0.975,
    "larm_out": 10.0,
    "rarm_out": 10.0,
    "larm_bend": 10.0,
    "rarm_bend": 10.0,
    "lfoot_x": 0.04,
    "rfoot_x": 0.04,
    "lfoot_yaw": 8.0,
    "rfoot_yaw": 8.0,
}
_BODY = ("turn", "tumble_pitch", "tumble_roll", "x", "z", "lift", "height", "neck_pitch", "neck_turn") + tuple(
    f"{part}_{axis}" for part in ("hip", "back", "head") for axis in ("pitch", "yaw", "roll")
)
SIDE = (  # channels of the left side and of the right side
    *("arm_fwd", "arm_out", "arm_twist", "arm_bend", "hand"),
    *("foot_x", "foot_y", "foot_z", "foot_pitch", "foot_yaw", "knee_out"),
)
_CHANNELS = frozenset(_BODY) | {side + name for side in "lr" for name in SIDE}
_TWISTS = tuple(f"{part}_{axis}" for part in ("hip", "back", "head") for axis in ("yaw", "roll"))
_NEGATED_BY_MIRROR = ("turn", "tumble_roll", "x", "neck_turn", *_TWISTS)


class Pose:
    """A batch of poses, written channel by channel."""

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self._channels: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._channels:
            return torch.full_like(self._like, _REST.get(name, 0.0))
        return self._channels[name]

    def set(self, **channels: Tensor | float) -> Pose:
        """Set channels by name; a name that starts with `arms_`, `feet_` or `knees_` sets both sides."""
        for name, value in channels.items():
            value = value if isinstance(value, Tensor) else torch.full_like(self._like, value)
            if name.startswith(("arms_", "feet_", "knees_", "hands_")):
                group, _, rest = name.partition("_")
                single = {"arms": "arm_", "feet": "foot_", "knees": "knee_", "hands": "hand"}[group]
                self._write("l" + single + rest, value)
                self._write("r" + single + rest, value)
            else:
                self._write(name, value)
        return self

    def _write(self, name: str, value: Tensor) -> None:
        if name not in _CHANNELS:
            raise KeyError(f"no pose channel {name!r}")
        self._channels[name] = value

    def put(self, rows: Tensor, other: Pose) -> None:
        """Write the channels of `other` into these rows of the batch."""
        for name, value in other._channels.items():
            if name not in self._channels:
                self._channels[name] = self[name]
            self._channels[name][rows] = value

    def mirrored(self, which: Tensor) -> Pose:
        """The same batch with left and right swapped where `which` (B,) is true."""
        result = Pose(self._like)
        for name in sorted(_CHANNELS):
            other = {"l": "r", "r": "l"}[name[0]] + name[1:] if name not in _BODY else name
            sign = -1.0 if name in _NEGATED_BY_MIRROR else 1.0
            result._channels[name] = torch.where(which, sign * self[other], self[name])
        return result


@dataclass
class Posture:
    """What a clip gives for each shot, good for every character."""

    rotations: Tensor  # (B, J, 3, 3) each joint in its parent's frame
    shift: Tensor  # (B, 3) over the floor: x, lift above it, z; in leg lengths


def _leg(pose: Pose, side: str, pelvis: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hip, knee and ankle rotations (B, 3, 3) that put the ankle at its target: equal bones, knee ahead."""
    sign = 1.0 if side == "l" else -1.0
    target = torch.stack(
        (sign * pose[side + "foot_x"], pose[side + "foot_y"] - pose["height"], pose[side + "foot_z"]), -1
    )
    length = exact.sqrt(dot3(target, target))
    reach = length.clamp(0.12, 0.9995)
    up = apply3(pelvis.transpose(-1, -2), -target / length.clamp(min=1e-6).unsqueeze(-1))  # pelvis frame
    knee = torch.deg2rad(sign * pose[side + "knee_out"])
    lateral = torch.stack((exact.cos(knee), torch.zeros_like(knee), -exact.sin(knee)), -1)
    lateral = lateral - dot3(lateral, up).unsqueeze(-1) * up
    lateral = lateral / exact.sqrt(dot3(lateral, lateral)).clamp(min=1e-4).unsqueeze(-1)
    straight = torch.stack((lateral, up, cross3(lateral, up)), -1)
    bend = torch.rad2deg(exact.acos(reach))
    hip = matmul3(straight, rotation("x", -bend))
    shin = rotation("x", 2 * bend)
    sole = matmul3(rotation("y", sign * pose[side + "foot_yaw"]), rotation("x", pose[side + "foot_pitch"]))
    above = matmul3(matmul3(pelvis, hip), shin)
    return hip, shin, matmul3(above.transpose(-1, -2), sole)


def _euler(pitch: Tensor, yaw: Tensor, roll: Tensor) -> Tensor:
    return matmul3(matmul3(rotation("y", yaw), rotation("x", pitch)), rotation("z", roll))


def solve(pose: Pose) -> Posture:
    """Joint rotations and floor shift of a batch of poses."""
    count = pose["turn"].shape[0]
    rotations = torch.eye(3, device=pose["turn"].device).repeat(count, len(JOINTS), 1, 1)
    pelvis = _euler(pose["hip_pitch"], pose["hip_yaw"], pose["hip_roll"])
    back = _euler(*(pose[f"back_{axis}"] * 0.5 for axis in ("pitch", "yaw", "roll")))
    head = [pose[f"head_{axis}"] for axis in ("pitch", "yaw", "roll")]
    rotations[:, INDEX["spine"]] = back
    rotations[:, INDEX["chest"]] = back
    neck, skull = [value * 0.35 for value in head], [value * 0.65 for value in head]
    neck[0], skull[0] = neck[0] + pose["neck_pitch"], skull[0] - pose["neck_pitch"]
    rotations[:, INDEX["neck"]] = matmul3(rotation("z", pose["neck_turn"]), _euler(*neck))
    rotations[:, INDEX["head"]] = _euler(*skull)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        arm = matmul3(rotation("x", -pose[side + "arm_fwd"]), rotation("z", sign * pose[side + "arm_out"]))
        rotations[:, INDEX[side + "_shoulder"]] = matmul3(arm, rotation("y", -sign * pose[side + "arm_twist"]))
        rotations[:, INDEX[side + "_elbow"]] = rotation("x", -pose[side + "arm_bend"])
        rotations[:, INDEX[side + "_wrist"]] = rotation("x", -pose[side + "hand"])
        hip, knee, ankle = _leg(pose, side, pelvis)
        rotations[:, INDEX[side + "_hip"]] = hip
        rotations[:, INDEX[side + "_knee"]] = knee
        rotations[:, INDEX[side + "_ankle"]] = ankle
    turn = rotation("y", pose["turn"])
    tumble = matmul3(rotation("x", pose["tumble_pitch"]), rotation("z", pose["tumble_roll"]))
    rotations[:, INDEX["pelvis"]] = matmul3(matmul3(turn, tumble), pelvis)
    shift = apply3(turn, torch.stack((pose["x"], torch.zeros_like(pose["x"]), pose["z"]), -1))
    return Posture(rotations, shift + torch.stack((shift[:, 0] * 0, pose["lift"], shift[:, 2] * 0), -1))
