"""Pictures as the weights know them: chosen windows, cutting out, placing back, and what people are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.character import make_character
from capture.inference.framing import KNOWN, choose_window, frame_picture, known_framing
from capture.inference.inputs import Notes
from capture.inference.window import Window, crop_to_picture, in_square, place_back
from capture.io.images import to_square
from tests.conftest import ROOT
from tests.helpers.make_figures import noise, person, place

TOON = KNOWN["toon"]
GROUND = TOON.ground
SIZE = 128


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other)).mean())


def figure_box(image: Image.Image) -> tuple[float, float, float, float]:
    """left, top, right, bottom of what isn't ground, as shares of the side."""
    rows, columns = np.nonzero(np.abs(np.asarray(image).astype(int) - GROUND).max(-1) > 24)
    return tuple(v / image.width for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))


class TestKnownFraming:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [("toon", "toon"), ("toon + toon + data/quaternius", "toon"), ("./data/toon_demo", "toon"),
         ("data/toon64", "toon"), ("/home/toons", "toon"), ("Mixamo_dataset/rendered", "mixamo"),
         ("./Mixamo_Dataset", "mixamo"), ("./data/lpc", "lpc")],
    )  # fmt: skip
    def test_datasets_that_are_known(self, path, kind):
        assert known_framing({"dataset_config": {"dataset_path": path}}) == KNOWN[kind]

    @pytest.mark.parametrize(
        "path", ["./Fashion_Dataset", "/data/my drawings", "", "data/cartoons", "/toon/films/Fashion_dataset"]
    )
    def test_datasets_that_are_not(self, path):
        assert known_framing({"dataset_config": {"dataset_path": path}}) is None


