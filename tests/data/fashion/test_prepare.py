"""Fashion videos -> folders of frames."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.fashion.prepare import prepare_fashion
from capture.data.index.catalog import scan
from capture.io.images import open_rgb, to_square
from capture.io.pairs import self_pairs
from capture.io.video import VideoReader
from tests.conftest import ROOT, start
from tests.helpers.make_figures import save_animation
from tests.helpers.make_videos import make_video, number, numbered
from tests.helpers.process_groups import group_has_ended


@pytest.fixture(scope="module")
def download(tmp_path_factory) -> Path:
    """Three videos to train on, upright ones of 48x64, and two to test with."""
    root = tmp_path_factory.mktemp("download")
    for k, name in enumerate(("train/a+1.mp4", "train/b c.mp4", "train/below/ü.webm", "test/d.mp4", "test/e.mp4")):
        codec = {"codec": "libvpx-vp9", "deadline": "realtime"} if name.endswith("webm") else {"bf": 2, "crf": 8}
        make_video(root / name, 6 + k, (48, 64), **codec)
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def address(download):
    handler = functools.partial(Quiet, directory=str(download))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class TestPrepareFashion:
    def test_tree_for_training_and_evaluation(self, download, tmp_path):
        out = tmp_path / "Fashion_dataset"
        out.mkdir()
        (out / "README.md").write_text("The repository's own.")
        manifest = prepare_fashion(download, out, size=32, workers=2)
        assert json.loads((out / "manifest.json").read_text()) == {"version": 1, **manifest}
        assert manifest["kind"] == "fashion" and manifest["size"] == 32 and manifest["every"] == 1
        assert manifest["clips"] == {"train": {"a+1": 6, "b c": 7, "ü": 8}, "test": {"d": 9, "e": 10}}
        assert manifest["frames"] == {"train": 21, "test": 19} and manifest["broken"] == {}
        catalog = scan(out)
        assert catalog.kind == "fashion" and (catalog.clips, catalog.frames) == (3, 21) and not catalog.aligned
        with VideoReader(download / "train" / "b c.mp4") as reader:
            for i in range(7):
                square = open_rgb(out / "train" / "b c" / f"{i:05d}.png")
                assert square.size == (32, 32) and np.array_equal(square, to_square(reader.read(i), 32))
                assert number(square.crop((4, 0, 28, 32))) == i and square.getpixel((1, 16)) == (255, 255, 255)
        assert len(self_pairs(out / "test")) == 19

    def test_every_other_frame_as_jpeg(self, download, tmp_path):
        manifest = prepare_fashion(download, tmp_path / "fashion", size=64, every=3, format="jpg", workers=1)
        assert manifest["clips"]["train"] == {"a+1": 2, "b c": 3, "ü": 3}
        folder = tmp_path / "fashion" / "train" / "b c"
        assert sorted(p.name for p in folder.iterdir()) == ["00000.jpg", "00003.jpg", "00006.jpg"]
        shown = Image.open(folder / "00003.jpg")
        assert shown.format == "JPEG" and number(shown.convert("RGB").crop((8, 0, 56, 64))) == 3

    def test_finished_videos_are_kept_and_unfinished_ones_decoded(self, download, tmp_path):
        out = tmp_path / "fashion"
        prepare_fashion(download, out, size=16, workers=1)
        whole = tree(out)
        mark = out / "train" / "a+1" / "00000.png"
        before = mark.stat().st_mtime_ns
        # as a killed run leaves it
        (out / "train" / "b c").rename(out / "train" / ".b c.decoding")
        (out / "train" / ".b c.decoding" / "00003.png").unlink()
        (out / "manifest.json").unlink()
        started = {"version": 1, "kind": "fashion", "aligned": False, "size": 16, "every": 1, "format": "png"}
        (out / ".prepare.json").write_text(json.dumps(started))
        prepare_fashion(download, out, size=16, workers=2)
        assert tree(out) == whole and mark.stat().st_mtime_ns == before

    def test_other_parameters_and_foreign_folders_are_refused(self, download, tmp_path):
        prepare_fashion(download, tmp_path / "fashion", size=16, every=4, workers=1)
        with pytest.raises(CaptureError, match="prepared with other parameters .every: 4 there, 1 now"):
            prepare_fashion(download, tmp_path / "fashion", size=16)
        for bad in ({"size": 8}, {"every": 0}, {"format": "tiff"}):
            with pytest.raises(CaptureError, match="sizes are 16 or more"):
                prepare_fashion(download, tmp_path / "other", **bad)
        with pytest.raises(CaptureError, match="nowhere: no such folder"):
            prepare_fashion(tmp_path / "nowhere", tmp_path / "other")
        with pytest.raises(CaptureError, match="no videos in its train/ and test/"):
            prepare_fashion(tmp_path, tmp_path / "other")
        make_video(tmp_path / "tests" / "test" / "a.mp4", 2)
        with pytest.raises(CaptureError, match="no videos to train on, only 1 to test with"):
            prepare_fashion(tmp_path / "tests", tmp_path / "other")
        make_video(tmp_path / "twice" / "train" / "a.mp4", 2)
        make_video(tmp_path / "twice" / "train" / "a.mkv", 2)
        with pytest.raises(CaptureError, match="would both become a/"):
            prepare_fashion(tmp_path / "twice", tmp_path / "other")
        assert not (tmp_path / "other").exists()

    def test_broken_videos_are_named_and_tried_again(self, download, tmp_path, run_main):
        source, out = tmp_path / "download", tmp_path / "frames"
        good = (download / "train" / "a+1.mp4").read_bytes()
        for path, data in {"train/ok.mp4": good, "train/cut.mp4": good[:900], "test/text.mp4": b"no video"}.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(data)
        make_video(source / "train" / "still.mp4", 1)
        argv = ("fashion", source, out, "--size", "16", "--workers", "1")
        status, said, err = run_main("prepare.py", *argv)
        assert status == 3 and "Traceback" not in err
        assert "1 videos to train on (6 frames)" in said and "3 could not be read" in said
        assert "train/cut.mp4: cut off" in said and "train/still.mp4: only one frame" in said
        assert "test/text.mp4: not a video" in said and 'no "fashion" in this folder' in said
        assert set(json.loads((out / "manifest.json").read_text())["broken"]) == {
            "train/cut.mp4",
            "train/still.mp4",
            "test/text.mp4",
        }
        assert sorted(p.name for p in (out / "train").iterdir()) == ["ok"]
        for name in ("train/cut.mp4", "train/still.mp4", "test/text.mp4"):
            (source / name).write_bytes(good)
        status, said, _ = run_main("prepare.py", *argv)
        assert status == 0 and "3 videos to train on (18 frames)" in said and "could not" not in said
        assert json.loads((out / "manifest.json").read_text())["broken"] == {}
        assert scan(out).kind == "fashion"  # by its manifest, whatever its name

    def test_another_download_does_not_go_on(self, download, tmp_path, bad_input):
        """Neither where its videos have other names, nor where they have the same names; nothing is changed."""
        out, other = tmp_path / "fashion", tmp_path / "other"
        for name in ("train/x.mp4", "train/y.mp4"):
            make_video(tmp_path / "videos" / name, 4, (32, 32))
        prepare_fashion(tmp_path / "videos", out, size=16, workers=1)
        before = tree(out)
        line = bad_input("prepare.py", "fashion", download, out, "--size", "16", "--workers", "1")
        assert f"{out / 'train' / 'x'}: frames of a video that {download} does not have" in line
        shutil.copytree(tmp_path / "videos", other)
        make_video(other / "train" / "x.mp4", 6, (32, 32))
        line = bad_input("prepare.py", "fashion", other, out, "--size", "16", "--workers", "1")
        assert f"{out / 'train' / 'x'}: frames of another train/x.mp4 than the one in {other}" in line
        assert tree(out) == before
        (out / "manifest.json").rename(out / ".prepare.json")  # as if it had been killed
        with pytest.raises(CaptureError, match="frames of another train/x.mp4"):
            prepare_fashion(other, out, size=16, workers=1)
        shutil.rmtree(out / "train" / "x")
        assert prepare_fashion(other, out, size=16, workers=1)["clips"]["train"] == {"x": 6, "y": 4}

    def test_more_videos_are_added(self, tmp_path):
        make_video(tmp_path / "train" / "a.mp4", 3, (32, 32))
        prepare_fashion(tmp_path, tmp_path / "fashion", size=16, workers=1)
        make_video(tmp_path / "train" / "b.mp4", 5, (32, 32))
        manifest = prepare_fashion(tmp_path, tmp_path / "fashion", size=16, workers=1)
        assert manifest["clips"]["train"] == {"a": 3, "b": 5} and list(manifest["files"]) == ["train/a", "train/b"]
        assert not (tmp_path / "fashion" / ".prepare.json").exists()
        (tmp_path / "train" / "a.mp4").unlink()  # to save space
        make_video(tmp_path / "train" / "c.mp4", 2, (32, 32))
        manifest = prepare_fashion(tmp_path, tmp_path / "fashion", size=16, workers=1)
        assert manifest["clips"]["train"] == {"a": 3, "b": 5, "c": 2} and len(manifest["files"]) == 3

    def test_no_readable_video_is_refused(self, tmp_path, bad_input):
        (tmp_path / "train").mkdir()
        (tmp_path / "train" / "a.mp4").write_bytes(b"no video")
        message = bad_input("prepare.py", "fashion", tmp_path, tmp_path / "fashion", "--workers", "1")
        assert "not one video of train/ could be read; train/a.mp4: not a video" in message

    def test_lists_of_links(self, address, tmp_path, run_main):
        lists = tmp_path / "lists"
        lists.mkdir()
        (lists / "fashion_train.txt").write_text(
            f"{address}/train/a+1.mp4\r\n{address}/train/b%20c.mp4\n\n{address}/train/a+1.mp4\n{address}/train/gone.mp4\n"
        )
        (lists / "fashion_test.txt").write_text(f"{address}/test/d.mp4?version=2")
        out = tmp_path / "fashion"
        argv = ("fashion", lists, out, "--size", "16", "--workers", "1")
        status, said, _ = run_main("prepare.py", *argv)
        assert status == 3 and "train/gone.mp4: the link is dead (HTTP 404" in said
        assert (lists / "train" / "b c.mp4").is_file() and (lists / "test" / "d.mp4").is_file()
        assert scan(out).frames == 13
        (lists / "fashion_train.txt").write_text(f"{address}/train/a+1.mp4\n{address}/train/below/%C3%BC.webm\n")
        status, said, _ = run_main("prepare.py", *argv)
        assert status == 0 and scan(out).frames == 21
        (lists / "fashion_test.txt").write_text("see the web page\n")
        with pytest.raises(CaptureError, match="fashion_test.txt: 'see the web page' is not a link to a video"):
            prepare_fashion(lists, out, size=16)


class TestInterruption:
    def test_interrupt_leaves_whole_videos_and_the_same_command_finishes(self, tmp_path):
        source, out = tmp_path / "download", tmp_path / "fashion"
        for name in "abcd":
            make_video(source / "train" / f"{name}.mp4", 100, (64, 96))
        command = ["fashion", source, out, "--size", "128", "--workers", "2"]
        process = start("prepare.py", *command, cwd=ROOT, start_new_session=True)
        deadline = time.monotonic() + 60
        while not list(out.rglob("*.png")) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "Traceback" not in err and "interrupted" in err
        left = list((out / "train").iterdir())
        assert all(len(list(path.iterdir())) == 100 for path in left) and len(left) < 4
        assert not (out / "manifest.json").exists() and group_has_ended(process.pid)
        prepare_fashion(source, out, size=128, workers=1)
        assert scan(out).frames == 400

    def test_interrupt_in_one_process(self, tmp_path):
        make_video(tmp_path / "train" / "a.mp4", 250, (96, 96))
        over = threading.Event()

        def interrupt() -> None:
            while not over.wait(0.005):
                if next((tmp_path / "fashion").rglob("*.png"), None):
                    os.kill(os.getpid(), signal.SIGINT)
                    return

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                prepare_fashion(tmp_path, tmp_path / "fashion", size=512, workers=1)
        finally:
            over.set()
            interrupting.join()
        assert sorted(p.name for p in (tmp_path / "fashion").rglob("*")) == [".prepare.json", "train"]


class TestNames:
    def test_every_kind_of_video_and_animation_is_decoded_and_the_rest_named(self, tmp_path, run_main):
        source = tmp_path / "download" / "train"
        make_video(source / "film.mp4", 4, (48, 64)).rename(source / "film.m4v")
        make_video(source / "stream.ts", 5, (48, 64), bf=0)
        make_video(source / "old.mpg", 6, (48, 64), codec="mpeg1video", crf=8)
        frames = [Image.fromarray(numbered(i, 48, 64)) for i in range(3)]
        save_animation(source / "dance.gif", frames, 80)
        save_animation(source / "apng.png", frames, 80)
        frames[0].save(source / "still.png")
        (source / "notes.txt").write_text("hello")
        status, out, err = run_main("prepare.py", "fashion", source.parent, tmp_path / "fashion", "--size", "32")
        assert status == 0, err
        manifest = json.loads((tmp_path / "fashion" / "manifest.json").read_text())
        assert manifest["clips"]["train"] == {"film": 4, "stream": 5, "old": 6, "dance": 3, "apng": 3}
        assert "2 passed over" in out and "notes.txt" in out and "still.png" in out
        shown = open_rgb(tmp_path / "fashion" / "train" / "dance" / "00002.png")
        assert number(shown.crop((4, 0, 28, 32))) == 2
