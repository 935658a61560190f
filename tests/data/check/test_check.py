"""`prepare.py check`: a good dataset passes, and each thing that can go wrong with one is named."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.data.check.check import examine
from tests.conftest import ROOT, draw_figure, start
from tests.helpers.make_videos import make_video

RUN = "train/character_0/run"
FRAME = f"{RUN}/001.png"


@pytest.fixture
def tree(mixamo_tree, tmp_path) -> Path:
    return Path(shutil.copytree(mixamo_tree, tmp_path / "data set é"))


@pytest.fixture
def check(run_main, tmp_path):
    """Run the program: (exit status, stdout, findings {code: [paths]} of what is wrong)."""

    def run(root: Path, *argv: str) -> tuple[int, str, dict[str, list[str]]]:
        status, out, err = run_main("prepare.py", "check", root, "--json", tmp_path / "found.json", *argv)
        assert status in (0, 1), err
        found = json.loads((tmp_path / "found.json").read_text())
        wrong = {f["code"]: [item["path"] for item in f["items"]] for f in found["findings"] if f["wrong"]}
        assert found["ok"] == (status == 0) == (not wrong)
        return status, out, wrong

    return run


def write(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def remove(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def draw(folder: Path, character: int, frames: int = 2) -> None:
    for frame in range(frames):
        draw_figure(folder / f"{frame}.png", character, 9 * frame)


def shrink(path: Path, *size: int) -> None:
    Image.open(path).resize(size).save(path)


def pairs(root: Path, *rows: str) -> None:
    with open(root / "test" / "pairs.csv", "a") as file:
        file.write("".join(f"{row}\n" for row in rows))


def manifest(root: Path, **more) -> None:
    write(root / "manifest.json", json.dumps({"version": 1, "aligned": True, **more}))


IDENTITY = "imgs/character_7__run__0.png"
DAMAGE = {
    "empty file": (lambda d: write(d / FRAME, b""), {"unreadable-frame": [FRAME]}),
    "truncated": (lambda d: write(d / FRAME, (d / FRAME).read_bytes()[:-40]), {"unreadable-frame": [FRAME]}),
    "a few bytes cut off": (lambda d: write(d / FRAME, (d / FRAME).read_bytes()[:-3]), {"unreadable-frame": [FRAME]}),
    "not a picture": (lambda d: write(d / FRAME, "hello"), {"unreadable-frame": [FRAME]}),
    "broken test picture in a pair": (
        lambda d: write(d / "test" / IDENTITY, b"\x89PNG"),
        {"unreadable-frame": [f"test/{IDENTITY}"], "pairs-row": ["test/pairs.csv line 2"]},
    ),
    "smaller": (lambda d: shrink(d / FRAME, 16, 16), {"mixed-sizes": [FRAME]}),
    "not square": (lambda d: shrink(d / FRAME, 32, 16), {"mixed-sizes": [FRAME], "not-square": [FRAME]}),
    "not as stated": (
        lambda d: (manifest(d, size=32), shrink(d / FRAME, 48, 48)),
        {"other-size": [FRAME]},
    ),
    "one colour": (lambda d: Image.new("RGB", (32, 32), "white").save(d / FRAME), {"blank": [FRAME]}),
    "one frame": (
        lambda d: (shutil.rmtree(d / "train/character_0/jump"), remove(d / FRAME, d / RUN / "002.png")),
        {"one-frame": ["train/character_0"]},
    ),
    "empty clip": (
        lambda d: (d / "train/character_1/wave/imgs").mkdir(parents=True),
        {"empty-clip": ["train/character_1/wave"]},
    ),
    "empty character": (lambda d: (d / "train/nobody").mkdir(), {"no-frames": ["train/nobody"]}),
    "one character": (
        lambda d: [shutil.rmtree(d / f"train/character_{c}") for c in (1, 2)],
        {"too-few-characters": ["train"]},
    ),
    "no train": (lambda d: shutil.rmtree(d / "train"), {"too-few-characters": ["train"]}),
    "every bad row of pairs": (
        lambda d: pairs(d, "gone.png,a.png,b.png", "", IDENTITY, f'"{IDENTITY}', f"{IDENTITY},{IDENTITY},{IDENTITY}"),
        {"pairs-row": [f"test/pairs.csv line {n}" for n in (4, 6, 7)]},
    ),
    "no header of pairs": (lambda d: write(d / "test/pairs.csv", "a,b\n"), {"pairs-file": ["test/pairs.csv"]}),
    "pairs that are no text": (
        lambda d: write(d / "test/pairs.csv", b"\xff\xfe\0"),
        {"pairs-file": ["test/pairs.csv"]},
    ),
    "character in train and test": (
        lambda d: draw_figure(d / "test/imgs/CHARACTER_1__run__0.png", 99, 3),
        {"character-in-both": ["train/character_1"]},
    ),
    "clip in train and test": (
        lambda d: (manifest(d, test_characters=[]), draw_figure(d / "test/imgs/character_1__run__0.png", 99, 3)),
        {"clip-in-both": ["train/character_1/run"]},
    ),
    "video that can't be read": (
        lambda d: write(d / "train/character_0/dance.mp4", "hello"),
        {"unreadable-video": ["train/character_0/dance.mp4"], "empty-clip": ["train/character_0/dance"]},
    ),
    "unexpected files": (
        lambda d: (write(d / "train/Thumbs.db", "x"), write(d / "notes.py", "x"), (d / "val").mkdir()),
        {"unexpected": ["notes.py", "train/Thumbs.db", "val/"]},
    ),
    "a pipe": (lambda d: os.mkfifo(d / RUN / "003.png"), {"unexpected": [f"{RUN}/003.png"]}),
    "pictures where nobody looks": (
        lambda d: draw_figure(d / "train/character_0/x.png", 0, 0),
        {"misplaced": ["train/character_0/x.png"]},
    ),
    "frames in imgs and beside it": (
        lambda d: draw_figure(d / "train/character_0/jump/x.png", 0, 3),
        {"two-places": ["train/character_0/jump/imgs"]},
    ),
    "half-written": (
        lambda d: write(d / "train/character_0/run/.003.png.12.partial", "x"),
        {"leftover": ["train/character_0/run/.003.png.12.partial"]},
    ),
    "unfinished": (lambda d: (d / "manifest.json").rename(d / ".prepare.json"), {"unfinished": [".prepare.json"]}),
    "names of two cases": (
        lambda d: draw(d / "train/Character_0/wave", 50),
        {"case-twins": ["train/character_0"]},
    ),
    "one name in two encodings": (
        lambda d: (draw(d / "train/é/wave", 50), draw(d / "train/e\u0301/wave", 51)),
        {"case-twins": ["train/é"]},
    ),
    "a link in a circle": (
        lambda d: (d / "train/character_0/again").symlink_to(d / "train"),
        {"link-loop": ["train/character_0/again"]},
    ),
    "a link to itself": (
        lambda d: (d / "train/character_0/again").symlink_to("again"),
        {"link-loop": ["train/character_0/again"]},
    ),
    "a link above the dataset": (
        lambda d: (d / "train/character_0/again").symlink_to(d.parent),
        {"link-loop": ["train/character_0/again"]},
    ),
    "two links to each other": (
        lambda d: ((d / "train/a").symlink_to("b"), (d / "train/b").symlink_to("a")),
        {"link-loop": ["train/a", "train/b"]},
    ),
    "a link to another character": (
        lambda d: (d / "train/a").symlink_to("character_1"),
        {"folder-twice": ["train/a"]},
    ),
    "a link to nowhere": (
        lambda d: (d / "train/character_0/run/003.png").symlink_to("gone.png"),
        {"broken-link": ["train/character_0/run/003.png"]},
    ),
    "manifest of nonsense": (lambda d: write(d / "manifest.json", "{"), {"manifest-unreadable": ["manifest.json"]}),
    "a character too few": (
        lambda d: manifest(d, train_characters=[f"character_{c}" for c in range(4)]),
        {"character-missing": ["character_3"]},
    ),
    "a character too many": (
        lambda d: manifest(d, train_characters=["character_0", "character_1"]),
        {"character-unlisted": ["character_2"]},
    ),
    "frames too few": (lambda d: manifest(d, train_images=19), {"train-incomplete": ["train"]}),
    "a mask without a frame": (
        lambda d: draw_figure(d / "train/character_0/run/mask/007.png", 0, 0),
        {"lone-map": ["train/character_0/run/mask/007.png"]},
    ),
    "a mask of another size": (
        lambda d: draw_figure(d / "train/character_0/jump/mask/001.png", 0, 0, 64),
        {"misfit-map": ["train/character_0/jump/mask/001.png"]},
    ),
    "a broken mask": (
        lambda d: write(d / "train/character_0/jump/mask/001.png", b"\x89PNG"),
        {"unreadable-map": ["train/character_0/jump/mask/001.png"]},
    ),
}


class TestCheck:
    def test_good_dataset_has_no_findings(self, tree, check):
        status, out, wrong = check(tree)
        assert status == 0 and not wrong and "nothing wrong" in out
        for line in (
            "kind      Mixamo tree, aligned: true targets known",
            "train     3 characters, 6 clips, 18 frames (3 a clip)",
            "test      4 pictures of 2 characters",
            "pairs     2 in test/pairs.csv",
            "sizes     32x32",
            "formats   PNG",
        ):
            assert line in out

    @pytest.mark.parametrize("name", DAMAGE)
    def test_each_kind_of_damage_is_a_finding(self, tree, check, name):
        damage, expected = DAMAGE[name]
        damage(tree)
        status, out, wrong = check(tree)
        assert status == 1 and wrong == expected
        for paths in wrong.values():
            assert all(path in out for path in paths[:3])

    def test_folders_that_cannot_be_listed_are_findings(self):
        folder = Path(tempfile.mkdtemp())
        try:
            folder.chmod(0o755)
            for character in range(3):
                for frame in range(2):
                    draw_figure(folder / f"train/c{character}/run/{frame}.png", character, 9 * frame)
            (folder / "train/c1").chmod(0)
            (folder / "train/c2").chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
            if os.geteuid() == 0:  # to whom nothing is forbidden
                os.seteuid(65534)
            found = examine(folder, workers=1, progress=False).findings
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            for character in (1, 2):
                (folder / f"train/c{character}").chmod(0o755)
            shutil.rmtree(folder)
        assert found.items("unreadable-folder") == [
            ("train/c1", "Permission denied"),
            ("train/c2", "its files can't be looked at"),
        ]

    def test_file_names_that_are_not_text(self, tree, check):
        name = os.fsdecode(b"caf\xe9 \x1b[31m\n.png")
        draw_figure(tree / "train" / "character_0" / "run" / "x.png", 0, 9)
        (tree / "train" / "character_0" / "run" / "x.png").rename(tree / "train" / "character_0" / "run" / name)
        assert check(tree)[0] == 0
        write(tree / "train" / "character_0" / "run" / name, b"")
        status, out, wrong = check(tree)
        assert status == 1 and wrong == {"unreadable-frame": [f"train/character_0/run/{name}"]}
        assert "\x1b" not in out and "caf\\udce9 \\x1b[31m\\n.png: an empty file" in out

    def test_fashion_tree(self, tmp_path, check):
        root = tmp_path / "Fashion_dataset"
        for video in range(3):
            for frame in range(2 if video else 1):
                draw_figure(root / f"train/video_{video}/{frame}.png", video, 9 * frame)
        draw_figure(root / "test/video_9/imgs/0.png", 9, 0)
        write(root / "README.md", "x")
        status, out, wrong = check(root)
        assert status == 1 and wrong == {"one-frame": ["train/video_0"]}
        assert "Fashion tree, not aligned" in out and "3 videos, 5 frames (1 to 2 a video)" in out

    def test_videos_are_checked(self, tmp_path, check):
        """Fashion as it is downloaded: whole files of frames, one cut off, one that is no video."""
        root = tmp_path / "Fashion_dataset"
        rng = np.random.default_rng(0)
        for split, name in (("train", "a"), ("train", "b c"), ("train", "cut"), ("test", "é")):
            blobs = [np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(5)]
            make_video(root / split / f"{name}.mp4", blobs)
        status, out, wrong = check(root)
        assert status == 0 and not wrong
        assert (
            "train    3 videos, 15 frames (5 a video)" in out.replace(" " * 5, " " * 4)
            and "64x48" in out
            and "MP4" in out
        )
        shutil.copy(root / "train/a.mp4", root / "test/a.mp4")
        cut = root / "train/cut.mp4"
        cut.write_bytes(cut.read_bytes()[:-600])
        write(root / "train/no.mp4", "hello")
        status, out, wrong = check(root)
        assert status == 1 and wrong == {
            "unreadable-video": ["train/cut.mp4", "train/no.mp4"],
            "no-frames": ["train/cut", "train/no"],
            "character-in-both": ["train/a"],
            "copy-across-split": [f"test/a.mp4 frame {k}" for k in range(5)],
        }
        (root / "test/a.mp4").unlink()
        assert check(root, "--fix")[0] == 0
        assert (root / "set_aside/train/cut.mp4").is_file() and not cut.exists()

    def test_videos_beside_their_frames_are_ignored(self, tree, check):
        write(tree / "train/character_0/run.mp4", "never looked into")
        status, out, _ = check(tree)
        assert status == 0 and "1  videos are ignored, for folders beside them hold their frames" in out

    def test_printed_report_is_short(self, tree, check):
        for frame in range(300):
            write(tree / f"train/character_0/run/b{frame:03d}.png", b"")
        status, out, wrong = check(tree)
        assert status == 1 and len(wrong["unreadable-frame"]) == 300
        assert "300  frames can't be decoded" in out and "and 297 more" in out and len(out.splitlines()) < 20

    def test_folder_that_is_no_dataset_is_refused(self, tmp_path, bad_input):
        assert "no such dataset folder" in bad_input("prepare.py", "check", tmp_path / "nowhere")
        assert "not a dataset folder: there is neither train/ nor test/" in bad_input("prepare.py", "check", tmp_path)
        write(tmp_path / "file", "x")
        assert "a file" in bad_input("prepare.py", "check", tmp_path / "file")

    def test_interrupt_ends_the_check(self, tree):
        picture = np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8)
        Image.fromarray(picture).save(tree / "train/character_0/run/big.png")
        write(tree / FRAME, b"")
        for copy in range(1000):
            os.link(tree / "train/character_0/run/big.png", tree / f"train/character_0/run/big{copy}.png")
        process = start("prepare.py", "check", tree, "--workers", "2", "--fix", cwd=ROOT, start_new_session=True)
        shown = ""
        while " 0/1023" in shown[-80:] or "/1023" not in shown[-80:]:  # until the first files are done
            shown += process.stderr.read(1)
            assert process.poll() is None, shown
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: everyone gets it
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130 and "Traceback" not in err and "interrupted" in err
        assert not (tree / "set_aside").exists() and (tree / FRAME).exists()
