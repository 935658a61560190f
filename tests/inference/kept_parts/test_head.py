"""The drawing's own head in a result: put where the layout has its head, and only where it fits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from capture.inference.kept_parts.head import HeadKeeper, PlacedHead
from capture.inference.kept_parts.head_cutout import about, change, lean, sample
from capture.inference.kept_parts.head_placement import CROUCHING, HIGHER_COST, LOWER_COST, height_cost
from capture.io.iuv import PART
from tests.helpers.layouts import (
    CHEST,
    GROUND,
    HAIR,
    HAND,
    SIZE,
    SKIN,
    drawing_of,
    labels_of,
    layers_of,
    logits_of,
    output,
    shown,
)
from tests.helpers.make_figures import person, place


def labels_of_size(head: float, body: float) -> np.ndarray:
    """The same with the head and the body so many times as large, about the chin."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - np.array([0.36, 0.5])[:, None, None]
    person_, found = labels_of(), np.zeros((SIZE, SIZE), int)
    for factor, above in ((body, False), (head, True)):
        row, column = ((SIZE * (z / factor + c)).round().astype(int) for z, c in ((y, 0.36), (x, 0.5)))
        inside = (row >= 0) & (row < SIZE) & (column >= 0) & (column < SIZE)
        there = np.where(inside, person_[row.clip(0, SIZE - 1), column.clip(0, SIZE - 1)], 0)
        found = np.where((there > 0) & ((there != CHEST) == above), there, found)
    return found


def heading_away() -> torch.Tensor:
    """A head from behind, quite surely."""
    return torch.tensor([-9.0, 0.0])


def keeper_of(*pictures: Image.Image, seen: list[np.ndarray] | None = None, cell: float | None = None) -> HeadKeeper:
    """A keeper of these pictures, segmented at half the size."""
    seen = seen or [labels_of()] * len(pictures)
    logits = F.avg_pool2d(torch.cat([logits_of(one) for one in seen]), 2)
    return HeadKeeper(logits, [drawing_of(picture) for picture in pictures], shown(*pictures), cell)


@pytest.fixture(scope="module")
def drawn():
    return person(SIZE)


def as_drawn(picture: Image.Image, shift: tuple[int, int]) -> np.ndarray:
    return np.asarray(place([(picture, shift)], (235, 235, 235), (SIZE, SIZE)), np.float32)


def scale_of(head: PlacedHead) -> float:
    """How much larger a head is in the result than in its drawing."""
    return float(1 / torch.linalg.det(head.source[:, :2]).abs().sqrt())