class TestFramePicture:
    @pytest.mark.parametrize("which", [0, -1, 2])
    def test_a_number_that_no_figure_has_is_refused(self, which):
        with pytest.raises(CaptureError, match=f"--which {which}"):
            frame_picture(place([(person(200), (28, 32))], GROUND, (256, 256)), SIZE, TOON, which)

    @pytest.mark.parametrize(("at", "which"), [((0.32, 0.62), 1), ((0.36, 0.68), 2), ((0.3, 0.7), 1), ((0.3, 0.7), 2)])
    def test_the_drawing_is_of_the_figure_that_the_network_is_shown(self, at, which):
        """Both stand in the whole picture, which is the window of either."""
        colours, side = ((220, 30, 30), (30, 60, 220)), 600
        figures = [person(300 - 20 * k, shirt=colour, trousers=colour, hair=colour) for k, colour in enumerate(colours)]
        places = [(figure, (round(x * side) - figure.width // 2, 200)) for figure, x in zip(figures, at)]
        picture = place(places, GROUND, (side, side))
        made = make_character([(Path("two.png"), picture)], SIZE, TOON, which, Notes(print), SIZE)
        drawing = made.drawings[0].figure.astype(int)
        shown = made.shown[0].permute(1, 2, 0).numpy().astype(int)
        expected = colours[which - 1]
        for pixels in (drawing[drawing[..., 3] > 200][:, :3], shown.reshape(-1, 3)):
            near = [(np.abs(pixels - colour).max(-1) < 30).sum() for colour in (expected, colours[2 - which])]
            assert near[0] > 100 and near[1] == 0

    def test_a_picture_as_known_stays_to_the_bit(self):
        picture = place([(person(200), (28, 32))], GROUND, (256, 256))
        framed = frame_picture(picture, SIZE, TOON)
        assert framed.note == "" and framed.window.is_whole
        assert np.array_equal(np.asarray(framed.image), np.asarray(to_square(picture, SIZE)))

    @pytest.mark.parametrize("name", ["a", "b", "bear", "boy", "cat", "frog", "girl", "king", "pose_bow", "pose_fly",
                                      "pose_kneel", "pose_kick", "pose_sword", "tin"])  # fmt: skip
    def test_the_examples_stay_to_the_bit(self, name):
        picture = Image.open(ROOT / "examples" / f"{name}.png").convert("RGB")
        framed = frame_picture(picture, SIZE, TOON)
        assert framed.note == "" and np.array_equal(np.asarray(framed.image), np.asarray(to_square(picture, SIZE)))

    @pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (80, 170, 230), (30, 30, 35), (250, 220, 60)])
    def test_other_grounds_give_what_the_known_ground_gives(self, ground):
        figure = person()
        want = frame_picture(place([(figure, (50, 40))], GROUND, (300, 300)), SIZE, TOON).image
        framed = frame_picture(place([(figure, (50, 40))], ground, (300, 300)), SIZE, TOON)
        assert difference(framed.image, want) < 1.5 and "put on the ground" in framed.note

    @pytest.mark.parametrize("corner", [(0, 0), (500, 0), (0, 700), (500, 700), (230, 310)])
    def test_a_small_figure_anywhere_gives_what_a_cropped_one_gives(self, corner):
        figure = person(100)
        # a figure that fills its picture is scaled as well
        want = frame_picture(place([(figure, (0, 0))], (235, 235, 235), (100, 100)), SIZE, TOON).image
        framed = frame_picture(place([(figure, corner)], (235, 235, 235), (600, 800)), SIZE, TOON)
        left, top, right, bottom = figure_box(framed.image)
        assert 0.69 < bottom - top < 0.77 and abs(bottom - TOON.bottom) < 0.03 and abs(left + right - 1) < 0.04
        assert difference(framed.image, want) < 2 and "scaled" in framed.note

    def test_a_small_figure_in_a_large_picture_is_cut_out_finely(self):
        figure = person(300)
        framed = frame_picture(place([(figure, (3000, 1500))], (255, 250, 240), (3840, 2160)), SIZE, TOON)
        want = frame_picture(place([(figure, (0, 0))], (255, 250, 240), (300, 300)), SIZE, TOON)
        assert difference(framed.image, want.image) < 2

    def test_the_largest_of_several_and_the_one_that_is_asked_for(self):
        large, small = person(200, shirt=(20, 160, 60)), person(150)
        picture = place([(small, (0, 60)), (large, (220, 20))], (235, 235, 235), (430, 240))
        first, second = (frame_picture(picture, SIZE, TOON, which) for which in (1, 2))
        assert "2 figures, the largest is used (--which 2" in first.note and "number 2" in second.note
        alone = [frame_picture(figure, SIZE, TOON).image for figure in (large, small)]
        assert difference(first.image, alone[0]) < 1.5 and difference(second.image, alone[1]) < 1.5
        with pytest.raises(CaptureError, match="--which 3, but 2 figures found"):
            frame_picture(picture, SIZE, TOON, 3)

    def test_white_without_outline_keeps_its_shape(self):
        figure = person(shirt=(255, 255, 255), trousers=(250, 250, 250), hair=(245, 245, 245), outline=None)
        framed = frame_picture(figure, SIZE, TOON)
        assert "a line is drawn around it" in framed.note
        dark = np.asarray(framed.image).max(-1) < 90
        assert dark.sum() > 150

    @pytest.mark.parametrize("shirt", [(255, 255, 255), (235, 235, 235)])
    def test_an_outlined_figure_gets_no_second_line(self, shirt):
        figure = person(shirt=shirt, trousers=shirt)
        assert "a line" not in frame_picture(figure, SIZE, TOON).note
        assert "a line" not in frame_picture(place([(figure, (50, 40))], (255, 255, 255), (300, 300)), SIZE, TOON).note

    def test_what_has_no_figure_is_used_as_it_is_and_said(self):
        for picture, why in ((noise(200, 30), "can't be told"), (Image.new("RGB", (200, 200), "white"), "one colour")):
            framed = frame_picture(picture, SIZE, TOON)
            assert why in framed.note and "a good picture shows one whole figure" in framed.note
            assert np.array_equal(np.asarray(framed.image), np.asarray(to_square(picture, SIZE)))

    def test_non_square_pictures(self):
        figure = person(200)
        wide = frame_picture(place([(figure, (400, 5))], (255, 255, 255), (900, 210)), SIZE, TOON)
        high = frame_picture(place([(figure, (5, 400))], (255, 255, 255), (210, 900)), SIZE, TOON)
        assert difference(wide.image, high.image) < 0.5


class TestPlaceBack:
    def test_a_picture_that_was_not_cropped_is_returned_itself(self):
        output = np.zeros((SIZE, SIZE, 3), np.uint8)
        assert place_back(output, Window.whole(200, 300))[0] is output

    def test_a_small_pose_puts_the_output_where_it_stood(self):
        picture = place([(person(100), (450, 60))], GROUND, (600, 600))
        framed = frame_picture(picture, SIZE, TOON)
        back, window = place_back(np.asarray(framed.image), framed.window)  # as a network that copies the pose
        assert back.shape[0] > 3 * SIZE
        assert difference(to_square(Image.fromarray(back), 300), to_square(picture, 300)) < 1.5
        assert (window.x, window.y, window.side) == (0, 0, 600)

    def test_the_placed_picture_never_grows_beyond_a_bound(self):
        framed = frame_picture(place([(person(60), (900, 900))], GROUND, (1500, 1500)), SIZE, TOON)
        back, _ = place_back(np.asarray(framed.image), framed.window, even=True)
        assert back.shape[0] <= 4 * SIZE and back.shape[0] % 2 == 0

    @pytest.mark.parametrize("share", [2, 4, 5, 9])
    def test_squares_of_pixel_art_stay_squares_where_the_pose_is_small(self, share):
        squares = np.random.default_rng(0).integers(0, 2, (16, 16, 1)) * np.array([200, 40, 90]) + 20
        output = squares.astype(np.uint8).repeat(8, 0).repeat(8, 1)
        window = Window(40, 40, 100, (100 * share, 100 * share))
        back, _ = place_back(output, window, cell=8)
        assert len(np.unique(back.reshape(-1, 3), axis=0)) <= 3  # and the colour around
        assert back.shape[0] <= 4 * len(output)

    def test_nothing_that_is_drawn_is_cut_off(self):
        tight = person(200).crop(person(200).getbbox())
        framed = frame_picture(place([(tight, (0, 0))], GROUND, tight.size), SIZE, TOON)
        back, window = place_back(np.asarray(framed.image), framed.window)
        assert back.shape == (SIZE, SIZE, 3) and window.side > max(tight.size)

    def test_in_square_is_as_the_picture_padded_to_a_square(self):
        for size, at in (((600, 600), (450, 60)), ((600, 400), (10, 250))):
            picture = place([(person(100), at)], GROUND, size)
            framed = frame_picture(picture, SIZE, TOON)
            square = in_square(np.asarray(framed.image), framed.window)
            assert square.shape == (SIZE, SIZE, 3)
            assert difference(Image.fromarray(square), to_square(picture, SIZE, GROUND)) < 1.5


class TestCropToPicture:
    def test_the_strip_of_the_pose_and_what_reaches_beyond_it(self):
        output = np.full((SIZE, SIZE, 3), 235, np.uint8)
        output[20:110, 40:88] = (200, 30, 30)
        window = Window.whole(100, 400)  # a strip 32 wide
        assert crop_to_picture(output, window).shape == (SIZE, 48, 3)
        output[60:70, 10:120] = (30, 30, 200)  # arms
        assert crop_to_picture(output, window).shape == (SIZE, 110, 3)

    def test_an_output_without_a_plain_ground_is_cropped_to_the_strip(self):
        output = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
        assert crop_to_picture(output, Window.whole(100, 400)).shape == (SIZE, 32, 3)


class TestChooseWindow:
    def test_one_window_holds_every_frame_of_a_video(self):
        boxes = [(100, 300, 150, 400), (180, 250, 230, 350), (120, 340, 190, 400)]
        window = choose_window(boxes, (800, 600), TOON)
        for left, top, right, bottom in boxes:
            assert window.x < left and right < window.x + window.side
            assert window.y < top and bottom < window.y + window.side

    def test_common_sizes_are_left_alone(self):
        assert choose_window([(80, 40, 180, 228)], (256, 256), TOON).is_whole
        assert not choose_window([(80, 2, 180, 254)], (256, 256), TOON).is_whole


def test_finding_and_framing_need_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import capture.inference.figure as figure\n"
        "from PIL import Image\n"
        "print(figure.find_figures(Image.new('RGB', (9, 9))).why)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "blank\n", done.stderr
