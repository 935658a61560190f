"""The limbs of pixel art in a result: moved as pieces where the network draws them in other colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from capture.inference.drawing import Drawing, cut_drawing
from capture.inference.kept_parts.head import HeadKeeper
from capture.inference.kept_parts.head_direction import Sides, nearly_alike
from capture.inference.kept_parts.limbs import LimbKeeper, right_colours
from capture.inference.window import Window
from capture.io.iuv import PART, PARTS
from tests.helpers.layouts import layers_of, logits_of

SIZE, CELL = 128, 4
CHEST, ARM, LEG, SKIRT = (PART[name] + 1 for name in ("chest", "l_upper_arm", "r_thigh", "skirt"))
COLOURS = {CHEST: (200, 30, 30), ARM: (30, 200, 30), LEG: (30, 30, 200), SKIRT: (200, 200, 30)}
HERE = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
MIRRORED = torch.tensor([[-1.0, 0, 0], [0, 1, 0]])


def layout(arm: tuple[int, int] = (0, 0), leg: tuple[int, int] = (0, 0)) -> np.ndarray:
    """The parts of a figure of 32 x 32 squares: limbs are moved by so many rows and columns of squares."""
    squares = np.zeros((32, 32), int)
    squares[4:18, 12:20] = CHEST
    squares[18:22, 11:21] = SKIRT
    for part, (rows, columns), (down, right) in ((ARM, (6, 16), arm), (LEG, (22, 30), leg)):
        left, width = {ARM: (20, 3), LEG: (13, 3)}[part]
        squares[rows + down : columns + down, left + right : left + width + right] = part
    return np.kron(squares, np.ones((CELL, CELL), int))


def picture(labels: np.ndarray, colours: dict = COLOURS) -> np.ndarray:
    """Such a figure, uint8 (S, S, 4)."""
    made = np.zeros((*labels.shape, 4), np.uint8)
    for part, colour in colours.items():
        made[labels == part] = (*colour, 255)
    return made


def keeper() -> LimbKeeper:
    shares = torch.nn.functional.one_hot(torch.from_numpy(layout()), len(PARTS) + 1).permute(2, 0, 1).float()
    return LimbKeeper(drawn(), shares, CELL)


def drawn() -> Drawing:
    return cut_drawing(Image.fromarray(picture(layout())), Window.whole(SIZE, SIZE), SIZE)


WRONG = COLOURS | {ARM: (90, 50, 20), LEG: (90, 50, 20)}  # as the driver's


class TestLimbKeeper:
    def test_limbs_of_other_colours_are_the_drawings_own_where_the_layout_has_them(self):
        there = layout(arm=(-2, 1), leg=(-1, -2))
        network = picture(there, WRONG)
        made = keeper().paste(network.copy(), network, there, HERE, HERE)
        for part in (ARM, LEG):
            assert (made[there == part][:, :3] == COLOURS[part]).all()
        assert (made[there == CHEST] == network[there == CHEST]).all()

    def test_limbs_of_the_right_colours_are_left_to_the_network(self):
        """The layout's arm is longer, so that the piece would fit less well than its colours do."""
        there = layout(arm=(-2, 1))
        there[4 * CELL : 18 * CELL, 21 * CELL : 26 * CELL] = ARM
        network = picture(there)
        assert np.array_equal(keeper().paste(network.copy(), network, there, HERE, HERE), network)

    def test_a_limb_elsewhere_is_left_to_the_network(self):
        there = layout(arm=(12, 5))
        network = picture(there, WRONG)
        made = keeper().paste(network.copy(), network, there, HERE, HERE)
        assert (made[there == ARM][:, :3] == WRONG[ARM]).all() and (made[there == LEG][:, :3] == COLOURS[LEG]).all()

    def test_in_a_mirrored_result_left_limbs_are_right_ones(self):
        there = layout()[:, ::-1].copy()
        there[there == ARM] = PART["r_upper_arm"] + 1
        there[there == LEG] = PART["l_thigh"] + 1
        wrong = {CHEST: COLOURS[CHEST], PART["r_upper_arm"] + 1: WRONG[ARM], PART["l_thigh"] + 1: WRONG[LEG]}
        network = picture(there, wrong)
        made = keeper().paste(network.copy(), network, there, HERE, MIRRORED)
        assert (made[there == PART["r_upper_arm"] + 1][:, :3] == COLOURS[ARM]).all()

    def test_with_two_limbs_a_skirt_is_kept_as_well(self):
        there = layout()
        network = picture(there, WRONG | {SKIRT: (90, 50, 20)})
        both = keeper().paste(network.copy(), network, there, HERE, HERE)
        assert (both[there == SKIRT][:, :3] == COLOURS[SKIRT]).all()
        without_leg = np.where(there == LEG, 0, there)
        network = picture(without_leg, WRONG | {SKIRT: (90, 50, 20)})
        one = keeper().paste(network.copy(), network, without_leg, HERE, HERE)
        assert (one[there == SKIRT][:, :3] == (90, 50, 20)).all() and (one[there == ARM][:, :3] == COLOURS[ARM]).all()

    def test_tiny_figures_have_none(self):
        small = LimbKeeper(drawn(), keeper().shares, 2 * CELL)
        there = layout()
        network = picture(there, WRONG)
        assert np.array_equal(small.paste(network.copy(), network, there, HERE, HERE), network)

    def test_in_a_video_a_limb_is_kept_a_little_longer(self):
        """A share of right colours between the two thresholds."""
        there = layout(leg=(40, 0))  # without a leg
        there[16 * CELL : 22 * CELL, 20 * CELL : 23 * CELL] = ARM  # longer than the piece: overlap 10 of 16 squares
        doubtful = picture(there, WRONG)
        rows, columns = np.nonzero(there == ARM)
        right = rows > np.quantile(rows, 0.08)
        doubtful[rows[right], columns[right], :3] = COLOURS[ARM]
        kept, wrong = keeper(), picture(there, WRONG)
        own = there == ARM
        alone = kept.paste(doubtful.copy(), doubtful, there, HERE, HERE)
        assert np.array_equal(alone, doubtful)
        kept.paste(wrong.copy(), wrong, there, HERE, HERE)
        assert not np.array_equal(kept.paste(doubtful.copy(), doubtful, there, HERE, HERE)[own], doubtful[own])


