"""A picture rearranged by its own parts."""

from __future__ import annotations

import numpy as np
import pytest

from capture.io.iuv import PART
from capture.methods.capture_parts.rearrange import label_figure, rearrange, recolour

GROUND = np.array([235, 235, 235], np.uint8)
SIDE = 64
BOXES = {  # rows and columns of a puppet's parts
    "head": (8, 20, 26, 38),
    "chest": (20, 32, 26, 38),
    "pelvis": (32, 40, 26, 38),
    "l_upper_arm": (22, 26, 38, 50),
    "l_forearm": (22, 26, 50, 60),
    "r_thigh": (40, 56, 27, 32),
}


@pytest.fixture
def puppet() -> tuple[np.ndarray, np.ndarray]:
    """A picture whose parts have a colour each, and its labels."""
    picture = np.broadcast_to(GROUND, (SIDE, SIDE, 3)).copy()
    labels = np.zeros((SIDE, SIDE), int)
    for number, (name, (top, bottom, left, right)) in enumerate(BOXES.items()):
        picture[top:bottom, left:right] = (30 * number, 200 - 30 * number, 40 + 20 * number)
        labels[top:bottom, left:right] = PART[name] + 1
    return picture, labels


def centre(picture: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.argwhere(np.abs(picture.astype(int) - colour).max(-1) < 8).mean(0)


class TestLabels:
    def test_an_outline_belongs_to_the_nearest_part(self, puppet):
        picture, labels = puppet
        picture[7, 26:38] = 0  # ink above the head, which the segmenter calls background
        found = label_figure(picture, labels, GROUND)
        assert (found[7, 26:38] == PART["head"] + 1).all()
        assert (found[labels > 0] == labels[labels > 0]).all()
        assert found[0, 0] == 0

    def test_a_part_found_on_the_ground_is_left_out(self, puppet):
        picture, labels = puppet
        labels[60:62, 2:4] = PART["hat"] + 1
        assert label_figure(picture, labels, GROUND)[60:62, 2:4].max() == 0

    def test_a_picture_without_parts_stays_as_it_is(self, puppet):
        picture, labels = puppet
        labels = label_figure(picture, np.zeros_like(labels), GROUND)
        assert labels.max() == 0
        assert np.array_equal(rearrange(picture, labels, GROUND, np.random.default_rng(0)), picture)


class TestRearrangement:
    def test_limbs_turn_about_their_joints_and_the_pelvis_stays(self, puppet):
        picture, labels = puppet
        moved = [rearrange(picture, labels, GROUND, np.random.default_rng(seed)) for seed in range(6)]
        pelvis, arm = (picture[BOXES[name][0] + 1, BOXES[name][2] + 1] for name in ("pelvis", "l_forearm"))
        hands = [centre(one, arm) for one in moved]
        assert np.ptp([hand[0] for hand in hands]) > 8  # the forearm goes up and down
        away = [np.abs(centre(one, pelvis) - centre(picture, pelvis)).max() for one in moved]
        assert max(away) < 4  # arms may hide some of it
        shoulder = np.array([24.0, 38.0])
        reach = [np.linalg.norm(hand - shoulder) for hand in hands]
        assert max(reach) < np.linalg.norm(centre(picture, arm) - shoulder) + 3  # no limb becomes longer

    def test_what_an_arm_hid_takes_the_colour_of_the_body(self, puppet):
        picture, labels = puppet
        labels[24:28, 26:38] = PART["l_forearm"] + 1  # the arm lies across the chest
        picture[24:28, 26:38] = (250, 20, 20)
        chest = picture[21, 27].astype(int)
        masks = [rearrange(picture, labels, GROUND, np.random.default_rng(seed)) for seed in range(8)]
        middle = [one[22:30, 30:34].reshape(-1, 3).astype(int) for one in masks]
        uncovered = [(np.abs(pixels - chest).max(-1) < 40).mean() for pixels in middle]
        ground = [(np.abs(pixels - GROUND).max(-1) < 8).mean() for pixels in middle]
        assert max(uncovered) > 0.5
        assert max(ground) < 0.5

    def test_a_seed_gives_one_picture(self, puppet):
        one, same, other = (rearrange(*puppet, GROUND, np.random.default_rng(seed)) for seed in (3, 3, 4))
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)


class TestRecolouring:
    def test_the_figure_changes_and_the_ground_stays(self, puppet):
        picture, labels = puppet
        changed = recolour(picture, GROUND, np.random.default_rng(0))
        assert np.array_equal(changed[labels == 0], picture[labels == 0])
        assert np.abs(changed[labels > 0].astype(int) - picture[labels > 0]).mean() > 10
