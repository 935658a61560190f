"""Where heads look: the cut-out, the comparison of two heads, and the weights in the box."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from capture.common.errors import CaptureError
from capture.data.toon.held_out import held_out_shots
from capture.data.toon.rendering.render import render
from capture.inference.kept_parts.head_direction import (
    MARGIN,
    SIDE,
    WEIGHTS,
    DriverDirection,
    HeadDirection,
    Sides,
    compare,
    cut_out_heads,
    head_directions,
    trained,
)
from capture.inference.transfer import PoseTransfer
from capture.io.iuv import PART, PARTS
from tests.conftest import ROOT


def heading(degrees: float, length: float) -> torch.Tensor:
    return length * torch.tensor([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])


class TestCompare:
    @pytest.mark.parametrize(
        ("drawn", "driver", "sides"),
        [
            (0, 20, Sides.ALIKE),
            (0, 100, Sides.ALIKE),  # a face from the front, a body from the side
            (180, 10, Sides.AWAY),  # nobody knows the face
            (-160, 20, Sides.AWAY),
            (20, -160, Sides.BEHIND_MIRRORED),  # the outline from behind is that from the front, mirrored
            (20, 160, Sides.BEHIND),
            (90, 180, Sides.ALIKE),
            (90, -90, Sides.MIRRORED),
            (45, -45, Sides.MIRRORED),
            (-100, 70, Sides.MIRRORED),
            (170, -160, Sides.ALIKE),  # angles go round
            (90, 60, Sides.ALIKE),
        ],
    )
    def test_two_angles(self, drawn, driver, sides):
        assert compare(heading(drawn, 9), heading(driver, 9)) is sides

    @pytest.mark.parametrize("other", [None, heading(0, 0.4)])
    def test_an_unsure_direction_decides_nothing(self, other):
        assert compare(heading(0, 9), other) is compare(other, heading(0, 9)) is Sides.UNKNOWN


class TestDriverDirection:
    """A video whose directions are known: the network is replaced by a list."""

    @pytest.fixture
    def seen(self, monkeypatch):
        vectors = []
        monkeypatch.setattr("capture.inference.kept_parts.head_direction.head_directions", lambda *_: [vectors.pop(0)])
        return vectors

    def test_one_wrong_frame_does_not_turn_the_head(self, seen):
        seen += [heading(0, 9), heading(0, 9), heading(180, 9)]
        directed = DriverDirection(3)
        found = [directed(None, torch.empty(0)) for _ in range(3)]
        torch.testing.assert_close(found[2], heading(0, 3))
        assert compare(heading(0, 9), found[2]) is Sides.ALIKE

    def test_a_turn_is_followed_after_some_frames(self, seen):
        seen += [heading(180, 9)] + 3 * [heading(0, 9)]
        directed = DriverDirection(3)
        assert compare(heading(180, 9), [directed(None, torch.empty(0)) for _ in range(4)][-1]) is Sides.AWAY

    def test_another_sequence_begins_anew(self, seen):
        seen += [heading(0, 9), heading(180, 9)]
        directed = DriverDirection(3)
        directed(None, torch.empty(0))
        torch.testing.assert_close(directed(None, torch.empty(0), begins=True), heading(180, 9))

    def test_a_frame_without_a_head_has_none_and_is_left_out(self, seen):
        seen += [heading(0, 9), None, heading(0, 9)]
        directed = DriverDirection(3)
        assert [directed(None, torch.empty(0)) is None for _ in range(3)] == [False, True, False]
        assert directed(None, None) is None


class TestCutOutHeads:
    def test_a_head_fills_its_picture_and_is_at_its_place(self):
        """A head of 32 x 24 pixels: red above, blue below, and skin below."""
        picture = torch.full((1, 3, 128, 128), 255, dtype=torch.uint8)
        picture[0, :, 20:36, 70:94] = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None, None]
        picture[0, :, 36:52, 70:94] = torch.tensor([0, 0, 255], dtype=torch.uint8)[:, None, None]
        labels = torch.zeros(1, 128, 128, dtype=torch.int64)
        labels[0, 20:36, 70:94], labels[0, 36:52, 70:94] = PART["hair"] + 1, PART["head"] + 1
        logits = 20 * F.one_hot(labels, len(PARTS) + 1).permute(0, 3, 1, 2).float()
        head = cut_out_heads(picture, logits)[0]
        assert head.shape == (5, SIDE, SIDE)
        edge = SIDE * MARGIN / (1 + 2 * MARGIN)  # of the longer side
        rows = torch.nonzero(head[3, :, SIDE // 2] > 0.5)[:, 0]
        assert abs(int(rows[0]) - edge) <= 1 and abs(SIDE - 1 - int(rows[-1]) - edge) <= 1
        assert head[:3, SIDE // 2 - 4, SIDE // 2].tolist() == pytest.approx([1, -1, -1], abs=0.01)
        assert head[:3, SIDE // 2 + 4, SIDE // 2].tolist() == pytest.approx([-1, -1, 1], abs=0.01)
        assert head[4, SIDE // 2 - 4, SIDE // 2] < 0.01 and head[4, SIDE // 2 + 4, SIDE // 2] > 0.99

    def test_no_head_has_no_direction(self):
        picture = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
        logits = torch.zeros(2, len(PARTS) + 1, 32, 32)
        logits[:, 0] = 9
        assert cut_out_heads(picture, logits) == [None, None] and head_directions(picture, logits) == [None, None]


class TestWeights:
    def test_are_small(self):
        assert WEIGHTS.stat().st_size < 1_000_000
        assert isinstance(HeadDirection(), torch.nn.Module)

    @pytest.mark.parametrize("content", [None, b"no weights"])
    def test_a_file_that_is_missing_or_damaged_is_named(self, tmp_path, monkeypatch, content):
        file = tmp_path / "direction.safetensors"
        if content:
            file.write_bytes(content)
        monkeypatch.setattr("capture.inference.kept_parts.head_direction.WEIGHTS", file)
        trained.cache_clear()
        try:
            with pytest.raises(CaptureError, match="direction.safetensors: missing or damaged; install capture again"):
                trained()
        finally:
            trained.cache_clear()

    def test_tell_the_front_from_the_back(self):
        """Characters that training never draws, from the front, from behind and from either side."""
        transfer = PoseTransfer.load(ROOT / "result" / "Styles", "cpu")
        shots = [replace(pair[0], clip="idle") for pair in held_out_shots(6, seed=5, views="front")]
        found = {}
        for azimuth in (0, 90, 180, -90):
            views = [replace(shot, view=replace(shot.view, azimuth_degrees=float(azimuth))) for shot in shots]
            pictures = render(views, 128)["rgb"]
            found[azimuth] = head_directions(pictures, transfer.part_logits(pictures))
        pairs = [(vector, azimuth) for azimuth, vectors in found.items() for vector in vectors if vector is not None]
        wrong = [azimuth for vector, azimuth in pairs if compare(vector, heading(azimuth, 100.0)) is Sides.AWAY]
        assert len(pairs) >= 20 and len(wrong) <= 1
        across = [compare(front, back) for front, back in zip(found[0], found[180])]
        assert across.count(Sides.ALIKE) <= 1 and sum(sides.behind for sides in across) >= 3
