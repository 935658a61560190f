"""Motions in the box: what is drawn, from where, with which proportions, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from capture.cli import animation_options
from capture.common.errors import CaptureError
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.inference.figure_measures import FigureMeasures, measure_figure
from capture.inference.motion import (
    CANDIDATES,
    DIRECTIONS,
    MOTIONS,
    PLAIN_STYLE,
    USUAL,
    candidate_measures,
    choose_character,
    motion_frames,
    motion_poses,
    motion_sheet,
)
from capture.inference.transfer import PoseTransfer
from capture.io.images import image_to_tensor
from capture.io.iuv import PART
from capture.io.video import VideoReader
from tests.conftest import tiny_config
from tests.helpers.make_figures import person, place

SIZE = 32


def figure(frame: np.ndarray) -> np.ndarray:
    """Where a frame shows the figure, bool (S, S)."""
    return (np.abs(frame.astype(int) - 235) > 20).any(-1)


class TestFrames:
    def test_a_loop_of_pictures(self):
        frames = motion_frames("walk", SIZE, 4)
        assert len(frames) == 4 and all(f.shape == (SIZE, SIZE, 3) and f.dtype == np.uint8 for f in frames)
        assert all((frame[0, 0] == 235).all() and 20 < figure(frame).sum() < 500 for frame in frames)
        assert not np.array_equal(frames[0], frames[1])

    def test_the_same_request_gives_the_same_pictures(self):
        assert all(map(np.array_equal, motion_frames("run", SIZE, 3, "left"), motion_frames("run", SIZE, 3, "left")))

    def test_every_motion_is_drawn(self):
        assert len(MOTIONS) == 29
        for name in MOTIONS:
            assert figure(motion_frames(name, 16, 1)[0]).sum() > 10

    def test_left_faces_the_left_of_the_picture(self):
        """A punch goes where the figure faces: the reach beyond the trunk is on that side."""
        reach = {}
        for direction in ("left", "right"):
            columns = [figure(frame).any(0).nonzero()[0] for frame in motion_frames("punch", 64, 8, direction)]
            reach[direction] = (min(c[0] for c in columns) + max(c[-1] for c in columns)) / 2
            trunk = np.median([figure(f).sum(0).argmax() for f in motion_frames("punch", 64, 8, direction)])
            reach[direction] -= trunk
        assert reach["left"] < 0 < reach["right"]

    def test_the_face_is_seen_from_the_front_alone(self):
        """By the map of its parts; the picture of the same shot is the motion's."""
        faces = {}
        for direction in ("front", "back"):
            shot = Shot(choose_character(USUAL), "idle", PLAIN_STYLE, 0.0, View(DIRECTIONS[direction]))
            drawn = render([shot], 64, outputs=("rgb", "iuv"))
            assert np.array_equal(drawn["rgb"][0].permute(1, 2, 0), motion_frames("idle", 64, 1, direction)[0])
            faces[direction] = int((drawn["iuv"][0, 0] == PART["head"] + 1).sum())
        assert faces["front"] > 2 * faces["back"]

    def test_directions_are_those_that_the_command_offers(self):
        assert tuple(DIRECTIONS) == animation_options.DIRECTIONS
        pictures = [motion_frames("walk", SIZE, 1, direction)[0] for direction in DIRECTIONS]
        assert len({picture.tobytes() for picture in pictures}) == 8

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [({"name": "wlak"}, "did you mean walk"), ({"name": "dance"}, "dance_[abc]"),
         ({"name": "zzzz"}, "motion:list shows all"), ({"direction": "up"}, "front_left"),
         ({"frames": 0}, "1 to 240"), ({"frames": 1000}, "1 to 240")],
    )  # fmt: skip
    def test_what_is_refused(self, arguments, complaint):
        with pytest.raises(CaptureError, match=complaint):
            motion_frames(**{"name": "walk", "size": SIZE, **arguments})

    def test_the_sheet_of_all_motions(self):
        sheet = np.asarray(motion_sheet(16, 2))
        assert sheet.shape[0] == 15 * 20 and (sheet == 235).all(-1).mean() > 0.1


class TestPoses:
    def test_directions_follow_one_another_with_tags(self):
        poses = motion_poses("walk", SIZE, ("front", "left"), frames=3, fps=10)
        assert poses.count == 6 and poses.drawn and float(poses.times[-1]) == pytest.approx(0.6)
        assert [(tag.name, tag.first, tag.last) for tag in poses.tags] == [("walk_front", 0, 2), ("walk_left", 3, 5)]
        left = motion_frames("walk", SIZE, 3, "left")
        assert all(np.array_equal(np.asarray(poses.read(3 + i)), left[i]) for i in range(3))