class TestHeadKeeper:
    @pytest.mark.parametrize("shift", [(0, 0), (9, -6), (-20, 14)])
    def test_a_head_is_as_drawn_where_the_layout_has_it(self, drawn, shift):
        """The layout has less hair than the drawing, whose hair belongs to its head."""
        made, head = keeper_of(drawn)(layers_of(labels_of(hair=0.19, shift=shift)), GROUND, None)
        truth, there = as_drawn(drawn, shift), labels_of(shift=shift)
        face = np.isin(there, (HAIR, SKIN)) & np.roll(np.isin(labels_of(), (HAIR, SKIN)), shift[::-1], (0, 1))
        assert head is not None and face.sum() > 900
        assert np.abs(output(made) - truth)[face].mean() < 9  # levels: eyes, hair and skin are where they belong
        untouched = there == CHEST
        assert torch.equal(made.image[0][:, untouched], layers_of(there).image[0][:, untouched])

    def test_the_hat_of_the_driver_is_gone(self, drawn):
        """The layout's head is wider and higher than the drawing's own: what is over is ground."""
        there = labels_of()
        y, x = np.mgrid[:SIZE, :SIZE] / SIZE
        brim = (np.abs(x - 0.5) < 0.24) & (np.abs(y - 0.12) < 0.02)
        there[brim] = PART["hat"] + 1
        made, _ = keeper_of(drawn)(layers_of(there), GROUND, None)
        far = brim & (np.abs(x - 0.5) > 0.19)
        assert np.abs(output(made)[far] - 235).max() < 1 and float(made.figure_alpha[0, 0][far].max()) == 0
        assert (made.logits[0].argmax(0)[torch.from_numpy(far)] == 0).all()

    def test_a_pose_by_itself_does_not_depend_on_the_one_before(self, drawn):
        """In a video a head keeps the size that it had in the frame before while that is near."""
        scales = {}
        for case in ("alone", "video", "forgotten"):
            keeper = keeper_of(drawn)
            if case != "alone":
                assert keeper(layers_of(labels_of_size(1.45, 1.45)), GROUND, None)[1] is not None
            if case == "forgotten":
                keeper.forget()
            head = keeper(layers_of(labels_of_size(1.2, 1.2)), GROUND, None)[1]
            scales[case] = None if head is None else scale_of(head)
        assert scales["forgotten"] == scales["alone"] != scales["video"]

    def test_a_hand_stays_before_the_head(self, drawn):
        there = labels_of()
        hand = np.zeros((SIZE, SIZE), bool)
        hand[24:34, 56:66] = True
        there[hand] = HAND
        made, head = keeper_of(drawn)(layers_of(there), GROUND, None)
        assert head is not None and np.allclose(output(made)[hand], (1 - 0.4) * 127.5, atol=1)

    def test_a_figure_that_was_not_cut_out_has_no_head_to_keep(self, drawn):
        """The whole picture, ground included, counts as the figure then."""
        drawing = drawing_of(drawn)
        whole = dataclasses.replace(drawing, pixels=torch.cat([drawing.pixels[:3], torch.ones(1, SIZE, SIZE)]))
        keeper = HeadKeeper(F.avg_pool2d(logits_of(labels_of()), 2), [whole], shown(drawn))
        assert keeper(layers_of(labels_of()), GROUND, None)[1] is None

    @pytest.mark.parametrize("case", ["from behind", "no head", "far too small"])
    def test_a_head_that_does_not_fit_is_left_to_the_network(self, drawn, case):
        there = labels_of(back=case == "from behind")
        if case == "no head":
            there[there != CHEST] = 0
        if case == "far too small":
            head = np.zeros_like(there)
            head[24:32, 60:68] = SKIN
            there = np.where(there == CHEST, CHEST, head)
        layers = layers_of(there)
        made, head = keeper_of(drawn)(layers, GROUND, None)
        assert head is None and made is layers

    def test_of_several_pictures_the_one_that_fits_is_taken(self, drawn):
        """The second picture shows the back of the head, and so does the output."""
        behind = person(SIZE, hair=(250, 220, 90))
        keeper = keeper_of(drawn, behind, seen=[labels_of(), labels_of(back=True)])
        layers = layers_of(labels_of(back=True))
        layers.residual_flow = layers.residual_flow.repeat(1, 2, 1, 1, 1)
        made, head = keeper(layers, GROUND, None)
        assert head is not None and int(made.part_source[0, PART["head"]]) == 1
        assert int(keeper(layers_of(labels_of()), GROUND, None)[0].part_source[0, PART["head"]]) == 0

    def test_a_driver_that_looks_the_other_way_has_the_head_mirrored(self, drawn, monkeypatch):
        """The drawing has a red patch at its left cheek, and looks to the left; the driver looks to the right."""
        patched = drawn.copy()
        patched.paste((255, 0, 0, 255), (48, 30, 56, 38))
        left, right = torch.tensor([0.0, 9.0]), torch.tensor([0.0, -9.0])
        monkeypatch.setattr("capture.inference.kept_parts.head.head_directions", lambda pictures, logits: [left])
        keeper = keeper_of(patched)
        same, _ = keeper(layers_of(labels_of()), GROUND, left)
        other, head = keeper(layers_of(labels_of()), GROUND, right)
        red = (255, 0, 0)
        assert (
            np.abs(output(same)[34, 52] - red).max() < 30 and np.abs(output(other)[34, SIZE - 1 - 52] - red).max() < 30
        )
        pasted = head.paste(np.zeros((SIZE, SIZE, 4), np.uint8))
        assert np.abs(pasted[34, SIZE - 1 - 52, :3].astype(int) - red).max() < 30
        monkeypatch.setattr(
            "capture.inference.kept_parts.head.head_directions", lambda pictures, logits: [heading_away()]
        )
        assert keeper_of(patched)(layers_of(labels_of()), GROUND, -heading_away())[1] is None

    def test_in_a_video_a_head_is_kept_a_little_longer(self, drawn):
        """An overlap between the two thresholds is enough after a frame in which the head was kept."""
        there = labels_of()
        y, x = np.mgrid[:SIZE, :SIZE] / SIZE
        there[((x - 0.5) / 1.95) ** 2 + (y - 0.21) ** 2 < 0.157**2] = SKIN
        there[(there == SKIN) & (y < 0.2)] = HAIR
        keeper = keeper_of(drawn)
        assert keeper(layers_of(there), GROUND, None)[1] is None
        assert keeper(layers_of(labels_of()), GROUND, None)[1] is not None
        assert keeper(layers_of(there), GROUND, None)[1] is not None

    @pytest.mark.parametrize("factor", [0.45, 0.7])
    def test_a_head_of_quite_another_size_is_scaled_with_its_body(self, drawn, factor):
        made, head = keeper_of(drawn)(layers_of(labels_of_size(factor, factor)), GROUND, None)
        assert head is not None and scale_of(head) == pytest.approx(factor, rel=0.08)
        middle = [round(SIZE * (0.36 + factor * (row - 0.36))) for row in (0.12, 0.32)]  # hair, and chin
        colours = output(made)[middle, SIZE // 2]
        truth = as_drawn(drawn, (0, 0))[[round(0.12 * SIZE), round(0.32 * SIZE)], SIZE // 2]
        assert np.abs(colours - truth).max() < 25

    def test_a_head_of_another_size_than_its_body_has_that_of_the_body(self, drawn):
        """A driver with a small head makes the layout's head small; one with a large hat makes it large."""
        _, head = keeper_of(drawn)(layers_of(labels_of_size(0.72, 0.93)), GROUND, None)
        assert head is not None and scale_of(head) == pytest.approx(0.93, abs=0.05)
        chin = int(torch.nonzero(head.masks[0, 1].any(1))[-1])
        assert abs(chin - round(0.36 * SIZE)) <= 3  # it stays where it is

    def test_a_head_does_not_follow_a_body_that_is_foreshortened(self, drawn):
        """After a frame in which the sizes of head and body agreed, they may disagree a little more."""
        agreeing, not_quite = layers_of(labels_of_size(0.6, 0.6)), layers_of(labels_of_size(0.6, 0.88))
        keeper = keeper_of(drawn)
        assert keeper(layers_of(labels_of_size(0.45, 1.0)), GROUND, None)[1] is None
        assert keeper(not_quite, GROUND, None)[1] is None
        assert keeper(agreeing, GROUND, None)[1] is not None
        assert keeper(not_quite, GROUND, None)[1] is not None

    def test_what_hangs_on_the_head_alone_belongs_to_it(self, drawn):
        """A knot of hair on top that the segmenter takes for a tail, and a foot that touches nothing but the body."""
        knotted, seen = drawn.copy(), labels_of()
        knotted.paste((90, 40, 20, 255), (58, 0, 70, 8))
        seen[0:8, 58:70] = PART["tail"] + 1
        seen[100:120, 50:60] = PART["l_foot"] + 1
        made, head = keeper_of(knotted, seen=[seen])(layers_of(labels_of(shift=(0, 9))), GROUND, None)
        assert head is not None
        there = output(made)
        assert np.abs(there[12:15, 61:67] - (90, 40, 20)).mean() < 12
        assert np.allclose(there[112:118, 52:58], (1 - 0.4) * 127.5, atol=1)

    def test_pixel_art_moves_by_whole_squares(self, drawn):
        """The layout's head is 7 pixels to the right; squares are 4 pixels wide."""
        sprite = drawn.resize((32, 32), Image.Resampling.NEAREST).resize((SIZE, SIZE), Image.Resampling.NEAREST)
        _, head = keeper_of(sprite, cell=4.0)(layers_of(labels_of(shift=(7, 0))), GROUND, None)
        moved = -head.placed[:, 2] * SIZE / 2
        assert torch.equal(head.placed[:, :2], torch.eye(2)) and moved.tolist() == pytest.approx([8, 0], abs=1e-3)
        figure = head.paste(np.zeros((SIZE, SIZE, 4), np.uint8))
        visible = figure[figure[..., 3] > 0]
        assert len(np.unique(visible, axis=0)) <= len(np.unique(np.asarray(sprite).reshape(-1, 4), axis=0))

    @pytest.mark.parametrize("up", [12, -28])
    def test_pixel_art_stands_no_higher_than_it_is_drawn_and_a_crouch_is_followed(self, drawn, up):
        """The layout's head is so many pixels higher than the drawing's, on the same floor, and its chest longer."""
        sprite = drawn.resize((32, 32), Image.Resampling.NEAREST).resize((SIZE, SIZE), Image.Resampling.NEAREST)
        there, seen = labels_of(shift=(0, -up)), labels_of()
        for labels, waist in ((there, 64 - min(up, 0)), (seen, 64)):
            labels[waist:122, 48:80] = PART["pelvis"] + 1
            labels[122:] = 0
        _, head = keeper_of(sprite, seen=[seen], cell=4.0)(layers_of(there), GROUND, None)
        moved = float(head.placed[1, 2]) * SIZE / 2  # upwards; squares are 4 pixels wide
        assert moved <= 8 if up > 0 else moved == pytest.approx(up, abs=4.01)

    def test_a_pasted_head_is_as_sharp_as_its_drawing(self):
        """At four times the network's size."""
        large = person(4 * SIZE)
        logits = F.avg_pool2d(logits_of(labels_of()), 2)
        _, head = HeadKeeper(logits, [drawing_of(large)], shown(large))(layers_of(labels_of()), GROUND, None)
        figure = head.paste(np.zeros((4 * SIZE, 4 * SIZE, 4), np.uint8)).astype(float)
        truth = np.asarray(large).astype(float)
        inside = labels_of().repeat(4, 0).repeat(4, 1)
        within = np.isin(inside, (HAIR, SKIN)) & (truth[..., 3] == 255) & (figure[..., 3] == 255)
        assert within.mean() > 0.05 and np.abs(figure - truth)[within].mean() < 5


@pytest.mark.parametrize("degrees", [0, 40, -90])
def test_lean_is_the_angle_from_the_upright(degrees):
    """A head and a chest of a figure that is turned about its middle, clockwise."""
    away = 30 * np.array([np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))])  # row and column, downwards
    labels = np.zeros((SIZE, SIZE), np.int64)
    for name, (row, column) in (("face", 64 - away / 2), ("chest", 64 + away / 2)):
        labels[round(row) - 8 : round(row) + 8, round(column) - 8 : round(column) + 8] = PART[name] + 1
    assert np.degrees(lean(labels)) == pytest.approx(-degrees, abs=3)
    assert lean(np.where(labels == CHEST, 0, labels)) == 0


