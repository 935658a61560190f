"""`prepare.py mixamo` with a real Blender, where there is one, and what it says where there is none."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.index.catalog import scan
from capture.data.mixamo.blender import find_blender
from capture.data.mixamo.drawing import BACKGROUND
from capture.data.mixamo.prepare import MIXAMO_VERSION, prepare_mixamo
from capture.io.pairs import read_pairs
from tests.conftest import ROOT, start
from tests.helpers.model_files import glb, gltf_scene, write

SMALL = {"size": 48, "frames": 2, "azimuths": (0, 90), "test_characters": 2, "test_clips": 1, "pairs": 12, "seed": 6}
OPTIONS = tuple(part for name, value in SMALL.items() for part in (f"--{name}", value)) + ("--azimuths", "0,90")
BODY = ("Hips", "Spine", "Head", "LeftArm", "RightArm", "LeftUpLeg", "RightUpLeg")
NAMES_ONLY = {f"{name}.glb": glb(gltf_scene(actions=(("Walk", 1.0), ("Run", 1.0)))) for name in "abcd"}


@pytest.fixture(scope="session")
def blender() -> str:
    try:
        return find_blender(None)
    except CaptureError:
        pytest.skip("no Blender (make blender)")


@pytest.fixture(scope="session")
def models(blender, tmp_path_factory) -> Path:
    """Four Mixamo-like characters and three clips in FBX files of their own, two glTF creatures with theirs."""
    folder = tmp_path_factory.mktemp("models")
    script = ROOT / "tests" / "helpers" / "mixamo_models.py"
    subprocess.run([blender, script, folder], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def rendered(models, tmp_path_factory):
    out = tmp_path_factory.mktemp("rendered") / "set"
    return out, prepare_mixamo(models, out, **SMALL, uv=True, workers=1, progress=False)


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def look(out: Path, character: str, clip: str, frame: int, kind: str = "imgs") -> np.ndarray:
    return np.asarray(Image.open(out / "train" / character / clip / kind / f"{frame:03d}.png"))


class TestBrokenModels:
    def test_broken_models_are_named_and_the_rest_is_complete(self, models, tmp_path, run_main):
        folder, out = tmp_path / "models", tmp_path / "out"
        shutil.copytree(models, folder)
        data = (folder / "Dee.fbx").read_bytes()
        write(
            folder,
            {
                "Cut.fbx": data[: len(data) // 2],
                "Empty body.glb": glb(
                    gltf_scene([f"mixamorig:{bone}" for bone in BODY], ())
                ),  # names, and nothing else
                "Dragon.glb": glb(gltf_scene([f"dragon{i}" for i in range(9)], ())),
            },
        )
        status, said, err = run_main(
            "prepare.py", "mixamo", folder, out, "--size", 32, "--frames", 1, "--test_characters", 2, "--test_clips", 1,
            "--pairs", 4, "--samples", 1, "--seed", 2, "--workers", 1, "--clips", "Kick,Wave,Walk_Away",
        )  # fmt: skip
        assert status == 3, err
        assert "broken: Cut.fbx: cut short" in said and "broken: Empty body.glb: Blender " in said
        assert "left out: Dragon.glb: its skeleton fits no clip" in said
        manifest = json.loads((out / "manifest.json").read_text())
        assert list(manifest["broken"]) == ["Empty body.glb"] and list(manifest["unreadable"]) == ["Cut.fbx"]
        everyone = manifest["train_characters"] + manifest["test_characters"]
        assert "Empty_body" not in everyone and len(everyone) == 4
        assert len(read_pairs(out / "test" / "pairs.csv")) == 4
        assert run_main("prepare.py", "mixamo", folder, out, *OPTIONS)[0] == 2  # other parameters

    def test_clip_that_blender_cannot_read_is_named(self, models, tmp_path):
        folder = tmp_path / "models"
        shutil.copytree(models, folder)
        bones = [
            f"mixamorig:{bone}" for bone in ("Hips", "Spine", "Head", "LeftArm", "RightArm", "LeftUpLeg", "RightUpLeg")
        ]
        write(folder, {"clips/Fly.gltf": {**gltf_scene(bones, (("Fly", 1.0),)), "skins": [{"joints": list(range(7))}]}})
        manifest = prepare_mixamo(
            folder, tmp_path / "out", 32, 1, clips=["Kick", "Wave", "Fly"], test_characters=2, test_clips=0, pairs=4,
            samples=1, workers=1, progress=False,
        )  # fmt: skip
        assert list(manifest["broken"]) == ["clips/Fly.gltf"] and "clip Fly" in manifest["broken"]["clips/Fly.gltf"]
        assert set(manifest["zooms"]) == {"Kick", "Wave"}

    def test_crash_of_blender_is_reported(self, models, tmp_path, bad_input):
        python = tmp_path / "python"
        python.write_text("#!/bin/sh\nexit 9\n")
        python.chmod(0o755)
        said = bad_input("prepare.py", "mixamo", models, tmp_path / "out", *OPTIONS, "--blender", python)
        assert "can't be started there" in said and "make blender" in said
        assert not (tmp_path / "out").exists()


class TestRendered:
    def test_tree_pairs_and_manifest(self, rendered):
        out, manifest = rendered
        assert manifest == {k: v for k, v in json.loads((out / "manifest.json").read_text()).items() if k != "version"}
        assert set(manifest["clips"]) == {"Kick", "Walk_Away", "Wave", "Wave_2"}  # Wave_2: the creatures' own
        assert len(manifest["train_characters"]) == 4 and len(manifest["test_characters"]) == 2
        assert manifest["aligned"] and not manifest["broken"] and not manifest["left_out"]
        for character in manifest["train_characters"]:
            own = manifest["train_clips"] if character in "AnnBobCidDee" else ["Wave_2"]
            clips = [clip for clip in own if (clip == "Wave_2") == (character in ("Fox", "Owl"))]
            assert sorted(p.name for p in (out / "train" / character).iterdir()) == sorted(
                f"{clip}_{view}" for clip in clips for view in ("a000", "a090")
            )
        catalog = scan(out)
        assert catalog.aligned and catalog.frames == manifest["train_images"]
        for kind in ("imgs", "mask", "uv"):
            assert len(list((out / "train").glob(f"*/*/{kind}/*.png"))) == manifest["train_images"]
            assert len(list((out / "test" / kind).iterdir())) == manifest["test_images"]
        pairs = read_pairs(out / "test" / "pairs.csv")
        assert len(pairs) == 12
        assert all(p.target.name.split("__")[1:] == p.pose.name.split("__")[1:] for p in pairs)
        assert not [p for p in out.rglob(".*")]

    def test_same_pose_and_camera_on_every_character(self, rendered):
        """Ann, Bob and Cid differ in size and colour alone, so that drawn they differ in colour alone."""
        out, manifest = rendered
        names = [name for name in manifest["train_characters"] if name in ("Ann", "Bob", "Cid", "Dee")]
        clips = [clip for clip in manifest["train_clips"] if clip != "Wave_2"]
        assert len(names) >= 2 and clips
        for clip in clips:
            for frame in (0, 1):
                one, two = (look(out, name, f"{clip}_a000", frame, "mask") > 0 for name in names[:2])
                assert (one & two).sum() > 0.97 * (one | two).sum()
        colours = [look(out, name, f"{clips[0]}_a000", 0)[one & two].mean(0) for name in names[:2]]
        assert np.abs(colours[0] - colours[1]).max() > 40

    def test_framing(self, rendered):
        """Nothing touches the border, feet are on the ground, who walks away stays in the middle."""
        out, manifest = rendered
        for path in (out / "train").glob("*/*/mask/*.png"):
            mask = np.asarray(Image.open(path))
            assert set(np.unique(mask)) == {0, 255}
            rows, columns = np.nonzero(mask)
            assert min(rows.min(), columns.min()) >= 1 and max(rows.max(), columns.max()) <= 46
            assert 37 <= rows.max() <= 44, path  # the ground line is at 0.86 of the height
            picture = np.asarray(Image.open(str(path).replace("mask", "imgs")))
            assert picture.shape == (48, 48, 3)
            far = np.asarray(Image.fromarray(mask).resize((24, 24)).resize((48, 48))) == 0
            assert (picture[far & (mask == 0)] == BACKGROUND).mean() > 0.95
            if "Walk" in str(path):
                assert abs(columns.mean() - 23.5) < 3

    def test_poses_are_those_of_the_clips(self, models, tmp_path):
        """Waving lifts the left arm, which is on the right of a picture from the front; a kick goes forwards."""
        out = tmp_path / "set"
        prepare_mixamo(
            models, out, 64, 2, (0, 90), clips=["Kick", "Wave", "Walk_Away"], test_characters=0, test_clips=1, pairs=4,
            seed=4, workers=1, progress=False,
        )  # fmt: skip
        manifest = json.loads((out / "manifest.json").read_text())
        assert set(manifest["train_clips"]) == {"Kick", "Wave"}
        for name in manifest["train_characters"]:
            standing, waving, kicking = (
                look(out, name, f"{clip}_a{view}", k, "mask") > 0
                for clip, view, k in (("Wave", "000", 0), ("Wave", "000", 1), ("Kick", "090", 1))
            )
            top = np.nonzero(waving)[0].min()
            assert np.nonzero(waving[top])[0].mean() > 38  # the hand, on the right, is above the head
            right = [np.nonzero(mask.any(0))[0].max() for mask in (standing, waving)]
            left = [np.nonzero(mask.any(0))[0].min() for mask in (standing, waving)]
            assert right[1] < right[0] - 5 and abs(left[1] - left[0]) <= 1  # the other arm stays
            assert np.nonzero(kicking.any(0))[0].min() < 20  # seen from its left, it looks to the left

    def test_maps_have_the_same_coordinates_on_every_character(self, rendered):
        out, manifest = rendered
        parts = manifest["uv_parts"]
        names = [name for name in manifest["train_characters"] if name in ("Ann", "Bob", "Cid", "Dee")]
        clip = next(clip for clip in manifest["train_clips"] if clip != "Wave_2") + "_a000"
        maps = [look(out, name, clip, 0, "uv") for name in names[:2]]
        mask = look(out, names[0], clip, 0, "mask") > 0
        assert ((maps[0][..., 0] > 0) == mask).mean() > 0.97 and not maps[0][maps[0][..., 0] == 0].any()
        both = (maps[0][..., 0] == maps[1][..., 0]) & (maps[0][..., 0] > 0)
        assert both.sum() > 0.95 * (maps[0][..., 0] > 0).sum()
        assert np.abs(maps[0][both].astype(int) - maps[1][both]).mean() < 6
        rows, columns = np.nonzero(maps[0][..., 0] == parts.index("head") + 1)
        assert rows.max() < np.nonzero(mask)[0].mean()  # the head is above the middle
        front = maps[0][rows, columns, 1]
        assert abs(np.median(front) - 127) < 40  # and its front is seen
        v = maps[0][..., 2].astype(int)
        assert v[rows.min(), columns[rows.argmin()]] > v[rows.max(), columns[rows.argmax()]]  # v grows upwards

    def test_same_bytes_with_more_workers_and_after_an_interrupt(self, models, rendered, tmp_path):
        out, _ = rendered
        again = tmp_path / "again"
        command = ["mixamo", models, again, *OPTIONS, "--uv", "--workers"]
        process = start("prepare.py", *command, "2", cwd=ROOT, start_new_session=True)
        deadline = time.monotonic() + 90
        while not list(again.glob("train/*/*/imgs/*.png")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: everyone gets it
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "interrupted" in err and "Traceback" not in err
        assert not list(again.rglob("*.partial")) and not (again / "manifest.json").exists()
        for _ in range(100):  # no Blender is left
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("a process outlived the command")
        kept = {path: path.stat().st_mtime_ns for path in again.glob("train/*/*/imgs/*.png")}
        process = start("prepare.py", *command, "1", cwd=ROOT)
        said, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "4 characters to train on, 2 held out" in said
        assert digest(again) == digest(out)
        assert kept and all(path.stat().st_mtime_ns == when for path, when in kept.items())

    def test_pictures_of_another_version_are_not_continued(self, models, rendered, tmp_path, bad_input):
        """Since pictures of two ways of drawing would lie in one dataset."""
        again = tmp_path / "again"
        shutil.copytree(rendered[0], again)
        text = (again / "manifest.json").read_text()
        (again / "manifest.json").write_text(text.replace(f'"mixamo_version": {MIXAMO_VERSION}', '"mixamo_version": 1'))
        said = bad_input("prepare.py", "mixamo", models, again, *OPTIONS, "--uv", "--workers", 1)
        assert f"mixamo_version: 1 there, {MIXAMO_VERSION} now" in said

    def test_poses_agree_with_blenders_own(self, blender, shared):
        """A clip carried over from another file against the character's own copy of it."""
        code = (
            "import sys; sys.path.append(sys.argv[1])\n"
            "import bpy, numpy as np\n"
            "from in_blender.load import load, meshes_of\n"
            "from in_blender.stage import Stage\n"
            "where, frames = sys.argv[2], 3\n"
            "armature = load(where + '/Wizard.gltf')\n"
            "for track in armature.animation_data.nla_tracks: track.mute = True\n"
            "action = bpy.data.actions['Jump']\n"
            "armature.animation_data.action, armature.animation_data.action_slot = action, action.slots[0]\n"
            "time = action.frame_range[0] + (action.frame_range[1] - action.frame_range[0]) * 1.5 / frames\n"
            "bpy.context.scene.frame_set(int(time), subframe=time % 1)\n"
            "stage = Stage()\n"
            "stage.actor = type('Actor', (), {'meshes': meshes_of(armature)})\n"
            "own, bones = stage.skin(), [bone.name for bone in armature.data.bones]\n"
            "stage.actor = None\n"
            "clip = dict(file=where + '/Cow.gltf', action='Jump', bones=dict(zip(bones, bones)), skinned=True)\n"
            "stage.pose(dict(name='Wizard', file=where + '/Wizard.gltf'), clip, 1, frames)\n"
            "print('difference', np.abs(stage.skin() - own).max() / np.ptp(own[:, 2]))\n"
        )
        folder = shared / "data" / "quaternius"
        run = subprocess.run(
            [blender, "-c", code, ROOT / "capture" / "data" / "mixamo", folder],
            capture_output=True,
            text=True,
            timeout=120,
        )
        said = [line for line in run.stdout.splitlines() if line.startswith("difference")]
        assert said and float(said[0].split()[1]) < 1e-3, run.stderr


