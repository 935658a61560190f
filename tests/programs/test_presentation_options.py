"""save_result.py --resolution, --background, --smooth and several --iden_path."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from capture.inference.pixel_art import find_grid
from capture.inference.presentation import Presentation, settle_presentation
from capture.io.video import VideoReader
from capture.methods.build import build_generator
from tests.conftest import ROOT, tiny_config, write_result
from tests.helpers.make_figures import person, place
from tests.helpers.make_videos import make_video
from tests.helpers.parts import moving_parts

SIZE = 64


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """An untrained result of CaPTURe-Parts that says it was trained on toon."""
    torch.manual_seed(0)
    config = tiny_config("--method", "capture_parts", "--dataset_path", "toon")
    return write_result(tmp_path_factory.mktemp("result") / "toon", moving_parts(build_generator(config)), config)


@pytest.fixture
def inputs(tmp_path):
    """A figure of 160 pixels on blue, and a pose on the known ground."""
    place([(person(120), (20, 10))], (80, 170, 230), (160, 160)).save(tmp_path / "A.png")
    place([(person(120), (20, 24))], (235, 235, 235), (160, 160)).save(tmp_path / "B.png")
    person(200, shirt=(20, 160, 60)).save(tmp_path / "side.png")
    return tmp_path / "A.png", tmp_path / "B.png"


def command(result, inputs, out, *more):
    return [result, "--iden_path", inputs[0], "--pose_path", inputs[1], "--save_dir", out, *more]


class TestSettlePresentation:
    """The resolution auto is that of the drawing only where the drawing can be sampled and its ground is known."""

    def transfer(self, **changes):
        known = {"layered": True, "compiled": False, "dataset": "toon", **changes}
        config = {"dataset_config": {"dataset_path": known["dataset"]}}
        generator = SimpleNamespace(layered=known["layered"])
        about = {"compiled": known["compiled"], "config": config, "source": "result", "check_relative": lambda: None}
        return SimpleNamespace(generator=generator, **about)

    def test_auto_is_the_drawings_own_size(self):
        assert settle_presentation(self.transfer(), Presentation("auto"), 1).resolution == "auto"

    @pytest.mark.parametrize("change", [{"layered": False}, {"compiled": True}, {"dataset": "photographs"}])
    def test_auto_is_the_size_of_the_weights_where_it_has_to_be(self, change):
        assert settle_presentation(self.transfer(**change), Presentation("auto"), 1).resolution is None

    def test_relative_motion_has_the_size_of_the_weights(self):
        assert settle_presentation(self.transfer(), Presentation("auto"), 1, relative=True).resolution is None

    def test_what_is_asked_for_is_kept(self):
        assert settle_presentation(self.transfer(dataset="photographs"), Presentation(200), 1).resolution == 200


class TestPresentation:
    def test_sizes_and_backgrounds(self, parts, inputs, tmp_path, run_main):
        for words, size, mode in (
            ([], None, "RGB"),
            (["--resolution", "network"], SIZE, "RGB"),
            (["--resolution", "96"], 96, "RGB"),
            (["--resolution", "native", "--background", "transparent"], None, "RGBA"),
            (["--background", "transparent"], None, "RGBA"),
            (["--background", "keep"], None, "RGB"),
            (["--background", "keep", "--resolution", "network"], SIZE, "RGB"),
            (["--background", "#102030", "--resolution", "100"], 100, "RGB"),
        ):
            status, _, err = run_main("save_result.py", *command(parts, inputs, tmp_path / "out", *words))
            assert status == 0, err
            made = Image.open(tmp_path / "out" / "output.png")
            assert made.mode == mode and made.size == ((size,) * 2 if size else made.size), words
            assert size or 130 <= made.width <= 170  # the window of the figure in its picture
            assert Image.open(tmp_path / "out" / "iden_pose_output.png").size == (3 * SIZE, SIZE)

    def test_the_shipped_weights_on_backgrounds(self, inputs, tmp_path, run_main):
        corners = {}
        for background in ("keep", "transparent", "#102030"):
            words = command(ROOT / "result" / "Toon", inputs, tmp_path / "out", "--background", background)
            status, _, err = run_main("save_result.py", *words, "--resolution", "native")
            assert status == 0, err
            made = Image.open(tmp_path / "out" / "output.png")
            corners[background] = made.getpixel((0, 0))
            if background == "transparent":
                assert 0.1 < (np.asarray(made)[..., 3] > 127).mean() < 0.5
        assert np.abs(np.subtract(corners["keep"], (80, 170, 230))).max() <= 3
        assert corners["transparent"] == (0, 0, 0, 0) and corners["#102030"] == (0x10, 0x20, 0x30)

    def test_large_drawings_give_512_pixels_unless_more_is_asked_for(self, parts, inputs, tmp_path, run_main):
        place([(person(560), (20, 10))], (80, 170, 230), (700, 700)).save(inputs[0])
        for words, least, most in ([], 512, 512), (["--resolution", "native"], 560, 780):
            status, _, err = run_main("save_result.py", *command(parts, inputs, tmp_path / "out", *words))
            assert status == 0, err
            assert least <= Image.open(tmp_path / "out" / "output.png").width <= most

    def test_several_pictures_are_one_character(self, parts, inputs, tmp_path, run_main):
        words = [parts, "--iden_path", inputs[0], tmp_path / "side.png", "--pose_path", inputs[1]]
        status, out, err = run_main("save_result.py", *words, "--save_dir", tmp_path / "out", "--resolution", "128")
        assert status == 0 and out.strip().endswith("out/output.png"), err
        assert Image.open(tmp_path / "out" / "output.png").size == (128, 128)

    def test_a_video_is_smoothed_unless_it_is_said_not_to_be(self, parts, inputs, tmp_path, run_main):
        video = make_video(tmp_path / "dance.mp4", 5)
        frames = {}
        for smooth in ("auto", "on", "off"):
            words = command(parts, (inputs[0], video), tmp_path / smooth, "--smooth", smooth, "--format", "png")
            status, _, err = run_main("save_result.py", *words)
            assert status == 0, err
            frames[smooth] = [(tmp_path / smooth / "output" / f"{i:05d}.png").read_bytes() for i in range(5)]
        assert frames["auto"] == frames["on"] and frames["on"] != frames["off"]
        assert frames["on"][0] == frames["off"][0]  # a window of one frame at the ends

    def test_pictures_beside_a_video_are_not_smoothed(self, parts, inputs, tmp_path, run_main):
        make_video(tmp_path / "poses" / "dance.mp4", 5)
        for i in range(5):
            place([(person(120), (4 * i, 24))], (235, 235, 235), (160, 160)).save(tmp_path / "poses" / f"{i}.png")
        made = {}
        for smooth in ("auto", "on"):
            words = command(parts, (inputs[0], tmp_path / "poses"), tmp_path / smooth, "--smooth", smooth)
            status, _, err = run_main("save_result.py", *words)
            assert status == 0, err
            made[smooth] = [(tmp_path / smooth / f"A__{i}" / "output.png").read_bytes() for i in range(5)]
        assert made["auto"] == made["on"] and len(set(made["on"])) == 5

    def test_directions_are_smoothed_apart(self, parts, inputs, tmp_path, run_main):
        """The first of four directions is the same as alone, also beside the cut to the next one."""
        words = ["--frames", "4", "--batch_size", "4", "--format", "frames", "--resolution", "network"]
        for name, more in ("four", ["--directions", "4"]), ("alone", ["--direction", "front"]):
            given = command(parts, (inputs[0], "motion:walk"), tmp_path / name, *words, *more)
            status, _, err = run_main("save_result.py", *given)
            assert status == 0, err
        for i in range(4):
            files = [tmp_path / name / "output" / f"{i:05d}.png" for name in ("four", "alone")]
            assert files[0].read_bytes() == files[1].read_bytes()

    def test_a_transparent_video_is_a_folder_of_pictures(self, parts, inputs, tmp_path, run_main, bad_input):
        video = make_video(tmp_path / "dance.mp4", 2)
        words = command(parts, (inputs[0], video), tmp_path / "out", "--background", "transparent")
        assert "no transparency" in bad_input("save_result.py", *words)
        assert run_main("save_result.py", *words, "--format", "png", "--resolution", "native")[0] == 0
        assert Image.open(tmp_path / "out" / "output" / "00001.png").mode == "RGBA"

    def test_a_video_has_the_resolution(self, parts, inputs, tmp_path, run_main):
        video = make_video(tmp_path / "dance.mp4", 3)
        words = command(parts, (inputs[0], video), tmp_path / "out", "--resolution", "120")
        assert run_main("save_result.py", *words)[0] == 0
        with VideoReader(tmp_path / "out" / "output.mp4") as made:
            assert len(made) == 3 and np.asarray(made.read(0)).shape[0] >= 120

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (["--resolution", "huge"], "--resolution huge: give auto, native, network or a number"),
            (["--resolution", "9999"], "--resolution 9999: give auto, native, network or a number"),
            (["--background", "blue"], "--background blue: give auto, keep, transparent or a colour"),
        ],
    )
    def test_what_is_no_size_and_no_background(self, parts, inputs, tmp_path, bad_input, words, complaint):
        assert complaint in bad_input("save_result.py", *command(parts, inputs, tmp_path / "out", *words))
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("words", [["--resolution", "native"], ["--smooth", "on"], ["--pixel_art", "on"]])
    def test_methods_without_correspondences_refuse(self, untrained, inputs, tmp_path, bad_input, words):
        line = bad_input("save_result.py", *command(untrained, inputs, tmp_path / "out", *words))
        assert (
            line.startswith(f"error: {words[0]}")
            and "the method of" in line
            and "does not say where its pixels come from" in line
        )
        assert not (tmp_path / "out").exists()

    def test_pixel_art_stays_pixel_art(self, parts, inputs, tmp_path, run_main):
        """Every pixel of the drawing becomes a square of one of its colours, and --pixel_art off does without."""
        sprite = person(48).convert("RGBA").quantize(12).convert("RGBA")
        sprite.putalpha(sprite.getchannel("A").point(lambda a: 255 * (a > 127)))
        sprite.resize((240, 240), Image.Resampling.NEAREST).save(inputs[0])
        made = {}
        for choice in ("auto", "off"):
            words = ["--background", "transparent", "--pixel_art", choice]
            status, _, err = run_main("save_result.py", *command(parts, inputs, tmp_path / choice, *words))
            assert status == 0 and ("pixel art of" in err) == (choice == "auto"), err
            made[choice] = np.asarray(Image.open(tmp_path / choice / "output.png"))
        colours = {tuple(one) for one in np.asarray(sprite).reshape(-1, 4) if one[3]}
        squares = find_grid(Image.fromarray(made["auto"]))
        assert {tuple(one) for one in made["auto"].reshape(-1, 4) if one[3]} <= colours and squares.cell % 5 == 0
        assert len(np.unique(made["off"].reshape(-1, 4), axis=0)) > 3 * len(colours)

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (["--resolution", "network"], "give --resolution native"),
            (["--iden_path", "blank.png"], "too little is drawn"),
        ],
    )
    def test_pixel_art_that_cannot_be(self, parts, inputs, tmp_path, bad_input, monkeypatch, words, complaint):
        Image.new("RGB", (90, 90), (200, 30, 30)).save(tmp_path / "blank.png")
        monkeypatch.chdir(tmp_path)
        given = command(parts, inputs, tmp_path / "out", "--pixel_art", "on", *words)
        assert complaint in bad_input("save_result.py", *given)
        assert not (tmp_path / "out").exists()

    def test_methods_without_correspondences_take_one_picture(self, untrained, inputs, tmp_path, bad_input):
        words = [untrained, "--iden_path", *inputs, "--pose_path", inputs[1], "--save_dir", tmp_path / "out"]
        assert "more than one picture in --iden_path" in bad_input("save_result.py", *words)

    def test_methods_without_correspondences_are_cut_out_by_their_ground(self, untrained, inputs, tmp_path, run_main):
        words = command(untrained, inputs, tmp_path / "out", "--background", "transparent")
        assert run_main("save_result.py", *words)[0] == 0
        made = Image.open(tmp_path / "out" / "output.png")
        assert made.mode == "RGBA" and made.size == (32, 32)  # that of the weights, without a word

    def test_a_folder_among_several_pictures_is_refused(self, parts, inputs, tmp_path, bad_input):
        words = [parts, "--iden_path", inputs[0], tmp_path, "--pose_path", inputs[1], "--save_dir", tmp_path / "out"]
        assert "several --iden_path are the pictures of one character" in bad_input("save_result.py", *words)