@pytest.mark.parametrize("beside", [False, True])
def test_a_driver_that_bends_down_has_the_networks_upper_body(drawn, beside):
    """In pixel art, which is not turned: the layout's chest is beside its head in place of below it."""
    sprite = drawn.resize((32, 32), Image.Resampling.NEAREST).resize((SIZE, SIZE), Image.Resampling.NEAREST)
    seen, there = labels_of(), labels_of()
    seen[64:][seen[64:] > 0] = there[64:][there[64:] > 0] = PART["pelvis"] + 1
    if beside:
        there[there == CHEST] = PART["pelvis"] + 1
        there[24:48, 84:110] = CHEST
    _, head = keeper_of(sprite, seen=[seen], cell=4.0)(layers_of(there), GROUND, None)
    assert (head is None) == beside


def test_heights_of_pixel_art_cost_nothing_nearby_and_a_crouch_has_a_limit():
    cost = height_cost(torch.tensor([0.01, -0.01, -0.115, 0.035, 0.5]))
    assert cost.tolist() == pytest.approx([0, 0, 0.1 * HIGHER_COST, 0.02 * LOWER_COST, CROUCHING * LOWER_COST])


def test_about_moves_a_point_to_its_place():
    """What is at `source` in the picture is at `target` in the result, larger and turned."""
    placed = about((0.2, -0.3), (-0.4, 0.1), 1.5, 0.3)
    assert (placed @ torch.tensor([-0.4, 0.1, 1.0])).tolist() == pytest.approx([0.2, -0.3], abs=1e-6)
    assert change(placed, 1.0) == pytest.approx(np.log(1.5) + 0.3, abs=1e-5)
    assert change(placed, 1.5) == pytest.approx(0.3, abs=1e-5)
    dot = torch.zeros(1, 1, 65, 65)
    dot[0, 0, 32, 48] = 1
    moved = sample(dot, about((32 / 65, 0.0), (0.0, 16 / 65), 1.0, 0.0), 65)[0]
    assert np.unravel_index(int(moved.argmax()), (65, 65)) == (40, 32)