@pytest.mark.parametrize(("made", "share"), [((30, 200, 30), 1.0), ((50, 180, 60), 1.0), ((90, 50, 20), 0.0)])
def test_right_colours_are_near_a_frequent_one(made, share):
    drawn_ = np.array([[30, 200, 30, 255]] * 40 + [[90, 50, 20, 255]] * 2, np.uint8)  # a speck is not frequent
    assert right_colours(np.array([[*made, 255]] * 5, np.uint8), drawn_) == share


@pytest.mark.parametrize(
    ("degrees", "sides", "alike"),
    [(30, Sides.ALIKE, True), (70, Sides.ALIKE, False), (-60, Sides.MIRRORED, True), (0, Sides.UNKNOWN, False)],
)
def test_limbs_need_nearly_the_same_side(degrees, sides, alike):
    at = [torch.tensor([np.cos(np.radians(d)), np.sin(np.radians(d))], dtype=torch.float32) for d in (40, 40 + degrees)]
    assert nearly_alike(at[0], at[1], sides) is alike
    assert not nearly_alike(None, at[1], sides)


def test_a_keeper_of_heads_keeps_limbs_of_pixel_art_that_is_seen_from_nearly_the_same_side(monkeypatch):
    head = PART["head"] + 1
    labels = layout()
    labels[: 4 * CELL, 12 * CELL : 20 * CELL] = head
    colours = COLOURS | {head: (250, 200, 160)}
    drawing = cut_drawing(Image.fromarray(picture(labels, colours)), Window.whole(SIZE, SIZE), SIZE)
    shown = torch.from_numpy(picture(labels, colours)[..., :3].copy()).permute(2, 0, 1)[None]
    ahead, aside = torch.tensor([9.0, 0.0]), torch.tensor([0.0, 9.0])
    monkeypatch.setattr("capture.inference.kept_parts.head.head_directions", lambda pictures, logits: [ahead])
    network = picture(labels, WRONG | {head: (90, 50, 20)})
    for driver, own in ((ahead, True), (aside, False)):  # a front head may stand on a body from the side, not its limbs
        keeper_ = HeadKeeper(F.avg_pool2d(logits_of(labels), 2), [drawing], shown, CELL)
        _, placed = keeper_(layers_of(labels), np.full(3, 235, np.float32), driver)
        assert placed is not None and placed.alike == own
        made = keeper_.paste(network.copy(), placed)
        assert (made[labels == head][:, :3] == (250, 200, 160)).mean() > 0.95
        assert ((made[labels == ARM][:, :3] == COLOURS[ARM]).all(-1).mean() > 0.95) == own
