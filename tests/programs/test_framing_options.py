"""save_result.py and evaluate.py on pictures, animations and folders as people have them: options and lines."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from capture.config.yaml import dump_yaml
from capture.io.video import VideoReader
from tests.conftest import draw_figure, tiny_config
from tests.helpers.make_figures import noise, person, place, save_animation
from tests.helpers.make_videos import make_film_with_sound


@pytest.fixture
def toon(untrained_toon):
    return untrained_toon


@pytest.fixture
def inputs(tmp_path):
    """A figure on blue, and a pose on the known ground."""
    place([(person(120), (20, 10))], (80, 170, 230), (160, 160)).save(tmp_path / "A.png")
    place([(person(120), (20, 24))], (235, 235, 235), (160, 160)).save(tmp_path / "B.png")
    return tmp_path / "A.png", tmp_path / "B.png"


@pytest.fixture
def render(run_main, tmp_path):
    """Render to tmp_path/out: (stdout, stderr)."""

    def run(result, identity, pose, *more):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        words = [result, "--iden_path", identity, "--pose_path", pose, "--save_dir", tmp_path / "out"]
        status, out, err = run_main("save_result.py", *words, *more)
        assert status == 0, err
        return out, err

    return run


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def moving_person(path, transparent=False):
    frames = []
    for i in range(4):
        canvas = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        canvas.alpha_composite(person(56), (2 * i, 4))
        frames.append(canvas if transparent else place([(person(56), (2 * i, 4))], (255, 255, 255), (64, 64)))
    return save_animation(path, frames, [50, 100, 150, 200], disposal=2)


class TestFramingOption:
    def test_one_line_says_what_was_done_and_as_is_leaves_it(self, toon, inputs, render, tmp_path):
        _, err = render(toon, *inputs)
        lines = [line for line in err.splitlines() if "A.png" in line]
        assert len(lines) == 1 and "put on the ground" in lines[0] and "B.png" not in err
        shown = pixels(tmp_path / "out" / "iden_pose_output.png")
        assert tuple(shown[0, 0]) == (235, 235, 235)
        _, err = render(toon, *inputs, "--framing", "as_is")
        shown = pixels(tmp_path / "out" / "iden_pose_output.png")
        assert tuple(shown[0, 0]) == (80, 170, 230) and "A.png" not in err

    def test_weights_whose_pictures_nobody_knows_take_them_as_they_are(self, untrained, inputs, render, tmp_path):
        _, err = render(untrained, *inputs)
        assert "A.png" not in err
        assert tuple(pixels(tmp_path / "out" / "iden_pose_output.png")[0, 0]) == (80, 170, 230)

    def test_the_second_of_two(self, toon, inputs, render, tmp_path, bad_input):
        both = [(person(100, shirt=(20, 160, 60)), (0, 20)), (person(80), (110, 40))]
        place(both, (235, 235, 235), (200, 130)).save(tmp_path / "two.png")
        _, err = render(toon, tmp_path / "two.png", inputs[1])
        assert "2 figures, the largest is used (--which 2 takes the next)" in err
        one = pixels(tmp_path / "out" / "iden_pose_output.png")[:, :32]
        _, err = render(toon, tmp_path / "two.png", inputs[1], "--which", "2")
        assert "number 2 is used" in err
        assert np.abs(pixels(tmp_path / "out" / "iden_pose_output.png")[:, :32] - one).mean() > 1
        line = bad_input(
            "save_result.py", toon, "--iden_path", tmp_path / "two.png", "--pose_path", inputs[1],
            "--save_dir", tmp_path / "out", "--which", "3",
        )  # fmt: skip
        assert "two.png: --which 3, but 2 figures found" in line

    def test_what_cannot_be_framed_is_said(self, toon, inputs, render, tmp_path):
        place([(person(120), (20, 10))], noise(160, 20), (160, 160)).save(tmp_path / "photo.png")
        Image.new("RGB", (50, 50), "white").save(tmp_path / "blank.png")
        _, err = render(toon, tmp_path / "photo.png", tmp_path / "blank.png")
        assert "photo.png: the figure can't be told" in err and "blank.png: one colour all over" in err

    def test_a_small_pose_places_the_output(self, toon, inputs, render, tmp_path):
        place([(person(60), (220, 20))], (235, 235, 235), (300, 300)).save(tmp_path / "small.png")
        render(toon, inputs[0], tmp_path / "small.png")
        assert pixels(tmp_path / "out" / "output.png").shape[0] > 3 * 32
        assert pixels(tmp_path / "out" / "iden_pose_output.png").shape == (32, 96, 3)


class TestAnimations:
    @pytest.mark.parametrize("name", ["dance.gif", "dance.png", "dance.webp"])
    @pytest.mark.parametrize("transparent", [False, True])
    def test_as_a_pose_they_are_videos(self, toon, inputs, render, tmp_path, name, transparent):
        out, _ = render(toon, inputs[0], moving_person(tmp_path / name, transparent))
        assert out.strip().endswith("output.mp4")
        with VideoReader(tmp_path / "out" / "output.mp4") as made:
            assert [round(1000 * float(t)) for t in made.times] == [0, 50, 150, 300, 500]
        with VideoReader(tmp_path / "out" / "iden_pose_output.mp4") as beside:
            corner = np.asarray(beside.read(2))[1, 34].astype(int)
            assert np.abs(corner - 235).max() < 6  # the known ground behind the pose

    def test_as_an_identity_they_are_their_first_figure(self, toon, inputs, render, tmp_path):
        blank = Image.new("RGB", (64, 64), (255, 255, 255))
        path = save_animation(tmp_path / "a.gif", [blank, place([(person(60), (2, 2))], (255, 255, 255), (64, 64))], 80)
        _, err = render(toon, path, inputs[1])
        assert "a.gif: an animation of 2 frames: the identity is taken from frame 2" in err


class TestFolders:
    def frames(self, folder, count=3):
        for i in range(count):
            place([(person(120), (10 + 4 * i, 24))], (235, 235, 235), (160, 160)).save(folder / f"f{i + 8}.png")

    def test_one_video_out_of_a_folder_of_frames(self, toon, inputs, render, tmp_path):
        (tmp_path / "frames").mkdir()
        self.frames(tmp_path / "frames")
        for form in ("mp4", "gif"):
            out, _ = render(toon, inputs[0], tmp_path / "frames", "--format", form)
            assert out.strip().endswith(f"output.{form}")
            with VideoReader(tmp_path / "out" / f"output.{form}") as made:
                assert len(made) == 3 and float(made.times[-1]) == pytest.approx(0.12, abs=0.001)
        out, _ = render(toon, inputs[0], tmp_path / "frames")
        assert "3 pictures" in out

    def test_frames_out_of_a_video(self, toon, inputs, render, tmp_path):
        out, _ = render(toon, inputs[0], moving_person(tmp_path / "a.gif"), "--format", "png")
        assert out.strip().endswith("output")
        assert [p.name for p in sorted((tmp_path / "out" / "output").iterdir())] == [f"{i:05d}.png" for i in range(4)]

    def test_what_is_passed_over_is_said_and_videos_among_poses_are_rendered(self, toon, inputs, render, tmp_path):
        poses = tmp_path / "poses"
        poses.mkdir()
        shutil.copy(inputs[1], poses / "b.png")
        Image.open(inputs[1]).save(poses / "c.jfif", "JPEG")
        moving_person(poses / "dance.gif")
        (poses / "notes.txt").write_text("hello")
        (poses / "d.psd").write_bytes(b"8BPS")
        out, err = render(toon, inputs[0], poses)
        assert "2 passed over" in err and "d.psd, notes.txt" in err
        made = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("output.*")}
        assert made == {"A__b/output.png", "A__c/output.png", "A__dance/output.mp4"}
        assert "3 pictures and videos" in out

    def test_sound_is_kept_or_said_to_be_left_out(self, toon, inputs, render, tmp_path):
        import av

        film = make_film_with_sound(tmp_path / "a.mp4", "aac", 1.0, frames=5)
        render(toon, inputs[0], film)
        with av.open(str(tmp_path / "out" / "output.mp4")) as made:
            assert made.streams.audio[0].codec_context.name == "aac"
        _, err = render(toon, inputs[0], film, "--format", "gif")
        assert "its sound is left out" in err


class TestNoise:
    @pytest.mark.parametrize(("levels", "ignored"), [(0, True), (20, False)])
    def test_a_model_that_ignores_noise_is_called_so(self, inputs, render, toon, monkeypatch, levels, ignored):
        """By the picture of noise zero beside that of the noise asked for."""
        import torch

        from capture.inference.transfer import PoseTransfer

        made = torch.full((1, 3, 32, 32), 100, dtype=torch.uint8)
        monkeypatch.setattr(PoseTransfer, "drive", lambda *args: iter([made + levels]))
        monkeypatch.setattr(PoseTransfer, "render", lambda *args, **more: made)
        _, err = render(toon, *inputs, "--noise_scale", "1")
        assert ("--noise_scale 1: this model ignores noise" in err) == ignored
        _, err = render(toon, *inputs)
        assert "ignores noise" not in err


class TestKeepAspect:
    def test_what_is_drawn_beyond_the_poses_strip_is_kept(self, toon, inputs, render, tmp_path, monkeypatch):
        from capture.inference.transfer import PoseTransfer

        def arms_out(self, identities, poses, *more):
            for _ in poses:
                import torch

                made = torch.full((1, 3, 32, 32), 235, dtype=torch.uint8)
                made[:, :, 4:28, 12:20], made[:, :, 10:14, 3:30] = 40, 90
                yield made

        monkeypatch.setattr(PoseTransfer, "drive", arms_out)
        place([(person(60), (-12, 40))], (235, 235, 235), (36, 144)).save(tmp_path / "narrow.png")
        render(toon, inputs[0], tmp_path / "narrow.png", "--keep_aspect", "--framing", "as_is")
        assert pixels(tmp_path / "out" / "output.png").shape == (32, 27, 3)


class TestAttention:
    def test_rows_have_a_legend(self, untrained, inputs, render, tmp_path):
        from capture.inference.attention_legend import row_labels

        render(untrained, *inputs, "--attention")
        sheet = pixels(tmp_path / "out" / "attention.png")
        left = sheet[:, : sheet.shape[1] - 5 * 132]
        assert left.shape[1] > 150 and (left < 100).any()
        rows = sheet.shape[0] // 132
        for row in range(rows):  # words beside each row
            assert (left[row * 132 : (row + 1) * 132] < 100).any()

        class One:
            side, rows = 32, "identity"

        labels = row_labels([One()])
        assert len(labels) == 4 and "32 x 32" in labels[0] and "Reverse attention 1 - B" in labels[3]


def test_evaluation_frames_pictures_only_where_it_is_asked(toon, tmp_path, run_main):
    for k, ground in enumerate([(80, 170, 230), (235, 235, 235)]):
        place([(person(120), (20, 24))], ground, (160, 160)).save(tmp_path / f"{k}.png")
    (tmp_path / "pairs.csv").write_text("identity;pose;target\n0.png;1.png;1.png\n1.png;1.png;1.png\n")
    made = {}
    for framing in ("as_is", "auto"):
        out = tmp_path / framing
        words = [toon, "--pairs", tmp_path / "pairs.csv", "--out", out, "--weights", tmp_path, "--framing", framing]
        status, text, err = run_main("evaluate.py", *words)
        assert status == 0, err
        assert ("--framing auto" in text) == (framing == "auto")
        made[framing] = [pixels(path) for path in sorted(out.glob("renders/*/*.png"))]
    assert np.abs(made["as_is"][0] - made["auto"][0]).max() > 0
    assert np.abs(made["auto"][0] - made["auto"][1]).mean() < 2  # the same figure on either ground
    assert (made["as_is"][1] == made["auto"][1]).all()


def test_result_that_names_no_dataset(toon, inputs, render, tmp_path):
    shutil.copytree(toon, tmp_path / "other")
    (tmp_path / "other" / "0config.yaml").write_text(dump_yaml(tiny_config("--dataset_path", "./drawings")))
    draw_figure(tmp_path / "C.png", 1, 2)
    _, err = render(tmp_path / "other", tmp_path / "C.png", inputs[1])
    assert "C.png" not in err