class TestRefusals:
    def test_missing_blender(self, tmp_path, monkeypatch, bad_input):
        write(
            tmp_path / "models",
            {f"{name}.glb": glb(gltf_scene(actions=(("Walk", 1.0), ("Run", 1.0)))) for name in "abcd"},
        )
        monkeypatch.setattr("capture.data.mixamo.blender.OWN_PYTHON", tmp_path / "nowhere")
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        said = bad_input("prepare.py", "mixamo", tmp_path / "models", tmp_path / "out", *OPTIONS)
        assert "bpy" in said and "make blender" in said and "--blender PYTHON" in said
        said = bad_input(
            "prepare.py", "mixamo", tmp_path / "models", tmp_path / "out", *OPTIONS, "--blender", "/no/python"
        )
        assert "--blender /no/python: no such file" in said
        assert not (tmp_path / "out").exists()

    def test_python_without_bpy(self, tmp_path, bad_input):
        write(
            tmp_path / "models",
            {f"{name}.glb": glb(gltf_scene(actions=(("Walk", 1.0), ("Run", 1.0)))) for name in "abcd"},
        )
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')  # without installed packages
        python.chmod(0o755)
        said = bad_input("prepare.py", "mixamo", tmp_path / "models", tmp_path / "out", *OPTIONS, "--blender", python)
        assert "can't use Blender's module" in said and "No module named" in said
        assert not (tmp_path / "out").exists()

    def test_refused_arguments(self, tmp_path, bad_input):
        assert "no such folder" in bad_input("prepare.py", "mixamo", tmp_path / "nowhere", tmp_path / "out")
        write(tmp_path / "models", {f"{name}.glb": glb(gltf_scene(actions=(("Walk", 1.0),))) for name in "ab"})
        where = ("prepare.py", "mixamo", tmp_path / "models", tmp_path / "out")
        assert "--azimuths left" in bad_input(*where, "--azimuths", "left")
        assert "--clips Swim: no such clip; there are Walk" in bad_input(*where, "--clips", "Swim")
        assert "2 characters with clips and 1 clips" in bad_input(*where)
        write(tmp_path / "still", {"a.glb": glb(gltf_scene(actions=())), "b.glb": b"glTF"})
        said = bad_input("prepare.py", "mixamo", tmp_path / "still", tmp_path / "out")
        assert "no character in it that a clip fits; a.glb: there is no clip (and 1 more)" in said
        assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def looks(models, tmp_path_factory):
    """Look -> the colours (N, 3) of the same picture's figure, two pixels from its edge or more."""
    root = tmp_path_factory.mktemp("looks")
    small = {**SMALL, "frames": 1, "azimuths": (30,), "pairs": 4}
    found = {}
    for name in ("shaded", "cel", "flat", "outline"):
        manifest = prepare_mixamo(models, root / name, **small, look=name, workers=1, progress=False)
        place = "Ann", f"{manifest['train_clips'][0]}_a030", 0
        mask = look(root / name, *place, "mask") > 0
        inside = mask.copy()
        for shift in (-2, -1, 1, 2):
            inside &= np.roll(mask, shift, 0) & np.roll(mask, shift, 1)
        found[name] = look(root / name, *place)[inside]
    return found


class TestLooks:
    def test_flat_has_one_tone_and_the_others_have_more(self, looks):
        most = {
            name: np.unique(colours, axis=0, return_counts=True)[1].max() / len(colours)
            for name, colours in looks.items()
        }
        assert most["flat"] > 0.9 and all(most[name] < 0.7 for name in ("shaded", "cel", "outline"))

    def test_only_outlines_are_dark(self, looks):
        dark = {name: (colours.max(1) < 100).mean() for name, colours in looks.items()}
        assert dark["outline"] > 0.1 and all(dark[name] == 0 for name in ("shaded", "cel", "flat"))

    def test_the_manifest_says_what_differs_from_the_defaults(self, rendered, models, tmp_path):
        assert "appearance" not in rendered[1]
        options = {**SMALL, "frames": 1, "azimuths": (0,), "pairs": 4, "workers": 1, "progress": False}
        manifest = prepare_mixamo(models, tmp_path / "set", **options, look="flat", props="hide")
        assert manifest["appearance"] == {"look": "flat", "props": "hide"}