class TestMeasures:
    def test_the_nearest_candidate_is_chosen(self):
        measured = candidate_measures()
        assert set(measured) == set(CANDIDATES)
        for seed in CANDIDATES[::6]:
            assert measured[choose_character(measured[seed])] == measured[seed]

    def test_candidates_differ_in_head_and_width(self):
        heads = [measures.head_share for measures in candidate_measures().values()]
        widths = [measures.height_to_width for measures in candidate_measures().values()]
        assert min(heads) < 0.22 and max(heads) > 0.45 and min(widths) < 1.5 and max(widths) > 2.1

    def test_a_large_head_gets_a_driver_with_a_large_head(self):
        measured = candidate_measures()
        large, small = (measured[choose_character(FigureMeasures(1.7, share))] for share in (0.48, 0.2))
        assert large.head_share > small.head_share + 0.15

    def test_without_a_head_the_width_decides(self):
        slim, stout = (candidate_measures()[choose_character(FigureMeasures(ratio))] for ratio in (2.2, 1.35))
        assert slim.height_to_width > stout.height_to_width + 0.5

    def test_measures_of_a_figure(self):
        mask = np.zeros((40, 40), bool)
        mask[4:36, 12:28] = True
        assert FigureMeasures.of(mask) == FigureMeasures(2.0)
        parts = np.zeros((20, 20), int)
        parts[2:8, 6:14], parts[8:18, 6:14] = PART["head"] + 1, PART["chest"] + 1
        parts[15, 7] = PART["face"] + 1  # an error of the segmentation
        assert FigureMeasures.of(mask, parts) == FigureMeasures(2.0, 12 / 32)
        assert FigureMeasures.of(np.zeros((8, 8), bool)) is None

    def test_a_picture_without_a_figure_and_a_method_without_parts(self, untrained):
        transfer = PoseTransfer.load(untrained, "cpu")
        blank = torch.full((3, 32, 32), 235, dtype=torch.uint8)
        assert measure_figure(transfer, blank) is None
        drawn = image_to_tensor(place([(person(28), (2, 2))], (235, 235, 235), (32, 32)))
        measures = measure_figure(transfer, drawn)
        assert measures.head_share is None and 1.5 < measures.height_to_width < 3

    def test_capture_parts_segments_pictures(self):
        from capture.methods.build import build_generator

        torch.manual_seed(0)
        config = tiny_config("--method", "capture_parts")
        transfer = PoseTransfer(build_generator(config), config, torch.device("cpu"))
        drawn = image_to_tensor(place([(person(56), (4, 4))], (235, 235, 235), (64, 64)))
        parts = transfer.segment(drawn[None])
        assert parts.shape[0] == 1 and parts.dtype == torch.int64
        assert parts.min() >= 0 and parts.max() <= len(PART) and len(parts.unique()) > 1
        logits = transfer.encode_identity(drawn[None] / 127.5 - 1)["segmentation_logits"]
        assert torch.equal(parts, logits.argmax(1))


@pytest.fixture
def toon(untrained_toon):
    return untrained_toon


@pytest.fixture
def drawing(tmp_path):
    path = tmp_path / "hero.png"
    person(120).save(path)
    return path


