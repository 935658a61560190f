"""What may stand for a picture in Python."""

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.inputs import Driver
from capture.inference.picture_likes import frames_of, is_sequence_file, picture_frames, to_picture
from tests.helpers.icc import rgb_profile


@pytest.fixture
def picture() -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    return Image.fromarray(values)


class TestToPicture:
    def test_every_kind_gives_the_same_picture(self, picture, tmp_path):
        picture.save(tmp_path / "a.png")
        values = np.asarray(picture)
        kinds = [
            tmp_path / "a.png",
            str(tmp_path / "a.png"),
            picture,
            values,
            values.astype(np.float32) / 255,
            values.astype(np.float64) / 255,
            torch.from_numpy(values.copy()).permute(2, 0, 1),
            torch.from_numpy(values.copy()).permute(2, 0, 1) / 255,
        ]
        for kind in kinds:
            made = to_picture(kind, "pose")
            assert made.mode == "RGB" and np.array_equal(np.asarray(made), values)

    def test_transparency_stays(self):
        values = np.zeros((4, 4, 4), np.uint8)
        assert to_picture(values, "pose").mode == "RGBA"
        assert to_picture(Image.new("LA", (4, 4)), "pose").mode == "RGBA"
        assert to_picture(torch.zeros(4, 4, 4), "pose").mode == "RGBA"

    @pytest.mark.parametrize(
        "values", [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 1), np.uint8), torch.zeros(1, 4, 5)]
    )
    def test_gray_becomes_rgb(self, values):
        made = to_picture(values, "pose")
        assert made.mode == "RGB" and made.size == (5, 4)

    @pytest.mark.parametrize("mode", ["I;16", "F"])
    def test_pictures_of_more_than_8_bits_keep_their_brightness(self, mode):
        values = np.full((4, 4), 0.5)
        image = Image.fromarray((values * 65535).astype(np.uint16) if mode == "I;16" else values.astype(np.float32))
        assert image.mode == mode and abs(int(np.asarray(to_picture(image, "pose"))[0, 0, 0]) - 128) <= 1

    def test_a_colour_profile_counts_as_in_a_file(self, picture, tmp_path):
        picture.save(tmp_path / "a.png", icc_profile=rgb_profile("adobe_rgb"))
        opened = Image.open(tmp_path / "a.png")
        assert np.array_equal(to_picture(opened, "pose"), to_picture(tmp_path / "a.png", "pose"))
        assert not np.array_equal(to_picture(opened, "pose"), np.asarray(picture))

    def test_bfloat16_tensors_are_taken(self):
        assert to_picture(torch.ones(3, 2, 2, dtype=torch.bfloat16), "pose").getpixel((0, 0)) == (255, 255, 255)

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            (np.zeros((4, 4, 2), np.uint8), "shape"),
            (torch.zeros(4, 4), "shape"),
            (torch.zeros(5, 4, 4), "shape"),
            (np.full((4, 4, 3), 200.0), "floats from 200 to 200"),
            (np.full((4, 4, 3), np.nan), "floats from"),
            (np.full((4, 4, 3), -0.5), "floats from -0.5"),
            (np.zeros((4, 4, 3), np.int64), "int64"),
            (np.zeros((0, 4, 3), np.uint8), "empty"),
            (7, "int is no picture"),
            (None, "NoneType is no picture"),
        ],
    )
    def test_what_is_no_picture_is_refused_by_its_role(self, values, why):
        with pytest.raises(CaptureError, match="identity: .*") as error:
            to_picture(values, "identity")
        assert why in str(error.value)


class TestFramesInMemory:
    def test_frames_of_lists_arrays_and_tensors(self, picture):
        assert frames_of([picture, picture]) == [picture, picture]
        assert len(frames_of(np.zeros((5, 4, 4, 3), np.uint8))) == 5
        assert len(frames_of(torch.zeros(5, 3, 4, 4))) == 5
        assert frames_of(np.zeros((4, 4, 3), np.uint8)) is None
        assert frames_of("walk") is None and frames_of(picture) is None

    def test_times_follow_the_rate(self, picture):
        driver = Driver(picture_frames([picture] * 3, fps=12))
        assert [float(time) for time in driver.times] == pytest.approx([0, 1 / 12, 2 / 12, 3 / 12])
        assert len(driver) == 3 and driver.read(1).size == picture.size

    def test_an_empty_list_is_refused(self):
        with pytest.raises(CaptureError, match="no frames"):
            picture_frames([])

    def test_files_that_hold_frames(self, picture, tmp_path):
        picture.save(tmp_path / "a.png")
        picture.save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", picture.size)])
        assert is_sequence_file(tmp_path) and is_sequence_file(tmp_path / "a.gif") and is_sequence_file("film.mp4")
        assert not is_sequence_file(tmp_path / "a.png") and not is_sequence_file(picture)
