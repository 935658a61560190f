"""Frames of videos by number: the right one, from any file that people have."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import shutil
import struct
from pathlib import Path

import av
import pytest

from capture.common.errors import CaptureError
from capture.io.video import VideoReader, is_video, video_frames
from capture.io.video.stream import VideoStream
from tests.helpers.make_videos import make_sound, make_video, number

B_FRAMES = {"bf": 3, "g": 8, "x264-params": "b-pyramid=normal:scenecut=0"}
OPEN_GOP = {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"}
HEVC = {"codec": "libx265", "x265-params": "keyint=8:min-keyint=8:open-gop=1:log-level=none"}
HIDDEN = {"codec": "libvpx", "g": 20, "auto-alt-ref": 1, "lag-in-frames": 16, "arnr-maxframes": 5, "b": "100k"}
UNEVEN = [0, 40, 80, 200, 210, 220, 600, 601, 602, 700, 800, 1500, 1600, 1640, 1700, 1701]
LATE, EARLY = [5000 + 40 * i for i in range(24)], [-300 + 40 * i for i in range(24)]


def decoded(path: Path) -> list[int]:
    """The numbers that decoding from the beginning shows."""
    with av.open(str(path)) as file:
        return [number(frame.to_image()) for frame in file.decode(video=0)]


def agrees(path: Path) -> int:
    """Whether every frame is the one that decoding from the beginning gives, in order and in none; how many."""
    want = decoded(path)
    with VideoReader(path) as reader:
        assert len(reader) == len(want)
        assert [number(reader.read(i)) for i in range(len(want))] == want
        order = random.Random(0).sample(range(len(want)), len(want))
        assert [number(reader.read(i)) for i in order] == [want[i] for i in order]
    return len(want)


def with_edits(path: Path, edits: list[tuple[int, int]], out: Path) -> Path:
    """Replace the edit list of a .mp4: (milliseconds, first frame shown; -1 for nothing)."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    data = path.read_bytes()
    at = data.find(b"edts") - 4
    old = struct.unpack_from(">I", data, at)[0]
    start = struct.unpack_from(">i", data, data.find(b"elst") + 16)[0]  # of frame 0, in 1/12800 s
    entries = b"".join(struct.pack(">IiI", ms, -1 if k < 0 else start + 512 * k, 1 << 16) for ms, k in edits)
    new = box(b"edts", box(b"elst", struct.pack(">II", 0, len(edits)) + entries))
    changed = bytearray(data[:at] + new + data[at + old :])
    for kind in (b"moov", b"trak"):
        where = changed.find(kind) - 4
        struct.pack_into(">I", changed, where, struct.unpack_from(">I", changed, where)[0] + len(new) - old)
    out.write_bytes(changed)
    return out


