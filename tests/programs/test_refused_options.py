"""save_result.py refuses what it can't do before it writes anything, and options that it would pass over."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from capture.methods.build import build_generator
from tests.conftest import draw_figure, tiny_config, write_result
from tests.helpers.make_animations import moving_square


def write_animation(path: Path) -> None:
    """An animated picture, in the form that its name says."""
    path.parent.mkdir(exist_ok=True)
    first, *others = (Image.fromarray(frame) for frame in moving_square(3, alpha=False))
    first.save(path, save_all=True, append_images=others, duration=100)


@pytest.fixture
def folders(tmp_path):
    """Two identities in one folder, and four poses in another."""
    for i in range(2):
        draw_figure(tmp_path / "who" / f"{i}.png", i, 3)
    for i in range(4):
        draw_figure(tmp_path / "poses" / f"{i}.png", 1, i)
    return tmp_path


@pytest.fixture
def refused(untrained_toon, folders, bad_input):
    """refused(identity, pose, more): the one line of save_result.py, which leaves no output behind."""

    def run(identity: str, pose: str, *more: str) -> str:
        out = folders / "out"
        given = ["--iden_path", folders / identity, "--pose_path", pose if ":" in pose else folders / pose]
        line = bad_input("save_result.py", untrained_toon, *given, "--save_dir", out, *more)
        assert not out.exists()
        return line

    return run


class TestPlaces:
    def test_videos_of_one_name_are_not_written_over_one_another(self, folders, refused):
        write_animation(folders / "films" / "dance.gif")
        write_animation(folders / "films" / "dance.webp")
        assert "would both be written to" in refused("who/0.png", "films")

    def test_a_picture_and_a_video_of_one_name_are_not_written_over_one_another(self, folders, refused):
        write_animation(folders / "poses" / "2.gif")
        assert "2.png and" in refused("who/0.png", "poses")

    def test_characters_of_one_name_are_not_written_over_one_another_by_a_motion(self, folders, refused):
        Image.open(folders / "who" / "0.png").save(folders / "who" / "0.bmp")
        assert "would both be written to" in refused("who", "motion:wave", "--frames", "2")


class TestCharacters:
    def test_a_damaged_picture_ends_a_motion_before_the_first_character(self, folders, refused):
        (folders / "who" / "1.png").write_bytes((folders / "who" / "1.png").read_bytes()[:60])
        assert "1.png: " in refused("who", "motion:wave", "--frames", "2")

    def test_the_last_of_many_characters_is_checked_before_the_first_is_rendered(self, folders, refused):
        """Sixteen are rendered together; the seventeenth and the others lack a second figure, or the first ones do."""
        for i in range(2, 17):
            draw_figure(folders / "who" / f"{i}.png", i, 3)
        assert "--which 2, but 1 figure found" in refused("who", "poses/0.png", "--which", "2")


class TestOptions:
    @pytest.mark.parametrize(
        ("pose", "more", "complaint"),
        [
            ("poses", ["--fps", "10"], "--fps: "),
            ("poses/0.png", ["--which", "0"], "--which 0: figures are counted from 1"),
            ("poses/0.png", ["--noise_scale", "inf"], "--noise_scale inf: give a number"),
            ("poses/0.png", ["--parts", "legs"], "this method reads no maps"),
            ("poses/0.png", ["--seed", "9"], "--seed: only with --noise_scale"),
            ("poses/0.png", ["--which", "2", "--framing", "as_is"], "--which 2: pictures are used as they are"),
            ("poses/0.png", ["--attention", "--pixel_art", "on", "--resolution", "network"], "--pixel_art on"),
        ],
    )
    def test_what_would_be_passed_over_or_is_impossible(self, refused, pose, more, complaint):
        assert complaint in refused("who/0.png", pose, *more)

    @pytest.mark.parametrize("left_out", ["--pose_path", "--save_dir", "--iden_path"])
    def test_an_export_with_a_part_of_what_rendering_needs(self, untrained_toon, folders, bad_input, left_out):
        given = {
            "--iden_path": folders / "who/0.png",
            "--pose_path": folders / "poses/0.png",
            "--save_dir": folders / "out",
        }
        words = [word for option, value in given.items() if option != left_out for word in (option, value)]
        line = bad_input("save_result.py", untrained_toon, "--export", folders / "x.safetensors", *words)
        assert "(or --export FILE without them)" in line and not (folders / "x.safetensors").exists()

    def test_smoothing_is_for_videos(self, folders, bad_input):
        config = tiny_config("--method", "capture_parts", "--dataset_path", "toon")
        result = write_result(folders / "result", build_generator(config), config)
        given = ["--iden_path", folders / "who/0.png", "--pose_path", folders / "poses", "--save_dir", folders / "out"]
        assert "--smooth on: it is for videos" in bad_input("save_result.py", result, *given, "--smooth", "on")
        assert not (folders / "out").exists()

    @pytest.mark.parametrize("option", [["--parts", "legs"], ["--garment_uv", "x.png"]])
    def test_options_of_a_garment_need_a_garment(self, folders, bad_input, option):
        config = tiny_config("--method", "coord_inpainting")
        result = write_result(folders / "result", build_generator(config), config)
        given = ["--iden_path", folders / "who/0.png", "--pose_path", folders / "poses/0.png"]
        line = bad_input("save_result.py", result, *given, "--save_dir", folders / "out", *option)
        assert "only with --garment" in line
