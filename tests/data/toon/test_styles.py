"""Toon characters in styles: the maps stay exact, and a sample's pictures share what they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from capture.common.errors import CaptureError
from capture.data.open_data import open_data
from capture.data.styles.grounds import Ground
from capture.data.styles.pairing import draw_styles
from capture.data.styles.pixel_art import PixelArt, centres
from capture.data.styles.style import KINDS, NO_INK, PLAIN, Figure, Shading, Style, draw_style
from capture.data.toon.characters.quadrupeds import FIRST_SEED
from capture.data.toon.characters.solids import CODES
from capture.data.toon.dataset import ToonStream
from capture.data.toon.rendering.camera import Crop, Shot, View
from capture.data.toon.rendering.render import render
from capture.data.toon.sheet import styles as style_sheet
from capture.data.toon.styles.bodies import draw_bodies
from capture.data.toon.styles.drawing import render_styled
from capture.data.toon.styles.figures import styled_character
from capture.io.iuv import PART
from tests.conftest import tiny_config

SHOT = Shot(41, "wave", 3, 0.4, View(20))
ROLES = ("identity", "real", "pose", "target")


class TestRenderStyled:
    def test_default_style_is_nearly_the_plain_picture_with_the_same_map(self):
        plain = render([SHOT], 64, outputs=("rgb", "iuv"))
        styled = render_styled([SHOT], 64, [Style()])
        assert torch.equal(styled["iuv"], plain["iuv"])
        assert (styled["rgb"].float() - plain["rgb"].float()).abs().mean() < 2

    @pytest.mark.parametrize("kind", list(KINDS["many"]))
    def test_parts_of_every_kind_are_those_of_the_geometry(self, kind):
        style = replace(draw_style(np.random.default_rng(3), kind=kind), figure=Figure(), pixel_art=None)
        styled = render_styled([SHOT], 48, [style])
        assert torch.equal(styled["iuv"], render([SHOT], 48, outputs=("iuv",))["iuv"])
        assert not torch.equal(styled["rgb"], render([SHOT], 48)["rgb"])

    def test_a_figure_is_framed_by_its_own_shape_whatever_is_drawn_with_it(self):
        styles = [Style(figure=Figure(head=size)) for size in (1.0, 1.75)]
        together = render_styled([SHOT, SHOT], 48, styles)["rgb"]
        for k in range(2):
            assert torch.equal(together[k], render_styled([SHOT], 48, [styles[k]])["rgb"][0])

    def test_alpha_and_ground_are_those_of_the_picture(self):
        """Where the figure covers nothing the picture is its ground; plain pictures have the alpha of `render`."""
        style = Style(ground=Ground("checks", (0.1, 0.9, 0.2), (0.8, 0.1, 0.7), 4))
        styled = render_styled([SHOT], 64, [style])
        behind = (styled["alpha"] == 0).expand_as(styled["rgb"])
        assert torch.equal(styled["rgb"][behind], styled["ground"][behind])
        plain = render([SHOT], 64, outputs=("alpha", "ground", "mask"))
        difference = (styled["alpha"].int() - plain["alpha"].int()).abs()
        assert difference.max() <= 1 and torch.equal(plain["mask"], plain["alpha"][:, 0] >= 127)
        assert (plain["ground"] == 235).all()

    def test_pixel_art_has_exact_labels(self):
        style = Style(ink=NO_INK, pixel_art=PixelArt(24, 8), ground=Ground("flat"))
        iuv = render_styled([SHOT], 48, [style])["iuv"]
        at = centres(24, 48)
        fine = render([SHOT], 48, outputs=("iuv",))["iuv"][:, :, at[:, None], at]
        small = iuv[:, :, ::2, ::2]
        kept = small[:, 0] > 0
        assert kept.any() and torch.equal(small.permute(0, 2, 3, 1)[kept], fine.permute(0, 2, 3, 1)[kept])
        assert (iuv[:, :, 1::2, 1::2] == small).all()

    def test_flat_shading_has_fewer_colours_than_soft(self):
        counts = []
        for tones in (0, 2, 255):
            style = Style(shading=Shading(tones, highlights=False), ink=NO_INK)
            rgb = render_styled([SHOT], 64, [style])["rgb"][0]
            counts.append(len(rgb.flatten(1).T.unique(dim=0)))
        assert counts[0] < counts[1] < counts[2]

    def test_each_style_is_drawn_alone_whatever_stands_beside_it(self):
        shots = [SHOT, SHOT.with_character(7)]
        first, second = (draw_style(np.random.default_rng(k), kind="watercolour") for k in (1, 2))
        both = render_styled([*shots, *shots], 32, [first, second, second, first])
        alone = render_styled([shots[0], shots[1]], 32, [first, first])
        assert torch.equal(both["rgb"][0], alone["rgb"][0]) and torch.equal(both["rgb"][3], alone["rgb"][1])


class TestCrop:
    def test_shifted_frame_moves_picture_and_map_by_whole_pixels(self):
        moved = replace(SHOT, view=replace(SHOT.view, crop=Crop(1.0, 0.125, -0.125)))
        before, after = (render([shot], 64, outputs=("rgb", "iuv")) for shot in (SHOT, moved))
        for name in before:
            differ = (after[name][..., :-8, 8:] != before[name][..., 8:, :-8]).float().mean()
            assert differ < 0.01, name

    def test_zoomed_figure_covers_the_square_of_the_zoom(self):
        small = replace(SHOT, view=replace(SHOT.view, crop=Crop(0.5)))
        areas = [(render([shot], 128, outputs=("iuv",))["iuv"][:, 0] > 0).sum() for shot in (SHOT, small)]
        assert abs(areas[1] / areas[0] - 0.25) < 0.02


class TestStyledCharacter:
    def test_limbs_become_thinner_and_eyes_vanish(self):
        thin, own = (styled_character(41, Figure(limbs=limbs)) for limbs in (0.5, 1.0))
        assert (thin.geometry != own.geometry).any() and thin.geometry.shape == own.geometry.shape
        faces = [styled_character(41, Figure(eyes=eyes)).face for eyes in ("own", "dots", "big", "none")]
        assert len({face.tobytes() for face in faces}) == 4

    def test_hands_become_smaller_about_the_wrist(self):
        hands = []
        for size in (0.5, 1.0):
            map_ = render_styled([SHOT], 128, [Style(figure=Figure(hands=size))])["iuv"][0]
            hands.append((map_[0] == PART["l_hand"] + 1) | (map_[0] == PART["r_hand"] + 1))
        assert 0 < hands[0].sum() < 0.5 * hands[1].sum()
        small, own = styled_character(41, Figure(hands=0.5)), styled_character(41, Figure())
        others = ~np.isin(own.codes[:, CODES["part"]], [PART["l_hand"] + 1, PART["r_hand"] + 1])
        assert np.array_equal(small.geometry[others], own.geometry[others])

    def test_a_large_head_takes_more_of_the_figure_and_stays_in_the_frame(self):
        areas = []
        for head in (0.7, 1.0, 1.7):
            map_ = render_styled([SHOT], 128, [Style(figure=Figure(head=head))])["iuv"][0]
            figure = map_[0] > 0
            assert not figure[[0, -1]].any() and not figure[:, [0, -1]].any()
            areas.append(float((map_[0] == PART["head"] + 1).sum() / figure.sum()))
        assert areas[0] < 0.8 * areas[1] and areas[2] > 1.3 * areas[1]


class TestUnusualBodies:
    @pytest.mark.parametrize("shared", [False, True])
    def test_pictures_of_a_sample_agree_on_the_body(self, shared):
        """The pose and the target are one shot; the head of a character is of one size in all of its pictures."""
        stream = ToonStream(32, 2**62, seed=3, styles="many", share_renders=shared, bodies=1.0, uv=True)
        ends = []
        for index in range(0, 960, 24):
            identity, real, pose, target = stream.shots(index)
            assert pose.with_character(target.character_seed) == target
            ends.append(pose.clip.split("+")[-1])
            animals = [shot.character_seed >= FIRST_SEED for shot in (identity, real, pose, target)]
            assert animals == [ends[-1] == "quadruped"] * 4
        assert 1 <= ends.count("fours") <= 12 and 10 <= ends.count("quadruped") <= 26
        again = ToonStream(32, 2**62, seed=3, styles="many", share_renders=shared, bodies=1.0, uv=True)
        assert all(torch.equal(stream[24][name], value) for name, value in again[24].items())

    def test_styles_differ_in_heads_and_limbs_alone(self):
        rng = np.random.default_rng(1)
        for _ in range(20):
            styles = draw_styles(rng, "many", 0.8)
            made, end = draw_bodies(rng, 1.0, styles)
            if styles == (PLAIN, PLAIN):
                assert made == styles and not end
                continue
            for before, after in zip(styles, made):
                assert replace(after, figure=before.figure) == before and 0.5 < after.figure.head < 1.8
                low, high = {"quadruped": (0.7, 1.2), "fours": (0.35, 1.0), "": (1.0, 1.7)}[end]
                own = not end and after.figure.limbs == before.figure.limbs
                assert own or low <= after.figure.limbs <= high

    @pytest.mark.parametrize("styles", [("--toon_styles", "off"), ("--toon_styles", "many", "--style_share", "0")])
    def test_without_styles_they_are_refused(self, styles):
        with pytest.raises(
            CaptureError, match="toon_bodies counts samples that are drawn in styles, and there are none"
        ):
            open_data(tiny_config("--dataset_path", "toon", "--toon_bodies", "0.5", *styles))

    def test_none_by_default(self):
        usual, plain = (ToonStream(32, 2**62, seed=3, styles=styles, bodies=0.0) for styles in ("many", "off"))
        assert not any(shot.clip.endswith(("fours", "quadruped")) for i in range(40) for shot in usual.shots(i))
        unusual = ToonStream(32, 2**62, seed=3, styles="off", bodies=1.0)  # the plain style has none
        assert all(unusual.shots(i) == plain.shots(i) for i in range(20))


class TestStyledStream:
    @pytest.mark.parametrize("shared", [False, True])
    def test_sample_depends_on_its_index_alone(self, shared):
        options = {"seed": 3, "uv": True, "styles": "many", "share_renders": shared}
        one, two = (ToonStream(32, 2**62, **options) for _ in range(2))
        batch = one.batch([5, 1, 8])
        assert all(torch.equal(batch[name][1], value) for name, value in two[1].items())
        assert all(torch.equal(batch[name][2], value) for name, value in two[8].items())

    def test_identity_and_target_share_a_ground_that_the_pose_lacks(self):
        stream = ToonStream(32, 2**62, seed=3, styles="many")
        alike = differ = 0
        for index in range(12):
            sample = stream[index]
            corners = [sample[role][:, -1, -1].int() for role in ROLES]
            alike += int((corners[0] - corners[3]).abs().max() < 40)
            differ += int((corners[0] - corners[2]).abs().max() > 20)
        assert alike >= 9 and differ >= 3

    def test_maps_are_those_of_the_shots(self):
        stream = ToonStream(32, 2**62, seed=3, uv=True, styles="few", share_renders=True)
        for index in range(8):
            drawn = render(stream.shots(index), 32, outputs=("iuv",))["iuv"]
            for k, role in enumerate(ROLES):
                same = (stream[index][role + "_uv"][0] > 0) == (drawn[k, 0] > 0)
                assert same.float().mean() > 0.85

    def test_share_of_zero_is_the_plain_stream(self):
        styled, plain = ToonStream(32, seed=3, styles="many", style_share=0.0), ToonStream(32, seed=3)
        assert all(torch.equal(styled[2][name], value) for name, value in plain[2].items())

    def test_options_reach_the_stream(self):
        config = tiny_config("--dataset_path", "toon", "--toon_styles", "few", "--style_share", "0.4")
        stream = open_data(config).train
        assert isinstance(stream, ToonStream) and (stream.styles, stream.style_share) == ("few", 0.4)


class TestStyleSheet:
    def test_sheet_has_a_column_for_each_kind(self):
        assert style_sheet(rows=1, size=16).shape == (16 + 2 * 16, len(KINDS["many"]) * 16, 3)
