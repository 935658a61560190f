"""Random styles, and which styles the pictures of a sample have."""

from __future__ import annotations

import numpy as np
import pytest

from capture.data.styles.pairing import draw_crop, draw_styles
from capture.data.styles.style import KINDS, NO_INK, PLAIN, draw_style


def some_styles(variety: str, count: int = 300) -> list:
    return [draw_style(np.random.default_rng([1, k]), variety) for k in range(count)]


class TestDrawStyle:
    @pytest.mark.parametrize("variety", list(KINDS))
    def test_every_kind_is_drawn_and_the_seed_decides(self, variety):
        styles = some_styles(variety)
        assert {style.name for style in styles} == set(KINDS[variety])
        assert styles == some_styles(variety) and len(set(styles)) == len(styles)

    def test_many_styles_have_all_inks_shadings_eyes_and_grounds(self):
        styles = some_styles("many")
        assert {style.shading.tones for style in styles} >= {0, 2, 3, 4, 255}
        assert {style.figure.eyes for style in styles} == {"own", "dots", "big", "none"}
        assert {"own", "flat", "gradient", "noise", "clutter"} <= {style.ground.kind for style in styles}
        inks = [style.ink for style in styles]
        assert NO_INK in inks and any(ink.doubled for ink in inks) and any(ink.broken for ink in inks)
        assert min(style.figure.limbs for style in styles) < 0.7
        arts = [style.pixel_art for style in styles if style.pixel_art]
        assert min(art.pixels for art in arts) < 30 and max(art.pixels for art in arts) > 80
        assert {4, 32} <= {art.colours for art in arts}

    def test_kind_can_be_chosen(self):
        assert draw_style(np.random.default_rng(0), kind="sketch").ink.doubled


class TestDrawStyles:
    def test_share_of_samples_is_styled_and_most_poses_have_another_style(self):
        pairs = [draw_styles(np.random.default_rng([2, k]), "many", 0.6) for k in range(300)]
        plain = sum(own == other == PLAIN for own, other in pairs)
        another = sum(own != other for own, other in pairs)
        assert 80 < plain < 160 and another > 0.6 * (300 - plain)

    def test_no_share_is_plain(self):
        assert draw_styles(np.random.default_rng(0), "off", 0.0) == (PLAIN, PLAIN)


class TestDrawCrop:
    def test_standing_figure_stays_in_the_frame(self):
        crops = [draw_crop(np.random.default_rng([3, k])) for k in range(200)]
        assert 60 < crops.count((1.0, 0.0, 0.0)) < 140
        for zoom, column, row in crops:
            assert 0.25 < zoom <= 1.31 and abs(column) <= 0.5 - 0.3 * zoom + 1e-9
            assert zoom == 1 or 0.5 - 0.3 * zoom + row >= -1e-9 and 0.5 + 0.4 * zoom + row <= 1 + 0.05
