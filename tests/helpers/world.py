"""What the programs read, small: one of each kind; and the command lines of two of them."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from capture.checkpoints.checkpoint import latest_path, save_checkpoint
from capture.config.yaml import dump_yaml
from capture.methods.build import build_generator
from tests.conftest import ROOT, draw_figure, tiny_config
from tests.helpers.datasets import make_dataset
from tests.helpers.make_videos import make_video
from tests.helpers.model_files import glb, gltf_scene


def make_world(root: Path) -> Path:
    """Videos, sheets, models, pictures, a result folder, a dataset, and one with something wrong."""
    for split, name in (("train", "a"), ("train", "b"), ("test", "c")):
        make_video(root / "videos" / split / f"{name}.mp4", 5)
    for n in range(4):
        sheet = np.zeros((1344, 832, 4), np.uint8)
        sheet[:, :, :] = (60 * n, 100, 50, 255)
        (root / "sheets" / ("train", "test")[n % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet).save(root / "sheets" / ("train", "test")[n % 2] / f"sheet_{n}.png")
    for name in "abcd":
        (root / "models").mkdir(exist_ok=True)
        (root / "models" / f"{name}.glb").write_bytes(glb(gltf_scene(actions=(("Walk", 1.0), ("Run", 1.0)))))
    blender = root / "blender"
    blender.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "tests" / "helpers" / "fake_blender.py"}"\n')
    blender.chmod(blender.stat().st_mode | stat.S_IXUSR)
    for name, character in (("identities", 3), ("poses", 5)):
        for i in range(3):
            draw_figure(root / name / f"{i}.png", character + i, i)
    torch.manual_seed(0)
    result, config = root / "result", tiny_config()
    save_checkpoint(
        latest_path(result), {"epoch": 1, "gen_state_dict": build_generator(config).state_dict(), "config": config}
    )
    (result / "0config.yaml").write_text(dump_yaml(config))
    (root / "no weights").mkdir()
    make_dataset(root / "dataset")
    rows = ["identity,pose,target\n"]
    for i in range(4):
        for c in range(2):
            draw_figure(root / "dataset" / "test" / "imgs" / f"c{c}__run__{i}.png", c, i)
        rows.append(f"imgs/c0__run__{i}.png,imgs/c1__run__{3 - i}.png,imgs/c0__run__{3 - i}.png\n")
    (root / "dataset" / "test" / "pairs.csv").write_text("".join(rows))
    shutil.copytree(root / "dataset", root / "broken")
    (root / "broken" / "train" / "character_1" / "run" / "1.png").write_bytes(b"")
    with open(root / "broken" / "test" / "pairs.csv", "a") as file:
        file.writelines([rows[1]] * 60)  # longer than what the programs print, which goes to files here
        file.write("imgs/gone.png,imgs/gone.png,\n")
    return root


def render(world: Path, out: Path, *more: object) -> list:
    return ["save_result.py", world / "result", "--iden_path", world / "identities", "--pose_path", world / "poses",
            "--save_dir", out, *more]  # fmt: skip


def evaluate(world: Path, out: Path, *more: object) -> list:
    return ["evaluate.py", world / "result", "--pairs", world / "dataset/test/pairs.csv", "--weights",
            world / "no weights", "--out", out, *more]  # fmt: skip


def prepare_commands(world: Path, out: Path) -> dict[str, list]:
    """The commands that the files of tests/fixtures/golden/datasets/manifests are of."""
    toon = ["prepare.py", "toon", out, "--size", 32, "--workers", 1]
    return {
        "toon_1": [*toon, "--characters", 2, "--clips", 2, "--frames", 2, "--seed", 3],
        "toon_2": [*toon, "--characters", 2, "--clips", 2, "--frames", 3, "--test_characters", 2, "--test_clips", 0],
        "lpc": ["prepare.py", "lpc", world / "sheets", out, "--size", 64, "--pairs", 8, "--workers", 1],
        "fashion": ["prepare.py", "fashion", world / "videos", out, "--size", 32, "--workers", 1],
        "mixamo": ["prepare.py", "mixamo", world / "models", out, "--size", 32, "--frames", 2, "--pairs", 4,
                   "--test_characters", 2, "--test_clips", 1, "--workers", 1, "--blender", world / "blender"],
    }  # fmt: skip
