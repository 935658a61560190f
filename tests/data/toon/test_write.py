"""Toon on disk: the tree, the pairs, the same bytes whatever happens on the way."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.toon.dataset import HELD_OUT_SEEDS
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.data.toon.write import write_toon

SMALL = {
    "characters": 2,
    "clips": 3,
    "frames": 3,
    "size": 32,
    "seed": 5,
    "test_characters": 3,
    "test_clips": 2,
    "progress": False,
}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toon") / "set"
    manifest = write_toon(folder, **SMALL, uv=True, workers=1)
    return folder, manifest


class TestResumedWriting:
    def test_workers_and_interruptions_change_no_byte(self, written, tmp_path):
        folder, _ = written
        again = tmp_path / "again"
        write_toon(again, **SMALL, uv=True, workers=2)
        assert digest(again) == digest(folder)
        lost = [
            again / "manifest.json",
            *sorted((again / "train").rglob("*.png"))[:5],
            sorted((again / "test").rglob("*.png"))[0],
        ]
        manifest = json.loads(lost[0].read_text())
        (again / ".prepare.json").write_text(json.dumps(manifest))
        for path in lost:
            path.unlink()
        kept = sorted((again / "train").rglob("*.png"))[10]
        before = kept.stat().st_mtime_ns
        write_toon(again, **SMALL, uv=True, workers=1)
        assert digest(again) == digest(folder)
        assert kept.stat().st_mtime_ns == before

    @pytest.mark.exhaustive(remains="Ctrl-C while LPC or fashion is written; kills and dead workers of toon")
    def test_interrupt_leaves_whole_files_and_no_processes(self, tmp_path):
        folder = tmp_path / "set"
        script = tmp_path / "script.py"
        script.write_text(
            f"import sys; sys.path.insert(0, {str(Path.cwd())!r})\n"
            "from pathlib import Path\nfrom capture.data.toon.write import write_toon\n"
            "if __name__ == '__main__':\n"
            f"    write_toon(Path({str(folder)!r}), 60, 6, 6, 64, 0, workers=2, progress=False)\n"
        )
        process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.time() + 60
        while not list(folder.glob("train/*/*/imgs/0*.png")) and time.time() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: everyone gets it
        assert process.wait(120) != 0
        assert not (folder / "manifest.json").exists() and not list(folder.rglob("*.partial"))
        frames = list(folder.glob("train/*/*/imgs/*.png"))
        assert 0 < len(frames) < 60 * 36
        for path in frames[:40]:
            assert np.asarray(Image.open(path)).shape == (64, 64, 3)
        deadline = time.time() + 60
        with pytest.raises(ProcessLookupError):  # the last helper process ends a moment after its parent
            while time.time() < deadline:
                os.killpg(process.pid, 0)
                time.sleep(0.05)


class TestRefusals:
    def test_other_arguments_in_the_same_folder(self, written):
        folder, _ = written
        with pytest.raises(CaptureError, match="size"):
            write_toon(folder, **(SMALL | {"size": 64}), uv=True)
        with pytest.raises(CaptureError, match="seed|test_characters"):
            write_toon(folder, **(SMALL | {"seed": 6}), uv=True)
        with pytest.raises(CaptureError, match="uv"):
            write_toon(folder, **SMALL)

    def test_folder_with_other_contents_is_left_alone(self, tmp_path):
        (tmp_path / "thesis.txt").write_text("all of it")
        with pytest.raises(CaptureError, match="something else"):
            write_toon(tmp_path, **SMALL)
        assert os.listdir(tmp_path) == ["thesis.txt"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [("characters", 0), ("frames", -1), ("size", 31), ("test_characters", 1), ("test_clips", 99), ("seed", -1)],
    )
    def test_impossible_numbers_are_named(self, tmp_path, name, value):
        with pytest.raises(CaptureError, match=f"{name} is {value}"):
            write_toon(tmp_path / "set", **(SMALL | {name: value}))
        assert not (tmp_path / "set").exists()


class TestWriteToon:
    def test_tree_and_manifest(self, written):
        folder, manifest = written
        assert json.loads((folder / "manifest.json").read_text()) == json.loads(json.dumps({"version": 1, **manifest}))
        assert manifest["kind"] == "toon" and manifest["aligned"] is True
        clips = [clip["name"] for clip in manifest["train_clips"]]
        for character in manifest["train_characters"]:
            assert int(character.removeprefix("toon_")) not in HELD_OUT_SEEDS
            for clip in clips:
                for kind in ("imgs", "uv", "mask"):
                    assert sorted(p.name for p in (folder / "train" / character / clip / kind).iterdir()) == [
                        "000.png",
                        "001.png",
                        "002.png",
                    ]
        assert not {clip["clip"] for clip in manifest["train_clips"]} & {
            clip["clip"] for clip in manifest["test_clips"]
        }
        assert all(int(name.removeprefix("toon_")) in HELD_OUT_SEEDS for name in manifest["test_characters"])
        assert not [p for p in folder.rglob(".*") if p.is_file()]

    def test_frames_are_the_shots_of_the_manifest(self, written):
        folder, manifest = written
        clip, character = manifest["train_clips"][1], manifest["train_characters"][0]
        view = View(clip["azimuth"], clip["pitch"], clip["perspective"])
        shot = Shot(int(character.removeprefix("toon_")), clip["clip"], clip["style_seed"], 2 / 3, view)
        drawn = render([shot], 32, outputs=("rgb", "iuv", "mask"))
        place = folder / "train" / character / clip["name"]
        assert np.array_equal(
            np.asarray(Image.open(place / "imgs" / "002.png")), drawn["rgb"][0].permute(1, 2, 0).numpy()
        )
        assert np.array_equal(
            np.asarray(Image.open(place / "uv" / "002.png")), drawn["iuv"][0].permute(1, 2, 0).numpy()
        )
        assert np.array_equal(np.asarray(Image.open(place / "mask" / "002.png")) > 127, drawn["mask"][0].numpy())

    def test_target_is_the_identity_in_the_pose(self, written):
        folder, manifest = written
        with open(folder / "test" / "pairs.csv") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == manifest["test_pairs"] >= 16
        assert manifest["test_images"] == len(list((folder / "test" / "imgs").iterdir()))
        held_clips, facing = {clip["name"] for clip in manifest["test_clips"]}, 0
        for row in rows:
            identity, pose, target = (Path(row[name]).stem.split("__") for name in ("identity", "pose", "target"))
            assert identity[0] == target[0] != pose[0] and pose[1:] == target[1:]
            assert all((folder / "test" / path).is_file() for path in row.values())
            azimuth = int(identity[1][-3:])
            facing += azimuth <= 60 or azimuth >= 300
        assert facing > 0.7 * len(rows)
        assert {Path(row["pose"]).stem.split("__")[1] for row in rows} & held_clips

    def test_many_clips_have_different_names(self, tmp_path):
        manifest = write_toon(
            tmp_path / "set", 1, 40, 1, 16, 0, workers=1, test_characters=2, test_clips=2, progress=False
        )
        assert len({clip["name"] for clip in manifest["train_clips"]}) == 40
        quarter = {((clip["azimuth"] + 45) % 360) // 90 for clip in manifest["train_clips"][:8]}
        assert quarter == {0, 1, 2, 3}
        assert not {clip["clip"] for clip in manifest["train_clips"]} & {
            clip["clip"] for clip in manifest["test_clips"]
        }
