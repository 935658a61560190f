"""Prepared frames: what is in them, that they follow the dataset, and every way a build can end."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import time
from pathlib import Path

import av
import numpy as np
import pytest

from capture.common.errors import CaptureError
from capture.data import cache_build
from capture.data.cache import prepare_frames
from capture.data.cache_file import BUILDING, WHAT, WHOLE, PreparedFrames
from capture.data.decoding import FrameReader
from capture.data.index.catalog import Catalog, scan
from capture.io.array_file import Damaged, open_arrays
from tests.conftest import draw_figure
from tests.helpers.file_limit import limit_file_size
from tests.helpers.make_videos import make_video

SIZE = 24


@pytest.fixture
def copy(mixamo_tree, tmp_path, caplog) -> Path:
    caplog.set_level(logging.INFO, "capture")
    shutil.copytree(mixamo_tree, tmp_path / "copy", ignore=shutil.ignore_patterns(".capture"))
    return tmp_path / "copy"


def prepare(root: Path, size: int = SIZE, cache_gb: float = 1.0) -> PreparedFrames | None:
    return prepare_frames(scan(root), size, cache_gb, progress=False)


def right(prepared: PreparedFrames, catalog: Catalog) -> bool:
    """Whether it holds every frame as it is read from its file."""
    reader = FrameReader(catalog, prepared.array.shape[1])
    return len(prepared.array) == catalog.frames and all(
        np.array_equal(prepared.array[i], reader.read(i)) for i in range(catalog.frames)
    )


def rewrite(path: Path) -> None:
    draw_figure(path, 5, 9)


class TestBrokenFrames:
    def test_broken_frames_are_named_and_the_others_kept(self, copy, caplog):
        broken = sorted((copy / "train" / "character_1").rglob("*.png"))[:4]
        for path in broken:
            path.write_bytes(b"")
        with pytest.raises(CaptureError) as caught:
            prepare(copy)
        message = str(caught.value)
        assert message.startswith("4 of 18 frames can't be read: ") and message.count("an empty file") == 3
        assert str(broken[0]) in message and f"prepare.py check {copy} --fix" in message and "\n" not in message
        for path in broken:
            path.unlink()
        prepared = prepare(copy)
        assert right(prepared, scan(copy)) and "preparing 0 of 14 frames" in caplog.text

    def test_broken_video_is_named(self, tmp_path):
        root = tmp_path / "fashion"
        make_video(root / "train" / "a.mp4", 12)
        path = make_video(root / "train" / "b.mp4", 40, (128, 96), bf=2, g=10)
        with av.open(str(path)) as file:
            at, size = [(packet.pos, packet.size) for packet in file.demux(video=0) if packet.is_keyframe][2]
        data = bytearray(path.read_bytes())
        data[at + 6 : at + size] = bytes(255 - byte for byte in data[at + 6 : at + size])
        path.write_bytes(data)
        with pytest.raises(CaptureError, match=r"\d+ of 52 frames can't be read: .*b\.mp4: frame 20 of 40 is damaged"):
            prepare(root)

    def test_frame_that_disappears_is_named(self, copy):
        catalog = scan(copy)
        (copy / "train" / "character_1" / "run" / "001.png").unlink()
        with pytest.raises(CaptureError, match=r"run/001\.png: No such file .*, though it was there"):
            prepare_frames(catalog, SIZE, 1.0)


def in_another_process(root: Path, name: str = "", most_bytes: int | None = None) -> multiprocessing.Process:
    """Prepare at 256x256; what is logged goes to root/name.log."""

    def run() -> None:
        if most_bytes:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            limit_file_size(most_bytes)
        logger = logging.getLogger("capture")
        logger.setLevel(logging.INFO)
        logger.addHandler(logging.FileHandler(root / f"{name}.log"))
        prepared = prepare_frames(scan(root), 256, 1.0, progress=False)
        os._exit(0 if prepared is not None else 5)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


class TestPreparedFrames:
    def test_frames_equal_decoded_files(self, copy, caplog):
        prepared = prepare(copy)
        assert prepared.array.shape == (18, SIZE, SIZE, 3) and right(prepared, scan(copy))
        assert not prepared.array.flags.writeable
        assert caplog.messages == [
            f"preparing 18 of 18 frames at 24x24, once: 0.00 GB in {copy / '.capture' / 'frames_24'}"
        ]
        assert len(pickle.dumps(prepared)) < 300  # another process maps the file
        assert right(pickle.loads(pickle.dumps(prepared)), scan(copy))
        prepare(copy)
        assert len(caplog.messages) == 1
        assert prepare(copy, size=8).array.shape[1] == 8  # beside it
        assert sorted(path.name for path in (copy / ".capture").iterdir()) == ["frames_24", "frames_8"]

    def test_videos_and_pictures_together(self, tmp_path):
        root = tmp_path / "fashion"
        for name in "ab":
            make_video(root / "train" / f"{name}.mp4", 40)
        for i in range(3):
            draw_figure(root / "train" / "ä b" / f"{i}.jpg", 1, i)
        prepared = prepare(root)
        assert len(prepared.array) == 83 and right(prepared, scan(root))

    def test_frames_over_the_limit_are_not_prepared(self, copy, caplog):
        assert prepare(copy, cache_gb=0) is None and not caplog.messages
        needed = 18 * SIZE * SIZE * 3 / 1e9
        assert prepare(copy, cache_gb=needed * 0.99) is None
        assert "18 frames at 24x24 take 0.0 GB, more than cache_gb 3.0793e-05: each is decoded" in caplog.text
        assert not (copy / ".capture").exists()
        assert prepare(copy, cache_gb=needed) is not None

    def test_read_only_dataset(self, copy, tmp_path, monkeypatch, caplog):
        (copy / ".capture").write_text("in the way")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        prepared = prepare(copy)
        assert right(prepared, scan(copy)) and prepared.path.is_relative_to(tmp_path / "cache" / "capture")
        monkeypatch.setenv("XDG_CACHE_HOME", str(copy / ".capture"))
        assert prepare(copy) is None and "no folder to keep prepared frames in" in caplog.text

    def test_full_disk(self, copy):
        process = in_another_process(copy, most_bytes=20000)
        process.join()
        assert (
            process.exitcode == 5 and "frames can't be prepared there (File too large)" in (copy / ".log").read_text()
        )
        assert not list((copy / ".capture" / "frames_256").glob("frames*"))


@pytest.fixture
def slow(tmp_path) -> Path:
    """A tree that takes a second to prepare: 3 characters of 13 frames of 1000x1000."""
    draw_figure(tmp_path / "big.png", 1, 1, size=1000)
    for c in range(3):
        (tmp_path / "slow" / "train" / f"character_{c}" / "run").mkdir(parents=True)
        for i in range(13):
            os.link(tmp_path / "big.png", tmp_path / "slow" / "train" / f"character_{c}" / "run" / f"{i:02d}.png")
    return tmp_path / "slow"


def wait_for_frames(root: Path, count: int) -> None:
    building, until = root / ".capture" / "frames_256" / BUILDING, time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError, Damaged):
            if (open_arrays(building, WHAT)[1]["crcs"] > 0).sum() >= count:
                return
        time.sleep(0.005)
    raise AssertionError("nothing is being prepared")


class TestRebuild:
    @pytest.mark.parametrize(
        ("change", "again"),
        [
            (lambda train: rewrite(train / "character_1" / "run" / "001.png"), 1),
            (lambda train: rewrite(train / "character_1" / "run" / "000a.png"), 1),
            (lambda train: (train / "character_0" / "run" / "001.png").unlink(), 0),
            (lambda train: (train / "character_0").rename(train / "zoe"), 6),
        ],
    )
    def test_changed_dataset_keeps_unchanged_frames(self, copy, caplog, change, again):
        old = prepare(copy)
        kept = old.array.copy()
        change(copy / "train")
        prepared, catalog = prepare(copy), scan(copy)
        assert right(prepared, catalog)
        assert "has changed since its frames were prepared: preparing them again" in caplog.text
        assert f"preparing {again} of {catalog.frames} frames" in caplog.text
        assert np.array_equal(old.array, kept)  # a run that began before goes on with what it has
        assert sorted(path.name for path in prepared.path.parent.iterdir()) == [WHOLE, "lock"]

    def test_damaged_file_is_rebuilt(self, copy, caplog):
        path = prepare(copy).path
        for data in (b"", path.read_bytes()[:-1], b"x" * 5000):
            path.unlink()
            path.write_bytes(data)
            assert right(prepare(copy), scan(copy))
        # half-written by a crash of the machine: a frame that is marked as there and isn't
        building = path.with_name(BUILDING)
        path.rename(building)
        arrays = open_arrays(building, WHAT, writable=True)[1]
        arrays["frames"][5] = 0
        arrays["crcs"][7] = 0
        caplog.clear()
        assert right(prepare(copy), scan(copy)) and "preparing 2 of 18 frames" in caplog.text

    def test_killed_build_is_resumed_and_two_processes_build_once(self, slow):
        first = in_another_process(slow)
        wait_for_frames(slow, 5)
        first.kill()
        first.join()
        assert not (slow / ".capture" / "frames_256" / WHOLE).exists()
        both = [in_another_process(slow, name) for name in "ab"]
        for process in both:
            process.join()
            assert process.exitcode == 0
        logs = "".join((slow / f"{name}.log").read_text() for name in "ab")
        (left,) = re.findall(r"preparing (\d+) of 39", logs)  # by one of them
        assert int(left) <= 34
        assert right(prepare_frames(scan(slow), 256, 1.0), scan(slow))

    def test_several_processes_build_large_datasets(self, slow, monkeypatch):
        monkeypatch.setattr(cache_build, "WORTH_PROCESSES", 0)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
        prepared = prepare_frames(scan(slow), 16, 1.0, progress=False)
        assert right(prepared, scan(slow))