class TestVideoReader:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("b.mp4", B_FRAMES),
            ("b.mkv", B_FRAMES),
            ("b.mov", B_FRAMES),
            ("b.avi", B_FRAMES),  # stores no times of presentation
            ("pieces.mp4", {**B_FRAMES, "muxer": {"movflags": "frag_keyframe+empty_moov"}}),
            ("open.mp4", {"frames": 40, **OPEN_GOP}),
            ("open.mkv", {"frames": 40, **OPEN_GOP}),
            ("hevc.mp4", {"frames": 40, **HEVC}),
            ("refresh.mp4", {"x264-params": "intra-refresh=1:keyint=10"}),
            ("vp8.webm", {"frames": 60, **HIDDEN}),
            ("vp9.webm", {"codec": "libvpx-vp9", "g": 8, "deadline": "realtime"}),
            ("mpeg4.avi", {"codec": "mpeg4", "bf": 2, "g": 8}),
            ("mpeg2.mkv", {"codec": "mpeg2video", "bf": 2, "g": 8}),
            ("stills.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}),
            ("uneven.mp4", {"frames": 16, "times": UNEVEN, **B_FRAMES}),
            ("uneven.mkv", {"frames": 16, "times": UNEVEN, **B_FRAMES}),
            ("late.mp4", {"times": LATE, **B_FRAMES}),
            ("late.mkv", {"times": LATE, **B_FRAMES}),
            ("late.webm", {"times": LATE, "codec": "libvpx-vp9", "g": 8, "deadline": "realtime"}),
            ("early.mkv", {"times": EARLY, "muxer": {"avoid_negative_ts": "disabled"}, **B_FRAMES}),
        ],
    )
    def test_frame_i_is_the_ith_decoded_frame(self, tmp_path, name, options):
        path = make_video(tmp_path / name, **options)
        assert agrees(path) == options.get("frames", 24)

    def test_frames_before_time_zero_are_skipped(self, tmp_path):
        path = make_video(tmp_path / "early.mp4", times=EARLY, muxer={"avoid_negative_ts": "disabled"}, **B_FRAMES)
        assert agrees(path) == 16 and decoded(path)[0] == 8

    @pytest.mark.parametrize(("name", "options"), [("open.mp4", OPEN_GOP), ("open.mkv", OPEN_GOP), ("hevc.mp4", HEVC)])
    def test_cut_without_reference_frames(self, tmp_path, name, options):
        whole = make_video(tmp_path / name, 24, **options)
        with av.open(str(whole)) as a, av.open(str(tmp_path / f"cut_{name}"), "w") as b:
            stream, keys = b.add_stream_from_template(a.streams.video[0]), 0
            for packet in a.demux(video=0):
                keys += packet.is_keyframe
                if packet.size and keys > 1:
                    packet.stream = stream
                    b.mux(packet)
        assert agrees(tmp_path / f"cut_{name}") == 16

    @pytest.mark.parametrize(
        ("edits", "first", "count"),
        [
            ([(1600, 5)], 5, 35),
            ([(400, 13)], 13, 10),
            ([(400, 13), (800, 3)], 13, 30),
            ([(400, -1), (800, 3)], 3, 20),
            ([(400, 30), (400, 30)], 30, 20),
        ],
    )
    def test_edit_lists(self, tmp_path, edits, first, count):
        path = with_edits(make_video(tmp_path / "whole.mp4", 40, **B_FRAMES), edits, tmp_path / "edited.mp4")
        assert agrees(path) == count and decoded(path)[0] == first

    def test_reading_in_order_does_not_seek(self, tmp_path, monkeypatch):
        path = make_video(tmp_path / "b.mp4", 40, **B_FRAMES)
        sought, seek = [], VideoStream.seek
        monkeypatch.setattr(VideoStream, "seek", lambda stream, time: sought.append(time) or seek(stream, time))
        assert [number(image) for image in video_frames(path)] == list(range(40))
        assert [number(image) for image in video_frames(path, every=5)] == list(range(0, 40, 5))
        assert len(sought) <= 1 + 5  # every=5: where a keyframe lies between
        sought.clear()
        with VideoReader(path) as reader:
            for i in (30, 31, 33, 3, 4, 4):
                assert number(reader.read(i)) == i
        assert sought == [512 * 24, 0]

    def test_reader_can_be_pickled(self, tmp_path):
        path = make_video(tmp_path / "b.mp4", 24, **B_FRAMES)
        reader = VideoReader(path)
        assert number(reader.read(9)) == 9
        copy = pickle.loads(pickle.dumps(reader))
        assert len(copy) == 24 and number(copy.read(20)) == 20
        context = multiprocessing.get_context("fork")
        answers = context.SimpleQueue()
        child = context.Process(target=lambda: answers.put([number(reader.read(i)) for i in (10, 3, 11)]))
        child.start()
        child.join(30)
        assert answers.get() == [10, 3, 11]
        assert [number(reader.read(i)) for i in (10, 11, 12)] == [10, 11, 12]  # where it was, not where the child went

    def test_opens_on_use_and_closes(self, tmp_path):
        def opened() -> int:
            return sum(os.path.realpath(f"/proc/self/fd/{fd}") == str(path) for fd in os.listdir("/proc/self/fd"))

        path = tmp_path.resolve() / "b.mp4"
        reader = VideoReader(path)  # not there yet
        make_video(path, 24, **B_FRAMES)
        assert opened() == 0 and len(reader) == 24 and opened() == 0
        with reader:
            reader.read(3)
            assert opened() == 1
        assert opened() == 0 and number(reader.read(3)) == 3
        reader.close()
        with pytest.raises(IndexError):
            reader.read(24)

    def test_frames_are_copies(self, tmp_path):
        with VideoReader(make_video(tmp_path / "b.mp4", 4)) as reader:
            reader.read(1).paste((0, 0, 0), (0, 0, 64, 48))
            assert number(reader.read(1)) == 1


