"""Dataset folders as people have them."""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path

import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.decoding import FrameReader
from capture.data.index import catalog as catalog_module
from capture.data.index.catalog import FASHION, MIXAMO, Catalog, find_root, frame_folder, scan
from tests.conftest import draw_figure
from tests.helpers.make_videos import make_video


def clips(catalog: Catalog) -> dict[str, int]:
    """Number of frames by path of the clip, below train/."""
    starts = catalog.index.frame_at.tolist()
    paths = [catalog.clip_path(k).relative_to(catalog.root / "train").as_posix() for k in range(catalog.clips)]
    return {path: b - a for path, a, b in zip(paths, starts, starts[1:])}


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    root.mkdir(exist_ok=True)
    return root


def age(root: Path) -> None:
    """As if everything had been written an hour ago."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            os.utime(path, (time.time() - 3600,) * 2)


@pytest.fixture
def saving(monkeypatch):
    monkeypatch.setattr(catalog_module, "SAVE_FROM", 1)


@pytest.fixture
def copy(mixamo_tree, tmp_path, saving) -> Path:
    shutil.copytree(mixamo_tree, tmp_path / "copy", ignore=shutil.ignore_patterns(".capture"))
    age(tmp_path / "copy")
    return tmp_path / "copy"


def from_file(catalog: Catalog) -> bool:
    return catalog.index._path is not None


class TestSavedIndex:
    @pytest.mark.parametrize(
        "change",
        [
            lambda train: draw_figure(train / "character_1" / "run" / "007.png", 1, 1),
            lambda train: (train / "character_2" / "jump" / "imgs" / "001.png").unlink(),
            lambda train: (train / "character_0" / "run").rename(train / "character_0" / "walk"),
            lambda train: shutil.rmtree(train / "character_0"),
            lambda train: draw_figure(train / "new" / "run" / "imgs" / "0.png", 1, 1),
        ],
    )
    def test_saved_index_is_used_until_something_changes(self, copy, caplog, change):
        caplog.set_level(logging.INFO, "capture")
        listed = scan(copy)
        assert (copy / ".capture" / "index.bin").is_file()
        again = scan(copy)
        assert from_file(again) and clips(again) == clips(listed) and not caplog.records
        change(copy / "train")
        changed = scan(copy)
        assert caplog.messages == [f"{copy / 'train'} has changed since it was indexed: listing it again"]
        age(copy)
        shutil.rmtree(copy / ".capture")
        assert clips(changed) == clips(scan(copy))

    def test_index_of_a_folder_that_changed_just_now_is_not_saved(self, copy):
        os.utime(copy / "train" / "character_0" / "run")  # it may change again without its time changing
        scan(copy)
        assert not (copy / ".capture" / "index.bin").exists()

    def test_damaged_index_is_made_again(self, copy, caplog):
        caplog.set_level(logging.INFO, "capture")
        listed = scan(copy)
        file = copy / ".capture" / "index.bin"
        for data in (b"", b"\x80\x04not ours" * 100, file.read_bytes()[:-10]):
            file.unlink()  # it is mapped into memory
            file.write_bytes(data)
            caplog.clear()
            assert clips(scan(copy)) == clips(listed) and "can't be used" in caplog.text
            assert from_file(scan(copy))

    def test_frames_of_a_video_are_counted_once(self, tmp_path):
        root = tmp_path / "fashion"
        for name, frames in (("a", 5), ("b", 6)):
            make_video(root / "train" / f"{name}.mp4", frames)
        age(root)
        scan(root)
        video = root / "train" / "a.mp4"
        as_it_was = video.stat()
        video.write_bytes(bytes(as_it_was.st_size))  # counting it now would fail
        os.utime(video, ns=(as_it_was.st_atime_ns, as_it_was.st_mtime_ns))
        assert clips(scan(root)) == {"a.mp4": 5, "b.mp4": 6}
        make_video(root / "train" / "c.mp4", 7)
        assert clips(scan(root)) == {"a.mp4": 5, "b.mp4": 6, "c.mp4": 7}
        make_video(video, 8)
        assert clips(scan(root))["a.mp4"] == 8


class TestScan:
    def test_mixamo_tree_with_frames_directly_and_in_imgs(self, mixamo_tree):
        catalog = scan(mixamo_tree)
        assert (catalog.characters, catalog.clips, catalog.frames) == (3, 6, 18)
        assert catalog.kind == MIXAMO and catalog.aligned
        assert list(clips(catalog))[:2] == ["character_0/jump/imgs", "character_0/run"]
        assert all(catalog.frame(i)[0].is_file() for i in range(18))

    def test_fashion_tree_is_recognised_by_its_name_in_any_case(self, tmp_path):
        touch(tmp_path / "My_FASHION_set", *(f"train/{video}/{i}.jpg" for video in ("a b", "ü") for i in range(3)))
        catalog = scan(tmp_path / "my_fashion_SET")
        assert catalog.kind == FASHION and not catalog.aligned and clips(catalog) == {"a b": 3, "ü": 3}

    @pytest.mark.parametrize(
        ("name", "manifest", "kind"),
        [
            ("fashion", {}, FASHION),
            ("data", {"kind": "fashion"}, FASHION),
            ("fashion", {"kind": "lpc"}, MIXAMO),
            ("data", {"aligned": True}, MIXAMO),
        ],
    )
    def test_manifest_decides_the_kind_before_the_name(self, tmp_path, name, manifest, kind):
        root = touch(tmp_path / name, *(f"train/{x}/{y}/{i}.png" for x in "ab" for y in "ab" for i in range(2)))
        touch(root, "train/a/0.png", "train/a/1.png", "train/b/0.png", "train/b/1.png")
        (root / "manifest.json").write_text(str({"version": 1, **manifest}).replace("'", '"').replace("True", "true"))
        assert scan(root).kind == kind and scan(root).clips == (2 if kind == FASHION else 4)

    def test_videos_are_clips(self, tmp_path):
        fashion, mixamo = tmp_path / "fashion", tmp_path / "data"
        make_video(fashion / "train" / "a.mp4", 12)
        make_video(fashion / "train" / "b.MP4", 9)
        touch(fashion, "train/c/0.png", "train/c/1.png")
        assert clips(scan(fashion)) == {"a.mp4": 12, "b.MP4": 9, "c": 2}
        for who in ("anna", "bob"):
            shutil.copytree(fashion / "train", mixamo / "train" / who)
        assert clips(scan(mixamo))["bob/a.mp4"] == 12

        shutil.rmtree(fashion / "train" / "c")
        assert scan(fashion.rename(tmp_path / "clips")).kind == FASHION  # nothing else it could be

    def test_frames_are_preferred_to_their_video(self, tmp_path):
        touch(tmp_path / "fashion", "train/a.mp4", "train/a/0.png", "train/a/1.png", "train/b/0.png", "train/b/1.png")
        assert list(clips(scan(tmp_path / "fashion"))) == ["a", "b"]

    def test_broken_videos_are_named(self, tmp_path):
        touch(tmp_path / "fashion", "train/a.mp4", "train/b.mp4")
        with pytest.raises(CaptureError, match=r"a\.mp4: .*b\.mp4: .*; prepare.py check .*fashion --fix"):
            scan(tmp_path / "fashion")

    def test_odd_names_links_and_leftovers(self, tmp_path):
        train = tmp_path / "data" / "train"
        odd = os.fsdecode(b"\xff \xe4")
        touch(train, "a b/ü/x y.png", f"a b/{odd}/{odd}.png", "zoe/1/0.PNG", "zoe/1/.hidden.png", "zoe/1/notes.txt")
        touch(train, "zoe/1/1.png", "zoe/empty.png/0.png", ".hidden/1/0.png", "nobody/.keep", "alone/run/0.png")
        (train / "zoe" / "nothing").mkdir()
        (train / "zoe" / "loop").symlink_to(train / "zoe")
        (train / "zoe" / "self").symlink_to("self")
        (train / "zoe" / "1" / "gone.png").symlink_to(train / "nowhere.png")
        (train / "zoe" / "1" / "linked.png").symlink_to(train / "zoe" / "1" / "0.PNG")
        (train / "everything").symlink_to(train)
        found = clips(scan(tmp_path / "data"))
        assert found == {"a b/ü": 1, f"a b/{odd}": 1, "zoe/1": 3, "zoe/empty.png": 1}

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_unreadable_folder(self, tmp_path, mixamo_tree):
        shutil.copytree(mixamo_tree, tmp_path / "data")
        (tmp_path / "data" / "train" / "character_0" / "run").chmod(0)
        with pytest.raises(CaptureError, match="run: can't be listed"):
            scan(tmp_path / "data")

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ([], "no train/ folder"),
            (["a.mp4"], "its videos belong into train/"),
            (["train/.keep"], "empty; expected train/<character>/<clip>"),
            (["train/readme.txt"], "no pictures here, only files such as readme.txt"),
            (["train/anna/1.png"], "pictures such as anna/1.png are not where they are looked for"),
            (["train/anna/run/1.png", "train/anna/jump/1.png"], "only one character with two frames or more (anna)"),
            (["train/anna/run/clip.mp4", "train/b/run/clip.mp4"], "are not where they are looked for"),
        ],
    )
    def test_folders_without_training_data_are_refused(self, tmp_path, files, message):
        with pytest.raises(CaptureError) as caught:
            scan(touch(tmp_path / "data", *files))
        assert message in str(caught.value)

    def test_the_one_dataset_in_a_folder_is_what_the_folder_stands_for(self, tmp_path, mixamo_tree):
        """As Mixamo_dataset/rendered, which prepare.py mixamo writes, and `--dataset_path Mixamo_dataset`."""
        shutil.copytree(mixamo_tree, tmp_path / "Mixamo_dataset" / "rendered")
        (tmp_path / "Mixamo_dataset" / "README.md").write_text("where the files come from")
        (tmp_path / "Mixamo_dataset" / "DOWNLOADS").mkdir()
        for name in ("Mixamo_dataset", "mixamo_dataset"):
            assert find_root(tmp_path / name) == tmp_path / "Mixamo_dataset" / "rendered"
        assert clips(scan(tmp_path / "Mixamo_dataset")) == clips(scan(mixamo_tree))

    def test_several_datasets_in_a_folder_are_named_and_none_is_taken(self, tmp_path, mixamo_tree):
        for name in ("small", "large"):
            shutil.copytree(mixamo_tree, tmp_path / "data" / name)
        with pytest.raises(CaptureError, match=r"several datasets in it \(large, small\); name one of them"):
            scan(tmp_path / "data")

    def test_a_dataset_is_taken_before_one_in_it(self, tmp_path, mixamo_tree):
        shutil.copytree(mixamo_tree, tmp_path / "data")
        shutil.copytree(mixamo_tree, tmp_path / "data" / "older")
        assert find_root(tmp_path / "data") == tmp_path / "data"

    @pytest.mark.parametrize(
        ("name", "file", "noun"),
        [("data", "run/0.png", "character"), ("data", "run/imgs/0.png", "character"), ("fashion", "0.png", "video")],
    )
    def test_one_frame_a_character_is_said_to_be_too_few(self, tmp_path, name, file, noun):
        with pytest.raises(CaptureError) as caught:
            scan(touch(tmp_path / name, f"train/a/{file}", f"train/b/{file}"))
        message = str(caught.value)
        assert f"no {noun} has two frames (only one each, such as " in message and "add frames" in message
        assert "not where they are looked for" not in message

    def test_layout_of_fomm_is_told_how_to_become_fashion(self, tmp_path):
        files = [f"train/{video}/{i}.png" for video in "AB" for i in range(2)]
        root = touch(tmp_path / "data", *files)
        with pytest.raises(CaptureError) as caught:
            scan(root)
        message = str(caught.value)
        assert "pictures such as " in message and "not where they are looked for: train/<character>" in message
        assert 'put "fashion" into the folder\'s name' in message and 'write {"kind": "fashion"}' in message
        (root / "manifest.json").write_text('{"kind": "fashion"}')
        assert scan(root).kind == FASHION
        assert scan(touch(tmp_path / "my_fashion", *files)).kind == FASHION

    def test_mixamo_tree_is_told_that_its_name_made_it_fashion(self, tmp_path):
        files = [f"train/{character}/run/{i}.png" for character in "AB" for i in range(2)]
        root = touch(tmp_path / "Old_fashion", *files)
        with pytest.raises(CaptureError) as caught:
            scan(root)
        message = str(caught.value)
        assert 'read as a Fashion dataset because of its name "Old_fashion"' in message
        assert 'write {"kind": "mixamo"} into its manifest.json' in message
        (root / "manifest.json").write_text('{"kind": "mixamo"}')
        assert scan(root).kind == MIXAMO
        (root / "manifest.json").write_text('{"kind": "fashion"}')
        with pytest.raises(CaptureError, match="as a Fashion dataset because its manifest.json says so"):
            scan(root)

    @pytest.mark.parametrize(
        ("name", "readme"), [("Fashion_dataset", "Fashion_dataset/README.md"), ("Mixamo", "Mixamo_dataset/README.md")]
    )
    def test_missing_data_are_said_to_come_from_their_readme(self, tmp_path, name, readme):
        kind = name.split("_")[0].lower()
        for _ in range(2):  # the folder is missing, then empty
            with pytest.raises(CaptureError) as caught:
                scan(tmp_path / name)
            message = str(caught.value)
            assert readme in message and f"prepare.py {kind}" in message and "--dataset_path toon" in message
            (tmp_path / name).mkdir(exist_ok=True)

    def test_missing_folder_file_and_damaged_manifest(self, tmp_path, mixamo_tree):
        with pytest.raises(CaptureError, match="no such dataset folder"):
            scan(tmp_path / "nowhere")
        (tmp_path / "file").write_text("")
        with pytest.raises(CaptureError, match="a file; dataset_path names a folder"):
            scan(tmp_path / "file")
        root = tmp_path / "copy"
        shutil.copytree(mixamo_tree, root)
        for text, message in (
            ("{", "not a readable manifest"),
            ("[1]", "not a readable"),
            ('{"version": 99}', "version 99"),
        ):
            (root / "manifest.json").write_text(text)
            with pytest.raises(CaptureError, match=message):
                scan(root)

    def test_frame_folder_of_a_video(self, tmp_path):
        touch(tmp_path, "a/2.png", "a/10.png", "a/x.txt", "b/imgs/1.png")
        assert frame_folder(tmp_path / "a") == (tmp_path / "a", ["10.png", "2.png"])
        assert frame_folder(tmp_path / "b") == (tmp_path / "b" / "imgs", ["1.png"])


class TestAnimatedPictures:
    def animate(self, path: Path, count: int = 4) -> None:
        frames = [Image.new("RGB", (12, 16), (60 * i, 10, 90)) for i in range(count)]
        path.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=80)

    def test_animated_pictures_are_clips_where_videos_are_looked_for(self, tmp_path):
        fashion, mixamo = tmp_path / "fashion", tmp_path / "data"
        for name, count in (("a.gif", 4), ("b.webp", 3), ("c.png", 5)):
            self.animate(fashion / "train" / name, count)
            for who in ("anna", "bob"):
                self.animate(mixamo / "train" / who / name, count)
        assert clips(scan(fashion)) == {"a.gif": 4, "b.webp": 3, "c.png": 5}
        assert clips(scan(mixamo))["bob/c.png"] == 5

    def test_frames_of_animated_pictures_are_read(self, tmp_path):
        for name in ("a.gif", "b.gif"):
            self.animate(tmp_path / "fashion" / "train" / name)
        reader = FrameReader(scan(tmp_path / "fashion"), 16)
        assert [int(reader.read(i)[8, 8, 0]) for i in range(4)] == [0, 60, 120, 180]

    def test_a_folder_of_them_alone_is_a_fashion_tree(self, tmp_path):
        self.animate(tmp_path / "clips" / "train" / "a.gif")
        self.animate(tmp_path / "clips" / "train" / "b.gif")
        assert scan(tmp_path / "clips").kind == FASHION

    def test_still_gifs_are_pictures(self, tmp_path):
        for who in "ab":
            for i in range(2):
                path = tmp_path / "data" / "train" / who / "run" / f"{i}.gif"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (8, 8), (i, 0, 0)).save(path)
        assert clips(scan(tmp_path / "data")) == {"a/run": 2, "b/run": 2}
