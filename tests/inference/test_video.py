"""save_result.py with a video for a pose."""

from __future__ import annotations

import contextlib
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

from capture.common.threads import available_cores
from capture.inference import video
from capture.inference.formats import registry
from capture.inference.formats.registry import movie
from capture.inference.transfer import PoseTransfer
from capture.io.images import image_to_tensor, load_image, to_square
from capture.io.video import VideoReader
from tests.conftest import draw_figure
from tests.helpers.make_videos import make_video


@pytest.fixture(scope="module")
def result(untrained):
    return untrained


@pytest.fixture
def inputs(tmp_path):
    draw_figure(tmp_path / "A.png", 1, 2)
    return tmp_path / "A.png", make_video(tmp_path / "dance.mp4", 11)


def command(result, inputs, out, *more):
    return [result, "--iden_path", inputs[0], "--pose_path", inputs[1], "--save_dir", out, *more]


def test_every_frame_is_the_picture_that_it_would_be_alone(result, inputs, tmp_path, run_main):
    status, out, err = run_main("save_result.py", *command(result, inputs, tmp_path / "out", "--batch_size", "4"))
    assert status == 0 and out.strip().endswith("output.mp4"), err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["iden_pose_output.mp4", "output.mp4"]
    transfer, who = PoseTransfer.load(result, "cpu"), load_image(inputs[0], 32)
    with VideoReader(inputs[1]) as poses, VideoReader(tmp_path / "out" / "output.mp4") as made:
        assert len(made) == len(poses) == 11 and made.rate == poses.rate == 25
        for i in range(11):
            pose = image_to_tensor(to_square(poses.read(i), 32))
            expected = transfer.render(who[None], pose[None])[0].permute(1, 2, 0).numpy().astype(int)
            got = np.asarray(made.read(i)).astype(int)
            assert got.shape == (32, 32, 3) and np.abs(got - expected).mean() < 12  # H.264 at half the colours
    with VideoReader(tmp_path / "out" / "iden_pose_output.mp4") as beside:
        frame = np.asarray(beside.read(10)).astype(int)
        assert frame.shape == (32, 96, 3) and np.abs(frame[:, :32] - np.asarray(Image.open(inputs[0]))).mean() < 12


def test_stages_at_the_same_time_make_the_pictures_of_a_loop(result, inputs, tmp_path, run_main, monkeypatch):
    """Pictures are the same to the bit; files are compared as pictures, since x264's bytes can differ between runs."""
    written = defaultdict(list)

    @contextlib.contextmanager
    def recorded(path, form, timeline, settings):
        with movie(path, form, timeline, settings) as write:
            yield lambda picture: [written[path].append(np.array(picture)), write(picture)]

    monkeypatch.setattr(video, "movie", recorded)
    run_main("save_result.py", *command(result, inputs, tmp_path / "stages", "--batch_size", "4"))
    monkeypatch.setattr(video, "read_ahead", contextlib.nullcontext)
    monkeypatch.setattr(video, "write_behind", contextlib.nullcontext)
    run_main("save_result.py", *command(result, inputs, tmp_path / "loop", "--batch_size", "4"))
    for name in ("output", "iden_pose_output"):
        stages, loop = (written[tmp_path / way / name] for way in ("stages", "loop"))
        assert len(stages) == len(loop) == 11 and np.array_equal(stages, loop)
        with (
            VideoReader(tmp_path / "stages" / f"{name}.mp4") as one,
            VideoReader(tmp_path / "loop" / f"{name}.mp4") as other,
        ):
            for i in range(11):
                apart = np.asarray(one.read(i)).astype(int) - np.asarray(other.read(i)).astype(int)
                assert np.abs(apart).mean() < 1


def test_a_folder_of_characters(result, inputs, tmp_path, run_main):
    for name in ("x", "y"):
        draw_figure(tmp_path / "who" / f"{name}.png", ord(name), 3)
    status, out, _ = run_main("save_result.py", *command(result, (tmp_path / "who", inputs[1]), tmp_path / "out"))
    assert status == 0 and "2 videos" in out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["x__dance", "y__dance"]


def test_many_characters_take_few_encoders_and_threads(result, inputs, tmp_path, run_main, monkeypatch):
    """Nineteen characters go through the video in groups, and their videos are what each one's would be alone."""
    for i in range(19):
        draw_figure(tmp_path / "who" / f"{i:02d}.png", i, 3)
    open_now, most, threads = 0, 0, []

    @contextlib.contextmanager
    def counted(path, form, timeline, settings):
        nonlocal open_now, most
        open_now, most = open_now + 1, max(most, open_now + 1)
        threads.append(settings.threads)
        with movie(path, form, timeline, settings) as write:
            yield write
        open_now -= 1

    monkeypatch.setattr(video, "movie", counted)
    status, out, _ = run_main("save_result.py", *command(result, (tmp_path / "who", inputs[1]), tmp_path / "out"))
    assert status == 0 and "19 videos" in out
    assert most == 2 * video.TOGETHER and len(threads) == 38 and max(threads) * most <= max(most, available_cores())
    alone = command(result, (tmp_path / "who" / "17.png", inputs[1]), tmp_path / "alone")
    assert run_main("save_result.py", *alone)[0] == 0
    paths = (tmp_path / "out" / "17__dance" / "output.mp4", tmp_path / "alone" / "output.mp4")
    with VideoReader(paths[0]) as one, VideoReader(paths[1]) as other:
        assert len(one) == len(other) == 11
        difference = np.asarray(one.read(10)).astype(int) - np.asarray(other.read(10))
        assert np.abs(difference).mean() < 3


def test_threads_of_encoders_are_bounded_by_the_cores(monkeypatch):
    for cores, encoders, threads in ((2, 2, 1), (2, 16, 1), (16, 2, 4), (16, 8, 2)):
        monkeypatch.setattr(registry, "available_cores", lambda cores=cores: cores)
        assert registry.encoder_threads(encoders) == threads


def test_bad_input_leaves_nothing(result, inputs, tmp_path, bad_input):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(inputs[1].read_bytes()[:700])
    for argv, complaint in (
        (command(result, (inputs[0], cut), tmp_path / "out"), "cut.mp4"),
        (command(result, (inputs[1], inputs[1]), tmp_path / "out"), "dance.mp4"),
        (command(result, inputs, tmp_path / "out", "--keep_aspect"), "are for pictures"),
        (command(result, inputs, tmp_path / "out", "--attention"), "are for pictures"),
        (command(result, inputs, tmp_path / "out", "--relative"), "this method has no relative mode"),
    ):
        assert complaint in bad_input("save_result.py", *argv)
        assert not list(tmp_path.glob("out/*"))


def test_a_full_disk_leaves_the_old_video(result, inputs, tmp_path, programs):
    argv = command(result, inputs, tmp_path / "out")
    assert programs.run("save_result.py", *argv).status == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    line = programs.run("save_result.py", *argv, file_limit=1000).error()
    assert "File too large" in line and "mp4: can't be written" in line
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
