"""As-rigid-as-possible puppets: rigid motions are exact, handles go where they must, and pictures follow."""

import cmath

import numpy as np
import pytest
import torch

from capture.evaluation.parallel import Workers
from capture.evaluation.puppet import STEP, arap, build_mesh, figure_mask, part_handles, puppet, retarget
from capture.evaluation.references import puppet_row
from capture.io.images import png_bytes
from capture.io.iuv import PART
from capture.io.pairs import Pair

SIZE = 64


def figure(boxes: dict[str, tuple[int, int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """A picture (S, S, 3) of coloured boxes (top, left, bottom, right) on grey, and their parts (S, S)."""
    picture, parts = np.full((SIZE, SIZE, 3), 235, np.uint8), np.zeros((SIZE, SIZE), int)
    for k, (name, (top, left, bottom, right)) in enumerate(boxes.items()):
        picture[top:bottom, left:right] = (40 + 50 * k, 200 - 40 * k, 30 * k)
        parts[top:bottom, left:right] = PART[name] + 1
    return picture, parts


STANDING = {"chest": (12, 24, 28, 36), "belly": (28, 24, 40, 36), "l_upper_arm": (14, 36, 20, 56)}


class TestArap:
    @pytest.fixture
    def mesh(self):
        mask = np.zeros((SIZE, SIZE), bool)
        mask[10:30, 10:50] = True
        return build_mesh(mask, mask.astype(int), np.array([14.2 + 20.1j, 45.3 + 19.7j, 30 + 12j]))

    def test_rigid_motion_of_the_handles_moves_the_whole_mesh(self, mesh) -> None:
        turn, shift = cmath.exp(0.7j), 5 - 3j
        placed = arap(mesh.points, mesh.triangles, mesh.handles, turn * mesh.points[mesh.handles] + shift)
        assert np.abs(placed - (turn * mesh.points + shift)).max() < 0.1

    def test_handles_are_reached_and_lengths_kept(self, mesh) -> None:
        ends = mesh.points[mesh.handles] + np.array([0, 6j, 0])
        placed = arap(mesh.points, mesh.triangles, mesh.handles, ends)
        assert np.abs(placed[mesh.handles] - ends).max() < 0.2
        pairs = mesh.triangles[:, :2]
        before, after = (np.abs(np.diff(points[pairs], axis=1)) for points in (mesh.points, placed))
        assert np.median(np.abs(after / before - 1)) < 0.1

    def test_mesh_covers_the_figure_and_nothing_far_from_it(self, mesh) -> None:
        a, b, c = (mesh.points[mesh.triangles[:, k]] for k in range(3))
        area = np.abs(((b - a).conj() * (c - a)).imag).sum() / 2
        assert area == pytest.approx(20 * 40, rel=0.15)
        assert mesh.points.real.min() >= 9 and mesh.points.real.max() <= 51 and STEP < 20

    def test_parts_that_are_no_neighbours_come_apart(self) -> None:
        """A hand that touches a thigh shares no point with it; a forearm shares points with its hand."""
        mask = np.zeros((SIZE, SIZE), bool)
        mask[10:50, 10:50] = True
        for other, shared in (("r_thigh", False), ("l_forearm", True)):
            parts = np.where(np.arange(SIZE) < 30, PART["l_hand"] + 1, PART[other] + 1)[None] * mask
            mesh = build_mesh(mask, parts, np.array([15 + 15j, 45 + 45j]))
            hand, rest = (set(mesh.triangles[mesh.labels == label].flatten()) for label in np.unique(mesh.labels))
            assert bool(hand & rest) == shared


class TestRetarget:
    def test_directions_are_the_pose_s_and_lengths_the_identity_s(self) -> None:
        mine = {"chest": 10 + 10j, "l_upper_arm": 20 + 10j, "l_forearm": 25 + 10j}
        theirs = {"chest": 5 + 5j, "l_upper_arm": 5 + 7j, "l_forearm": 6 + 7j, "r_hand": 1 + 1j}
        assert retarget(mine, theirs) == {"chest": 5 + 5j, "l_upper_arm": 5 + 15j, "l_forearm": 10 + 15j}

    def test_a_hidden_part_is_passed_over_and_without_a_trunk_nothing_moves(self) -> None:
        mine = {"chest": 0j, "l_hand": 3 + 4j}
        assert retarget(mine, {"chest": 1j, "l_hand": 11j}) == {"chest": 1j, "l_hand": 6j}
        assert retarget({"l_hand": 1j}, {"l_hand": 2j}) == {}


class TestPuppet:
    def test_the_same_pose_gives_the_same_picture(self) -> None:
        picture, parts = figure(STANDING)
        made = puppet(picture, parts, picture, parts)
        assert np.abs(made.astype(int) - picture).mean() < 3

    def test_the_arm_goes_where_the_pose_has_it(self) -> None:
        picture, parts = figure(STANDING)
        raised = {**{name: STANDING[name] for name in ("chest", "belly")}, "l_upper_arm": (2, 36, 22, 42)}
        pose, pose_parts = figure(raised)
        arm, made = picture[17, 50], puppet(picture, parts, pose, pose_parts)
        near = np.abs(made.astype(int) - arm).max(-1) < 30
        rows, columns = np.nonzero(near)
        assert near.sum() > 50 and rows.mean() < 15  # it points down no more
        assert not near[:, 52:].any()

    def test_a_picture_without_parts_stays_as_it_is(self) -> None:
        picture, parts = figure(STANDING)
        assert np.array_equal(puppet(picture, parts * 0, picture, parts), picture)
        empty = np.full_like(picture, 235)
        assert np.array_equal(puppet(picture, parts, empty, parts * 0), picture)

    def test_figures_are_found_whole(self) -> None:
        picture, parts = figure(STANDING)
        assert np.array_equal(figure_mask(picture, parts), parts > 0)
        assert set(part_handles(parts)) == set(STANDING)
        assert part_handles(parts)["chest"] == 30 + 20j


class ColourFinder:
    """Finds parts by the colours of `figure`, in place of a trained segmenter."""

    def __init__(self, source) -> None:
        self.source = source

    def find(self, pictures: torch.Tensor) -> torch.Tensor:
        red = pictures[:, 0].long()
        out = torch.zeros_like(red)
        for k, name in enumerate(STANDING):
            out[red == 40 + 50 * k] = PART[name] + 1
        return out


class TestPuppetRow:
    def test_pictures_are_written_once_and_marked_as_a_reference(self, tmp_path) -> None:
        (tmp_path / "weights").write_bytes(b"w")
        path = tmp_path / "a.png"
        path.write_bytes(png_bytes(torch.from_numpy(figure(STANDING)[0]).permute(2, 0, 1)))
        finder, pairs = ColourFinder(tmp_path / "weights"), [(3, Pair(path, path, path))]
        row = puppet_row(finder, pairs, SIZE, tmp_path / "renders", Workers())
        assert row.kind == "reference" and "[reference]" in row.name and row.pictures[0].name.startswith("00003_")
        before = row.pictures[0].stat().st_mtime_ns
        assert puppet_row(finder, pairs, SIZE, tmp_path / "renders", Workers()).pictures[0].stat().st_mtime_ns == before
