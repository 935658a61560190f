"""Inputs that people really have (../shared/cases), through the weights in the box, by what is drawn of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.inference.framing import frame_picture, known_framing
from capture.inference.inputs import Listing
from capture.inference.transfer import PoseTransfer
from capture.io.images import image_to_tensor, load_image, open_rgb, open_upright
from capture.io.video import VideoReader, is_video
from tests.conftest import ROOT, SHARED

CASES = SHARED / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="no ../shared/cases beside this checkout")


@pytest.fixture(scope="module")
def transfer() -> PoseTransfer:
    return PoseTransfer.load(ROOT / "result" / "Toon", "cpu")


@pytest.fixture(scope="module")
def drawn(transfer):
    """Draw a picture as an identity, and as a pose: int (H, W, 3) each, and what people are told."""
    known = known_framing(transfer.config)
    pose, who = (load_image(ROOT / "examples" / f"{name}.png", transfer.size) for name in ("b", "a"))
    made: dict[object, tuple] = {}

    def draw(image: str | Image.Image, which: int = 1):
        key = image if isinstance(image, str) else image.tobytes()
        if (key, which) not in made:
            opened = open_upright(CASES / image) if isinstance(image, str) else image
            framed = frame_picture(opened, transfer.size, known, which)
            picture = image_to_tensor(framed.image)
            output = transfer.render(picture[None], pose[None])[0].permute(1, 2, 0).numpy().astype(int)
            posed = transfer.render(who[None], picture[None])[0].permute(1, 2, 0).numpy().astype(int)
            made[key, which] = output, posed, framed
        return made[key, which]

    return draw


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("name", ["figure_blue.png", "figure_dark.png", "two_characters.png"])
def test_grounds_and_neighbours_change_nothing(drawn, name):
    white = drawn("figure_white.png")
    output, posed, _ = drawn(name)
    assert difference(output, white[0]) < 2 and difference(posed, white[1]) < 2


@pytest.mark.parametrize(("name", "bound"), [("x.jfif", 4), ("alpha_a.avif", 3), ("ipad_display_p3.png", 3)])
def test_other_files_of_the_same_figure(drawn, name, bound):
    white = drawn("figure_white.png")
    output, posed, _ = drawn(name)
    assert difference(output, white[0]) < bound and difference(posed, white[1]) < bound


def test_display_p3_is_drawn_as_srgb(drawn):
    one, other = (np.asarray(open_rgb(CASES / f"ipad_{name}.png")).astype(int) for name in ("display_p3", "as_srgb"))
    assert np.abs(one - other).max() <= 3
    assert difference(drawn("ipad_display_p3.png")[0], drawn("ipad_as_srgb.png")[0]) < 0.5


def test_a_small_figure_is_as_one_cropped_by_hand(drawn):
    picture = open_rgb(CASES / "figure_small_corner.png")
    by_hand = drawn(picture.crop((780, 1180, 1020, 1580)))
    output, posed, framed = drawn("figure_small_corner.png")
    assert difference(output, by_hand[0]) < 3 and difference(posed, by_hand[1]) < 3
    assert "scaled" in framed.note and framed.window.side < 600


def test_the_second_of_two_characters(drawn):
    first, second = drawn("two_characters.png"), drawn("two_characters.png", 2)
    assert "2 figures, the largest is used (--which 2" in first[2].note
    shirts = [np.asarray(framed.image)[68, 64].astype(int) for _, _, framed in (first, second)]
    assert shirts[0].argmax() == 0 and shirts[1].argmax() == 1  # red, green


def test_a_busy_background_gets_a_line(drawn):
    assert "a good picture shows" in drawn("figure_photo.png")[2].note


def test_a_white_figure_without_outline_is_drawn(drawn):
    """As white as it is, and as solid as figure_white.png's: not ground, and not a pattern of gray."""
    output, _, framed = drawn("white_alpha.png")
    reference = drawn("figure_white.png")[0]
    assert "a line is drawn around it" in framed.note
    shown, solid = (np.abs(picture - 235).max(-1) > 24 for picture in (output, reference))
    white = (output.min(-1) > 245).sum()
    assert white > 0.2 * solid.sum(), "the white clothes are drawn white"
    assert shown.sum() > 0.25 * solid.sum()


def test_float_overshoot_is_a_picture(drawn):
    opened = np.asarray(open_rgb(CASES / "float_overshoot.tif"))
    assert opened.max() == 255 and 150 < opened.mean() < 250
    assert np.abs(drawn("float_overshoot.tif")[0] - 235).max(-1).mean() > 5


def test_pixel_art_with_transparency(drawn):
    output, _, framed = drawn("sprite_16x.png")
    assert framed.figures == 1 and (np.abs(output - 235).max(-1) > 24).mean() > 0.08


@pytest.mark.parametrize("name", ["dance.gif", "dance.webp", "dance_apng.png"])
def test_animations_are_videos(name):
    assert is_video(CASES / name)
    with VideoReader(CASES / name) as reader:
        frames = [np.asarray(reader.read(i)).astype(int) for i in range(len(reader))]
        assert len(frames) == 8 and [float(t) for t in reader.times] == pytest.approx([0.08 * i for i in range(9)])
    assert all(np.abs(a - b).mean() > 1 for a, b in zip(frames, frames[1:]))


@pytest.mark.parametrize("name", ["dance.gif", "vfr.mp4", "vfr.mkv", "sound.mp4", "named.m4v"])
def test_output_has_the_drivers_times_and_sound(name, tmp_path, run_main):
    status, _, err = run_main(
        "save_result.py", ROOT / "result" / "Toon", "--iden_path", ROOT / "examples" / "a.png",
        "--pose_path", CASES / name, "--save_dir", tmp_path,
    )  # fmt: skip
    assert status == 0, err
    with VideoReader(CASES / name) as driver, VideoReader(tmp_path / "output.mp4") as made:
        assert [float(t) for t in made.times] == pytest.approx([float(t) for t in driver.times], abs=0.001)
        if name.startswith("vfr"):
            assert [round(1000 * float(t)) for t in made.times[:-1]] == [0, 33, 66, 99, 132, 932, 1732, 2532]
    if name == "sound.mp4":
        assert_same_sound(CASES / name, tmp_path / "output.mp4")


def assert_same_sound(one: Path, other: Path) -> None:
    import av

    waves = []
    for path in (one, other):
        with av.open(str(path)) as file:
            waves.append(np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)]))
    length = min(map(len, waves))
    assert length > 0.9 * len(waves[0]) and np.abs(waves[0][:length] - waves[1][:length]).max() < 1e-4


def test_every_file_of_the_folder_is_taken_but_the_notes():
    listing = Listing.of(CASES)
    assert [p.name for p in listing.passed_over] == ["README.md"]
    assert {"x.jfif", "alpha_a.avif"} <= {p.name for p in listing.pictures}
    assert {"dance.gif", "dance.webp", "dance_apng.png", "named.m4v"} <= {p.name for p in listing.videos}
