"""Recording a webcam, in whose place FFmpeg's test pattern stands."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from capture.common.errors import CaptureError
from capture.inference.pose_frames import webcam_frames
from capture.io.video import webcam
from capture.io.video.webcam import camera_source, record

pattern = pytest.mark.skipif("lavfi" not in av.formats_available, reason="FFmpeg was built without its test sources")


@pytest.fixture
def camera(monkeypatch):
    """Let a test source of FFmpeg stand in for every camera."""

    def use(source: str, form: str = "lavfi") -> None:
        monkeypatch.setattr(webcam, "camera_source", lambda number: (source, form, {}))

    return use


@pattern
class TestRecord:
    def test_pictures_and_times_are_the_cameras(self, camera):
        """A red picture for a second, at ten pictures a second."""
        camera("color=red:size=64x48:rate=10:duration=1")
        recording = record(0, 5)
        assert len(recording) == 10 and recording.times == [Fraction(i, 10) for i in range(10)]
        picture = recording.read(7)
        assert picture.size == (64, 48) and np.abs(np.asarray(picture).astype(int) - (255, 0, 0)).max() <= 4

    def test_a_camera_that_never_ends_is_left_after_the_seconds(self, camera):
        camera("testsrc=size=64x48:rate=20")
        recording = record(0, 0.5)
        assert len(recording) == 10 and recording.times[-1] == Fraction(9, 20)
        assert not np.array_equal(recording.read(0), recording.read(9))

    def test_pictures_that_come_unevenly_keep_their_times(self, camera):
        camera("testsrc=size=64x48:rate=10:duration=1,select='not(eq(n,3))'")
        assert [int(10 * time) for time in record(0, 5).times] == [0, 1, 2, 4, 5, 6, 7, 8, 9]

    def test_the_caller_is_told_once_when_the_camera_is_open_and_before_its_first_picture(self, camera, monkeypatch):
        camera("testsrc=size=64x48:rate=10:duration=0.3")
        events, add = [], webcam.Recording.add
        monkeypatch.setattr(webcam.Recording, "add", lambda *args: (events.append("picture"), add(*args)))
        record(0, 5, lambda: events.append("open"))
        assert events == ["open", "picture", "picture", "picture"]

    def test_as_a_driver_the_last_picture_is_shown_as_long_as_the_others(self, camera):
        camera("testsrc=size=64x48:rate=10:duration=0.4")
        poses = webcam_frames(0, 5)
        assert poses.count == 4 and poses.times == [Fraction(i, 10) for i in range(5)]

    def test_a_camera_that_has_no_picture_yet_is_asked_again(self, camera, monkeypatch):
        """As AVFoundation's cameras are, which say so for their first moments."""
        camera("testsrc=size=64x48:rate=10:duration=0.5")
        asked, opened = [], av.open

        class Slow:
            def __init__(self, container):
                self.container, self.streams = container, container.streams

            def decode(self, **options):
                asked.append(options)
                if len(asked) < 3:
                    raise av.error.BlockingIOError(11, "Resource temporarily unavailable")
                return self.container.decode(**options)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.container.close()

        monkeypatch.setattr(av, "open", lambda *args, **options: Slow(opened(*args, **options)))
        assert len(record(0, 5)) == 5 and len(asked) == 3

    def test_a_camera_that_shows_nothing(self, camera):
        camera("testsrc=size=64x48:rate=10:duration=1,select=0")
        with pytest.raises(CaptureError, match="webcam:3: the camera shows nothing"):
            record(3, 1)


class TestErrors:
    def test_no_camera(self, camera, tmp_path):
        camera(str(tmp_path / "video7"), "v4l2" if "video4linux2,v4l2" in av.formats_available else "mp4")
        told = []
        with pytest.raises(CaptureError, match="webcam:7: no camera .*video7 is not there.; connect one, or give"):
            record(7, 1, lambda: told.append("open"))
        assert told == []

    def test_something_else_than_a_camera(self, camera, tmp_path):
        (tmp_path / "file").write_bytes(b"no camera")
        camera(str(tmp_path / "file"), "mp4")
        with pytest.raises(CaptureError, match="webcam:0: the camera can't be read"):
            record(0, 1)

    @pytest.mark.parametrize(
        ("platform", "expected"), [("linux", ("/dev/video2", "v4l2")), ("darwin", ("2:none", "avfoundation"))]
    )
    def test_names_of_cameras(self, platform, expected):
        assert camera_source(2, platform)[:2] == expected

    def test_other_systems_are_told_to_give_a_video(self):
        with pytest.raises(CaptureError, match="is for Linux and macOS"):
            camera_source(0, "win32")
