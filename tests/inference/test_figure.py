"""Finding the figure in a picture, on all sorts of grounds."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from capture.inference.figure import find_figures
from tests.helpers.make_figures import checkerboard, gradient, noise, person, place

SIZE, AT = (300, 300), (50, 40)
GROUNDS = [(255, 255, 255), (235, 235, 235), (0, 0, 0), (30, 30, 35), (80, 170, 230), (0, 255, 0), (128, 128, 128),
           (250, 210, 170), (220, 40, 60), (255, 240, 200)]  # fmt: skip


def overlap(image: Image.Image, truth: Image.Image, at: tuple[int, int], k: int = 0) -> float:
    """Intersection over union of figure k that is found and the one that was drawn."""
    found = find_figures(image).figures[k]
    mask, want = np.zeros((2, image.height, image.width), bool)
    left, top, right, bottom = found.box
    mask[top:bottom, left:right] = found.alpha >= 128
    alpha = Image.new("L", image.size)
    alpha.paste(truth.getchannel("A"), at)
    want[:] = np.asarray(alpha) >= 128
    return (mask & want).sum() / (mask | want).sum()


class TestPlainGround:
    @pytest.mark.parametrize("ground", GROUNDS)
    def test_flat_colours(self, ground):
        figure = person()
        # a dark outline can't be told from a black or dark ground, nor skin without one from a ground of its colour
        least = 0.9 if max(ground) < 40 else 0.94
        assert overlap(place([(figure, AT)], ground, SIZE), figure, AT) > least

    @pytest.mark.parametrize("quality", [90, 70, 40])
    @pytest.mark.parametrize("ground", [(255, 255, 255), (80, 170, 230)])
    def test_compressed_pictures(self, ground, quality):
        figure, buffer = person(), io.BytesIO()
        place([(figure, AT)], ground, SIZE).save(buffer, "JPEG", quality=quality)
        assert overlap(Image.open(buffer).convert("RGB"), figure, AT) > 0.82

    @pytest.mark.parametrize("clothes", [(255, 255, 255), (80, 170, 230), (20, 120, 40)])
    def test_clothes_of_the_grounds_colour_stay(self, clothes):
        figure = person(shirt=clothes, trousers=clothes)
        assert overlap(place([(figure, AT)], clothes, SIZE), figure, AT) > 0.97

    @pytest.mark.parametrize("ground", [(0, 200, 0), (80, 170, 230)])
    def test_colourful_ground_between_arm_and_body_is_ground(self, ground):
        figure = person(akimbo=True)
        assert overlap(place([(figure, AT)], ground, SIZE), figure, AT) > 0.97

    def test_figure_without_outline(self):
        figure = person(outline=None)
        assert overlap(place([(figure, AT)], (80, 170, 230), SIZE), figure, AT) > 0.97

    def test_figure_that_the_lower_edge_cuts_off(self):
        figure = person().crop((0, 0, 200, 160))
        assert overlap(place([(figure, (50, 140))], (255, 255, 255), SIZE), figure, (50, 140)) > 0.95

    def test_tiny_pixel_art(self):
        figure = person(32)
        alpha = figure.getchannel("A").point(lambda v: 255 * (v >= 128))
        figure.putalpha(alpha)
        assert overlap(place([(figure, (3, 2))], (255, 255, 255), (40, 36)), figure, (3, 2)) > 0.95

    def test_edges_are_free_of_the_grounds_colour(self):
        """On white and on green, the same figure comes out, to a few levels along its edge."""
        figure = person()
        cut = []
        for ground in ((255, 255, 255), (0, 255, 0)):
            found = find_figures(place([(figure, AT)], ground, SIZE))
            canvas, alpha = Image.new("RGB", SIZE, (235, 235, 235)), Image.new("L", SIZE)
            alpha.paste(Image.fromarray(found.figures[0].alpha), found.figures[0].box[:2])
            canvas.paste(found.picture, (0, 0), alpha)
            cut.append(np.asarray(canvas).astype(int))
        assert np.abs(cut[0] - cut[1]).mean() < 0.25


class TestUnevenGround:
    @pytest.mark.parametrize(
        "ground",
        [
            gradient(300, (100, 180, 255), (240, 250, 255)),
            gradient(300, (0, 180, 255), (255, 60, 55)),
            gradient(300, (255, 255, 255), (120, 140, 160), radial=True),
            checkerboard(300, 8),
            checkerboard(300, 16),
        ],
        ids=["pale gradient", "strong gradient", "vignette", "checkerboard", "large checkerboard"],
    )
    def test_the_figure_is_found_and_the_ground_called_uneven(self, ground):
        figure, picture = person(), None
        picture = place([(figure, AT)], ground, SIZE)
        assert overlap(picture, figure, AT) > 0.95
        assert find_figures(picture).uneven

    def test_wall_and_floor(self):
        ground = Image.new("RGB", SIZE, (180, 200, 220))
        ground.paste((120, 90, 60), (0, 210, 300, 300))
        figure = person()
        assert overlap(place([(figure, AT)], ground, SIZE), figure, AT) > 0.95

    @pytest.mark.parametrize("spread", [4, 12, 25])
    def test_grain(self, spread):
        grain = np.random.default_rng(0).integers(-spread, spread + 1, (300, 300, 3))
        ground, figure = Image.fromarray((180 + grain).clip(0, 255).astype(np.uint8)), person()
        assert overlap(place([(figure, AT)], ground, SIZE), figure, AT) > 0.95

    @pytest.mark.parametrize("seed", range(3))
    def test_photographs_are_refused(self, seed):
        found = find_figures(place([(person(), AT)], noise(300, 20, seed), SIZE))
        assert not found.figures and found.why == "busy"


class TestTransparency:
    @pytest.mark.parametrize("colours", [(255, 255, 255), (20, 16, 20), (120, 30, 160)])
    def test_alpha_tells_the_figure_whatever_its_colours(self, colours):
        figure = person(shirt=colours, trousers=colours, hair=colours, outline=None)
        junk = np.asarray(figure).copy()
        junk[junk[..., 3] == 0] = (*colours, 0)
        assert overlap(Image.fromarray(junk), figure, (0, 0)) == 1

    def test_opaque_alpha_is_no_transparency(self):
        picture = place([(person(), AT)], (80, 170, 230), SIZE).convert("RGBA")
        assert find_figures(picture).ground == (80, 170, 230)

    def test_parts_with_gaps_between_them_are_one_figure(self):
        image = Image.new("RGBA", (200, 300))
        pen = ImageDraw.Draw(image)
        for box in ((60, 20, 140, 90), (50, 100, 150, 190), (55, 198, 90, 280), (110, 198, 145, 280)):
            pen.rectangle(box, fill=(200, 50, 50, 255))
        found = find_figures(image)
        assert len(found.figures) == 1 and found.figures[0].box[1] <= 20 and found.figures[0].box[3] >= 281


class TestSeveralFigures:
    @pytest.mark.parametrize("places", [((10, 40), (260, 90)), ((230, 40), (20, 90))])
    def test_the_largest_is_first(self, places):
        large, small = person(200, shirt=(20, 160, 60)), person(140)
        picture = place([(small, places[1]), (large, places[0])], (235, 235, 235), (440, 260))
        assert len(find_figures(picture).figures) == 2
        assert overlap(picture, large, places[0]) > 0.97 and overlap(picture, small, places[1], 1) > 0.93

    def test_of_equals_the_leftmost_is_first(self):
        one, two = person(shirt=(20, 160, 60)), person()
        for first, second in ((one, two), (two, one)):
            picture = place([(first, (0, 20)), (second, (200, 20))], (235, 235, 235), (400, 240))
            assert find_figures(picture).figures[0].box[2] < 200

    def test_three(self):
        picture = place([(person(150), (170 * i, 30 + 10 * i)) for i in range(3)], (250, 250, 250), (520, 240))
        assert len(find_figures(picture).figures) == 3


class TestNoFigure:
    @pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (80, 170, 230)])
    def test_one_colour(self, colour):
        assert find_figures(Image.new("RGB", (64, 48), colour)).why == "blank"
        assert find_figures(Image.new("RGBA", (64, 48), (*colour, 0))).figures == []

    def test_dirt_is_no_figure(self):
        image = Image.new("RGB", (400, 400), (255, 255, 255))
        image.paste((0, 0, 0), (200, 200, 203, 203))
        assert find_figures(image).why == "blank"