class TestIsVideo:
    @pytest.mark.parametrize(
        "name", ["a b.mp4", "näme.mp4", "画.mp4", "%03d.mp4", "http:x.mp4", "-o.mp4", os.fsdecode(b"\xff.mp4")]
    )
    def test_names_of_videos(self, tmp_path, name, monkeypatch):
        shutil.copy(make_video(tmp_path / "plain.mp4", 2), tmp_path / name)
        monkeypatch.chdir(tmp_path)
        assert is_video(Path(name)) and number(VideoReader(name).read(1)) == 1

    def test_other_names(self):
        assert is_video(Path("A.MP4")) and not is_video(Path(".a.mp4")) and not is_video(Path("a.png"))


def refused(path: Path) -> str:
    with pytest.raises(CaptureError) as caught:
        VideoReader(path).read(len(VideoReader(path)) - 1)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "")


class TestRefusedVideos:
    @pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("end.mp4", B_FRAMES),
            ("start.mp4", {**B_FRAMES, "muxer": {"movflags": "+faststart"}}),
            ("b.mkv", B_FRAMES),
            ("b.webm", {"codec": "libvpx-vp9", "deadline": "realtime"}),
            ("b.avi", {"codec": "mpeg4"}),
        ],
    )
    def test_truncated_videos(self, tmp_path, name, options, share):
        path = make_video(tmp_path / name, 100, **options)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        if (name, share) == ("b.avi", 0.999):  # only the list of keyframes at the end is cut
            assert agrees(path) == 100
        else:
            assert "cut off" in refused(path)

    def test_files_that_are_no_videos(self, tmp_path):
        (tmp_path / "text.mp4").write_text("Not a video at all.\n" * 50)
        assert "not a video" in refused(tmp_path / "text.mp4")
        (tmp_path / "empty.mp4").write_bytes(b"")
        assert "0 bytes" in refused(tmp_path / "empty.mp4")
        assert "no such file" in refused(tmp_path / "missing.mp4")
        (tmp_path / "folder.mp4").mkdir()
        assert "can't be read" in refused(tmp_path / "folder.mp4")
        assert "no video in it" in refused(make_sound(tmp_path / "sound.mp4"))

    def test_no_frames_and_an_unknown_codec(self, tmp_path):
        path = make_video(tmp_path / "none.mkv", 1)
        data = path.read_bytes()
        block = data.find(b"\xa3", data.find(bytes.fromhex("1f43b675")))  # the only SimpleBlock, voided
        (tmp_path / "none.mkv").write_bytes(data[:block] + b"\xec" + data[block + 1 :])
        assert "no frames" in refused(tmp_path / "none.mkv")
        path = make_video(tmp_path / "other.mp4", 3)
        path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
        assert "codec can't be decoded" in refused(path)

    def test_enormous_frames_are_refused_before_they_are_decoded(self, tmp_path):
        path = make_video(tmp_path / "huge.mov", 1, codec="qtrle", pixels="rgb24")
        data = bytearray(path.read_bytes())
        struct.pack_into(">HH", data, data.find(b"rle ", data.find(b"stsd")) + 28, 12000, 12000)
        path.write_bytes(data)
        assert "12000x12000 are over" in refused(path)

    def test_damaged_frame_is_named_and_the_others_read(self, tmp_path):
        path = make_video(tmp_path / "b.mp4", 40, (128, 96), bf=2, g=10)
        with av.open(str(path)) as file:
            first, last = [(p.pos, p.size) for p in file.demux(video=0) if p.is_keyframe and p.pts in (0, 512 * 20)]
        data = bytearray(path.read_bytes())
        at, size = last
        data[at + 6 : at + size] = bytes(255 - byte for byte in data[at + 6 : at + size])
        path.write_bytes(data)
        with VideoReader(path) as reader:
            assert [number(reader.read(i)) for i in (3, 15, 35)] == [3, 15, 35]
            with pytest.raises(CaptureError, match=r"b\.mp4: frame 20 of 40 is damaged( \([^()]+\))?; copy"):
                reader.read(20)
            assert [number(reader.read(i)) for i in (39, 2)] == [39, 2]
