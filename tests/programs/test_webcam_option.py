"""save_result.py --pose_path webcam:0, with FFmpeg's test pattern in place of a camera."""

from __future__ import annotations

import av
import pytest

from capture.io.video import VideoReader, webcam
from tests.conftest import draw_figure


@pytest.fixture
def camera(monkeypatch):
    numbers = []

    def source(number):
        numbers.append(number)
        return "testsrc=size=64x48:rate=10", "lavfi", {}

    monkeypatch.setattr(webcam, "camera_source", source)
    return numbers


@pytest.fixture
def drawing(tmp_path):
    draw_figure(tmp_path / "hero.png", 1, 2, 64)
    return tmp_path / "hero.png"


@pytest.mark.skipif("lavfi" not in av.formats_available, reason="FFmpeg was built without its test sources")
class TestWebcam:
    def test_a_webcam_drives(self, untrained, drawing, camera, tmp_path, run_main):
        words = [untrained, "--iden_path", drawing, "--pose_path", "webcam:2", "--save_dir", tmp_path / "out"]
        status, out, err = run_main("save_result.py", *words, "--seconds", "0.6")
        assert status == 0 and camera == [2] and "webcam:2: recording for 0.6 seconds" in err
        assert out.strip().endswith("output.mp4")
        with VideoReader(tmp_path / "out" / "output.mp4") as made:
            assert len(made) == 6 and float(made.times[-1]) == pytest.approx(0.6)

    def test_nobody_is_recorded_for_a_drawing_that_cannot_be_read(self, untrained, camera, tmp_path, bad_input):
        words = ["--iden_path", tmp_path / "gone.png", "--pose_path", "webcam", "--save_dir", tmp_path / "out"]
        assert "gone.png: no such file" in bad_input("save_result.py", untrained, *words)
        assert camera == []

    def test_a_recording_is_announced_only_when_it_has_begun(self, untrained, drawing, monkeypatch, tmp_path, run_main):
        gone = "testsrc=size=64x48:rate=10:duration=1,select=0"  # a camera without a picture
        monkeypatch.setattr(webcam, "camera_source", lambda number: (gone, "lavfi", {}))
        words = ["--iden_path", drawing, "--pose_path", "webcam:7", "--save_dir", tmp_path / "out"]
        status, _, err = run_main("save_result.py", untrained, *words)
        assert status == 2 and "webcam:7: the camera shows nothing" in err and "recording" not in err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["webcam:0"], "webcam:0: no camera (/nowhere/video0 is not there); connect one"),
        (["webcam:front"], "--pose_path webcam:front: give the number of a camera, such as webcam:0"),
        (["webcam:0", "--seconds", "900"], "--seconds 900: give 0.1 to 60 seconds"),
        (["hero.png", "--seconds", "3"], "--seconds: only with --pose_path webcam:N"),
        (["webcam:0", "--pose_grid", "2x2"], "--pose_grid: --pose_path is a webcam"),
        (["webcam:0", "--fps", "9"], "--fps: only with"),
    ],
)
def test_what_is_refused_leaves_nothing_and_announces_no_recording(
    untrained, drawing, tmp_path, run_main, monkeypatch, words, complaint
):
    form = "v4l2" if "video4linux2,v4l2" in av.formats_available else "mp4"
    monkeypatch.setattr(webcam, "camera_source", lambda number: (f"/nowhere/video{number}", form, {}))
    given = [untrained, "--iden_path", drawing, "--save_dir", tmp_path / "out", "--pose_path", *words]
    status, _, err = run_main("save_result.py", *given)
    assert status == 2 and complaint in err and err.count("error:") == 1
    assert "recording for" not in err
    assert not (tmp_path / "out").exists()
