"""Carrying poses to other skeletons, framing, and naming body points: what runs in Blender but needs nothing of it."""

from __future__ import annotations

import numpy as np
import pytest

from capture.data.mixamo.in_blender.framing import View
from capture.data.mixamo.in_blender.retarget import Motion, Rest, Retarget, Unfit
from capture.data.mixamo.in_blender.style import BORDER, GROUND
from capture.data.mixamo.in_blender.surface_coordinates import bone_frame, spans, surface_coordinates

NAMES = ("hips", "spine", "head", "arm", "hand", "leg", "foot")
PARENT = (-1, 0, 1, 1, 3, 0, 5)
HEADS = np.array([[0, 0, 1], [0, 0, 1.2], [0, 0, 1.6], [0.2, 0, 1.5], [0.7, 0, 1.5], [0.1, 0, 0.9], [0.1, 0, 0.1]])


def turn(axis: str, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


def skeleton(scale: float = 1.0, seed: int = 0) -> Rest:
    """The bones above, `scale` times as large, each with axes of its own."""
    rng = np.random.default_rng(seed)
    axes = [turn("xyz"[k % 3], a) @ turn("zxy"[k % 3], a / 2) for k, a in enumerate(rng.uniform(-180, 180, len(NAMES)))]
    return Rest(NAMES, PARENT, np.array(axes), HEADS * scale)


def perform(rest: Rest, turns: list[dict[str, np.ndarray]], walk: np.ndarray) -> Motion:
    """A motion: world rotations of bones, inherited by what hangs on them, and where the hips go."""
    count = len(rest.names)
    out = np.empty((len(turns), count, 3, 3)), np.empty((len(turns), count, 3))
    for f, frame in enumerate(turns):
        change = np.empty((count, 3, 3))
        for j, p in enumerate(rest.parent):
            change[j] = (change[p] if p >= 0 else np.eye(3)) @ frame.get(rest.names[j], np.eye(3))
            out[0][f, j] = change[j] @ rest.turn[j]
            moved = rest.head[j] + walk[f] * rest.size
            out[1][f, j] = moved if p < 0 else out[1][f, p] + change[p] @ (rest.head[j] - rest.head[p])
    return Motion(rest, *out)


def blender(rest: Rest, own: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What Blender makes of pose bones: pose = parent's pose * (rest relative to the parent's) * own."""
    placed = []
    for j, p in enumerate(rest.parent):
        local, basis = np.eye(4), np.eye(4)
        local[:3, :3], local[:3, 3] = rest.turn[j], rest.head[j]
        if p >= 0:
            above = np.eye(4)
            above[:3, :3], above[:3, 3] = rest.turn[p], rest.head[p]
            local = placed[p] @ np.linalg.inv(above) @ local
        basis[:3, :3], basis[:3, 3] = own[j], shift[j]
        placed.append(local @ basis)
    return np.array(placed)[:, :3, :3], np.array(placed)[:, :3, 3]


TURNS = [
    {"spine": turn("x", 20), "arm": turn("y", -70), "leg": turn("x", -40), "foot": turn("x", 30)},
    {"hips": turn("z", 90), "spine": turn("y", 15), "hand": turn("z", 50)},
]
WALK = np.array([[0.1, -0.5, 0.05], [0.0, -1.0, -0.2]])
SAME = {name: name for name in NAMES}


class TestRetarget:
    @pytest.mark.parametrize("trusted", [True, False])
    @pytest.mark.parametrize("scale", [1.0, 2.5, 0.4])
    def test_same_pose_on_a_skeleton_of_another_size(self, trusted, scale):
        motion, rest = perform(skeleton(), TURNS, WALK), skeleton(scale)
        carried = Retarget.between(motion, rest, SAME, trusted)
        for f in range(2):
            turns, heads = blender(rest, *carried.pose(f))
            assert np.allclose(turns, motion.turn[f]) and np.allclose(heads, scale * motion.head[f])

    @pytest.mark.parametrize("trusted", [True, False])
    def test_bones_with_other_axes(self, trusted):
        motion, rest = perform(skeleton(), TURNS, WALK), skeleton(seed=3)
        carried = Retarget.between(motion, rest, SAME, trusted)
        for f in range(2):
            turns, heads = blender(rest, *carried.pose(f))
            assert np.allclose(heads, motion.head[f])
            assert np.allclose(
                turns @ rest.turn.transpose(0, 2, 1), motion.turn[f] @ motion.rest.turn.transpose(0, 2, 1)
            )

    @pytest.mark.parametrize(
        "bent", [{bone: turn("x", 60) for bone in NAMES}, {"leg": turn("x", 70)}, {"hips": turn("x", 90)}]
    )
    def test_clip_file_whose_rest_pose_is_some_pose(self, bent):
        """Such as FBX without skin: bones lie as they did when it was saved."""
        rest = skeleton()
        true = perform(rest, TURNS, WALK)
        saved = perform(rest, [bent], np.array([[0.3, 0.2, 0.0]]))
        motion = Motion(Rest(NAMES, PARENT, saved.turn[0], saved.head[0]), true.turn, true.head)
        carried = Retarget.between(motion, skeleton(2.0), SAME, trusted=False)
        assert not carried.by_change
        turns, heads = blender(skeleton(2.0), *carried.pose(1))
        assert np.allclose(turns, true.turn[1]) and np.allclose(heads, 2 * true.head[1])

    def test_other_axes_without_a_rest_pose_are_refused(self):
        rest, other = skeleton(), skeleton(seed=3)
        saved = perform(rest, [{"leg": turn("x", 70)}], np.zeros((1, 3)))
        motion = Motion(Rest(NAMES, PARENT, saved.turn[0], saved.head[0]), saved.turn, saved.head)
        with pytest.raises(Unfit, match="other axes"):
            Retarget.between(motion, other, SAME, trusted=False)
        assert Retarget.between(motion, other, SAME, trusted=True).by_change

    def test_bones_that_one_skeleton_lacks(self):
        motion = perform(skeleton(), TURNS, WALK)
        carried = Retarget.between(motion, skeleton(), {name: name for name in NAMES if name != "spine"}, trusted=True)
        turns, heads = blender(skeleton(), *carried.pose(0))
        for j, name in enumerate(NAMES):
            if name not in ("spine",):
                assert np.allclose(turns[j], motion.turn[0, j])  # points where it should, though its parent does not
        joined = [(j, p) for j, p in enumerate(PARENT) if p >= 0]
        lengths = [[np.linalg.norm(at[j] - at[p]) for j, p in joined] for at in (HEADS, heads)]
        assert np.allclose(*lengths)  # bones that hang on the missing one are not pulled off it

    def test_bone_that_shifts_within_its_parent(self):
        """Feet driven by inverse kinematics hang on the root."""
        motion = perform(skeleton(), TURNS, 0 * WALK)
        motion.head[:, NAMES.index("foot")] += [0.2, 0.0, 0.3]
        rest = skeleton(2.0)
        carried = Retarget.between(motion, rest, SAME, trusted=True)
        assert [name for name, moved in zip(NAMES, carried.moved) if moved] == ["hips", "foot"]
        _, heads = blender(rest, *carried.pose(0))
        assert np.allclose(heads, 2 * motion.head[0])


class TestFraming:
    @pytest.mark.parametrize("azimuth", [0, 45, -120])
    @pytest.mark.parametrize("elevation", [0, 10, 60, -20])
    @pytest.mark.parametrize("field_of_view", [2, 15, 70])
    def test_largest_scale_touches_the_border_with_feet_on_the_ground(self, azimuth, elevation, field_of_view):
        rng = np.random.default_rng(0)
        points = rng.normal(size=(200, 3)) * (0.3, 0.3, 0.5) + (0, 0, 1)
        points = points[points[:, 2] > 0.2]
        view = View.at(azimuth, elevation, field_of_view)
        ground = view.extent(np.zeros((1, 3)))[0]
        assert ground == pytest.approx([0, GROUND], abs=1e-9)
        low, high = view.extent(points * view.largest(points))
        assert max(-low.min(), high.max()) == pytest.approx(BORDER, rel=1e-9)
        low, high = view.extent(points * view.largest(points) * 1.05)
        assert max(-low.min(), high.max()) > BORDER

    def test_view_directions(self):
        """Azimuth 0 sees the front, where the character's left is on the right; 90 is the character's left."""
        front, left = View.at(0, 0, 15), View.at(90, 0, 15)
        assert front.right == pytest.approx([1, 0, 0]) and front.back == pytest.approx([0, -1, 0])
        assert left.back == pytest.approx([1, 0, 0]) and left.up == pytest.approx([0, 0, 1])


class TestSurfaceCoordinates:
    def test_u_runs_around_and_v_along_a_bone(self):
        frames = np.zeros((2, 4, 3))
        frames[1] = bone_frame(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 2.0]))
        skin = np.array([[0, -1, 1], [1, 0, 1.5], [-1, 0, 2], [0, -1, 0.5]], float)  # front, its left, its right; below
        part = np.ones(4, int)
        names = surface_coordinates(skin, part, frames, spans(skin, part, frames))
        assert names[:, 0].tolist() == [1, 1, 1, 1]
        u, v = names[:, 1] / 255, names[:, 2] / 255
        assert u[0] == pytest.approx(0.5, abs=0.01) and u[3] == pytest.approx(0.5, abs=0.01)
        assert sorted(u[1:3].round(2)) == [0.25, 0.75]
        assert v == pytest.approx([1 / 3, 2 / 3, 1, 0], abs=0.01)