class TestCommand:
    def test_eight_directions_on_one_sheet(self, toon, drawing, tmp_path, run_main):
        out = tmp_path / "out"
        words = ["--directions", "8", "--frames", "3", "--fps", "10", "--format", "sheet"]
        status, printed, err = run_main(
            "save_result.py", toon, "--iden_path", drawing, "--pose_path", "motion:walk", "--save_dir", out, *words
        )
        assert status == 0 and printed.strip().endswith("output.png and output.json"), err
        assert sorted(p.name for p in out.iterdir()) == ["iden_pose_output.webp", "output.json", "output.png"]
        data = json.loads((out / "output.json").read_text())
        assert Image.open(out / "output.png").size == (3 * 32, 8 * 32)
        tags = [(tag["name"], tag["from"], tag["to"]) for tag in data["meta"]["frameTags"]]
        assert tags == [(f"walk_{name}", 3 * k, 3 * k + 2) for k, name in enumerate(DIRECTIONS)]
        assert {row["duration"] for row in data["frames"]} == {100}

    def test_the_driver_is_what_motion_frames_draws(self, toon, drawing, tmp_path, run_main):
        words = ["--iden_path", drawing, "--save_dir", tmp_path / "out", "--direction", "left", "--frames", "3"]
        run_main("save_result.py", toon, "--pose_path", "motion:wave", "--format", "webp", *words)
        transfer = PoseTransfer.load(toon, "cpu")
        with VideoReader(tmp_path / "out" / "iden_pose_output.webp") as beside:
            shown = np.asarray(beside.read(1))
        like = measure_figure(transfer, image_to_tensor(Image.fromarray(shown[:, :32])))
        assert np.array_equal(shown[:, 32:64], motion_frames("wave", 32, 3, "left", like)[1])
        with VideoReader(tmp_path / "out" / "output.webp") as made:
            assert len(made) == 3 and np.array_equal(np.asarray(made.read(1)), shown[:, 64:])

    def test_a_folder_of_drawings(self, toon, tmp_path, run_main):
        for name in ("x", "y"):
            (tmp_path / "who").mkdir(exist_ok=True)
            person(100).save(tmp_path / "who" / f"{name}.png")
        status, printed, err = run_main(
            "save_result.py", toon, "--iden_path", tmp_path / "who", "--pose_path", "motion:run",
            "--save_dir", tmp_path / "out", "--frames", "2", "--format", "gif",
        )  # fmt: skip
        assert status == 0 and "2 videos" in printed, err
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["x__run", "y__run"]

    def test_the_list_of_motions_needs_no_weights(self, tmp_path, run_main, monkeypatch):
        from capture.inference import motion

        monkeypatch.setattr(motion, "motion_sheet", lambda: motion_sheet(16, 1))
        status, printed, _ = run_main(
            "save_result.py", "nothing", "--pose_path", "motion:list", "--save_dir", tmp_path / "out"
        )
        assert status == 0 and "motion:walk" in printed.splitlines()
        assert Image.open(tmp_path / "out" / "motions.png").size[0] > 100

    def test_a_sprite_sheet_drives(self, toon, drawing, tmp_path, run_main):
        cells = [np.asarray(person(60)) for _ in range(3)]
        Image.fromarray(np.concatenate(cells, 1)).save(tmp_path / "moves.png")
        status, _, err = run_main(
            "save_result.py", toon, "--iden_path", drawing, "--pose_path", tmp_path / "moves.png",
            "--save_dir", tmp_path / "out", "--format", "apng",
            "--pose_grid", "3x1", "--pose_frames", "0-2", "--fps", "5",
        )  # fmt: skip
        assert status == 0, err
        with VideoReader(tmp_path / "out" / "output.png") as made:
            assert [float(t) for t in made.times] == pytest.approx([0, 0.2, 0.4, 0.6])

    def test_single_pictures_as_webp(self, toon, drawing, tmp_path, run_main):
        words = ["--iden_path", drawing, "--pose_path", drawing, "--save_dir", tmp_path / "out", "--format", "webp"]
        status, printed, err = run_main("save_result.py", toon, *words)
        assert status == 0 and printed.strip().endswith("output.webp"), err
        with Image.open(tmp_path / "out" / "output.webp") as image:
            assert image.format == "WEBP" and getattr(image, "n_frames", 1) == 1

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [(["motion:wlak"], "did you mean walk"),
         (["motion:walk", "--direction", "left", "--directions", "8"], "give one of them"),
         (["motion:walk", "--fps", "0"], "0.1 to 120"),
         (["motion:walk", "--frames", "0"], "1 to 240"),
         (["motion:walk", "--pose_grid", "3x1"], "is a motion and no sprite sheet"),
         (["motion:walk", "--padding", "2"], "only with --format sheet"),
         (["motion:walk", "--keep_aspect"], "are for pictures"),
         (["hero.png", "--frames", "3"], "only with --pose_path motion:NAME"),
         (["hero.png", "--fps", "3"], "only with a motion, a sprite sheet or a folder"),
         (["hero.png", "--pose_frames", "0"], "only with --pose_grid"),
         (["hero.png", "--format", "gif"], "hero.png is one picture"),
         (["hero.png", "--format", "sheet", "--padding", "-1"], "0 to 256"),
         (["hero.png", "--pose_grid", "7x1"], "do not divide")],
    )  # fmt: skip
    def test_what_is_refused_leaves_nothing(self, toon, drawing, tmp_path, bad_input, words, complaint):
        pose = drawing if words[0] == "hero.png" else words[0]
        line = bad_input(
            "save_result.py", toon, "--iden_path", drawing, "--pose_path", pose,
            "--save_dir", tmp_path / "out", *words[1:],
        )  # fmt: skip
        assert complaint in line and not (tmp_path / "out").exists()
