"""save_result.py with methods that read IUV maps in place of a pose picture."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from capture.data.toon.held_out import held_out_batch
from capture.inference.map_pictures import map_picture
from capture.methods.build import build_generator
from capture.nn.init import init_weights
from tests.conftest import tiny_config, write_result
from tests.helpers.hostile_maps import WRONG, write_wrong_map

SIZE = 64
NO_WEIGHTS = ("--perceptual", "none")
TINY = {
    "lwgan": ("--conv_dim", "4", "--repeat_num", "1", "--n_layers", "2", *NO_WEIGHTS),
    "coord_inpainting": (
        "--inpainter_width",
        "4",
        "--refiner_width",
        "4",
        "--stage",
        "picture",
        "--perceptual_net",
        "none",
    ),
}


@pytest.fixture(scope="module", params=sorted(TINY))
def result(request, tmp_path_factory) -> Path:
    """A result of each method, untrained."""
    config = tiny_config("--method", request.param, "--image_size", str(SIZE), *TINY[request.param])
    torch.manual_seed(0)
    generator = build_generator(config)
    init_weights(generator)
    return write_result(tmp_path_factory.mktemp("result") / request.param, generator, config)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """imgs/0.png and imgs/1.png with their maps uv/0.png and uv/1.png."""
    folder = tmp_path_factory.mktemp("pictures")
    batch = held_out_batch(2, SIZE, views="front", uv=True)
    for kind, values in (("imgs", batch["identity"]), ("uv", batch["identity_uv"])):
        (folder / kind).mkdir()
        for i, value in enumerate(values):
            Image.fromarray(value.permute(1, 2, 0).contiguous().numpy()).save(folder / kind / f"{i}.png")
    return folder


class TestRenderMaps:
    def test_maps_beside_the_pictures_are_found(self, result, pictures, tmp_path, run_main):
        given = ("--iden_path", pictures / "imgs" / "0.png", "--pose_path", pictures / "imgs" / "1.png")
        status, out, err = run_main("save_result.py", result, *given, "--save_dir", tmp_path / "out")
        assert status == 0, err
        assert Image.open(tmp_path / "out" / "output.png").size == (SIZE, SIZE)
        assert Image.open(tmp_path / "out" / "iden_pose_output.png").size == (3 * SIZE, SIZE)
        named = ("--iden_uv", pictures / "uv" / "0.png", "--target_uv", pictures / "uv" / "1.png")
        status, _, err = run_main("save_result.py", result, *given[:2], *named, "--save_dir", tmp_path / "named")
        assert status == 0, err
        one, other = (np.asarray(Image.open(tmp_path / name / "output.png")) for name in ("out", "named"))
        assert np.array_equal(one, other)

    def test_the_driving_map_matters(self, result, pictures, tmp_path, run_main):
        given = ("--iden_path", pictures / "imgs" / "0.png", "--target_uv", pictures / "uv")
        status, out, err = run_main("save_result.py", result, *given, "--save_dir", tmp_path / "out")
        assert status == 0 and "2 pictures in" in out, err
        made = [np.asarray(Image.open(tmp_path / "out" / f"0__{i}" / "output.png"), int) for i in (0, 1)]
        assert np.abs(made[0] - made[1]).max() > 0

    def test_a_missing_map_is_one_line(self, result, pictures, tmp_path, bad_input):
        (tmp_path / "lone.png").write_bytes((pictures / "imgs" / "0.png").read_bytes())
        given = ("--iden_path", tmp_path / "lone.png", "--target_uv", pictures / "uv" / "1.png")
        message = bad_input("save_result.py", result, *given, "--save_dir", tmp_path / "out")
        assert "reads an IUV map of it" in message and "--iden_uv" in message and not (tmp_path / "out").exists()

    def test_a_message_names_the_option_that_gives_the_missing_map(self, result, pictures, tmp_path, bad_input):
        (tmp_path / "lone.png").write_bytes((pictures / "imgs" / "0.png").read_bytes())
        given = ("--iden_path", pictures / "imgs" / "0.png", "--save_dir", tmp_path / "out", "--pose_path")
        message = bad_input("save_result.py", result, *given, tmp_path / "lone.png")
        assert message.endswith("give one with --target_uv")
        message = bad_input("save_result.py", result, *given, pictures / "imgs")
        assert message.endswith("give their folder with --target_uv")

    @pytest.mark.parametrize(
        "option", ("--relative", "--attention", "--keep_aspect", "--noise_scale 1", "--format mp4")
    )
    def test_options_that_maps_leave_unused_are_refused(self, option, result, pictures, tmp_path, bad_input):
        given = ("--iden_path", pictures / "imgs" / "0.png", "--target_uv", pictures / "uv" / "1.png")
        message = bad_input("save_result.py", result, *given, "--save_dir", tmp_path / "out", *option.split())
        assert f"does not use {option.split()[0]}" in message and not (tmp_path / "out").exists()

    def test_motions_are_refused(self, result, pictures, tmp_path, bad_input):
        given = ["--iden_path", pictures / "imgs" / "a.png", "--pose_path", "motion:walk"]
        line = bad_input("save_result.py", result, *given, "--save_dir", tmp_path / "out")
        assert "driven by maps, and motions and webcams are pictures" in line

    @pytest.mark.parametrize("wrong", sorted(WRONG))
    def test_a_wrong_map_is_one_line_and_nothing_is_written(self, wrong, result, pictures, tmp_path, bad_input):
        path = write_wrong_map(pictures / "uv" / "0.png", wrong, tmp_path / "wrong.png")
        given = ("--iden_path", pictures / "imgs" / "0.png", "--save_dir", tmp_path / "out")
        right = pictures / "uv" / "1.png"
        message = bad_input("save_result.py", result, *given, "--iden_uv", path, "--target_uv", right)
        assert path.name in message and re.search(WRONG[wrong], message)
        if wrong not in ("size", "another"):  # the picture of a map that drives is not known
            message = bad_input("save_result.py", result, *given, "--target_uv", path)
            assert path.name in message and re.search(WRONG[wrong], message)
        assert not (tmp_path / "out").exists()

    def test_garments_by_the_method_that_has_them(self, result, pictures, tmp_path, run_main, bad_input):
        given = ("--iden_path", pictures / "imgs" / "0.png", "--target_uv", pictures / "uv" / "1.png")
        worn = ("--garment", pictures / "imgs" / "1.png", "--save_dir", tmp_path / "out")
        if result.name == "lwgan":
            assert "has no garment transfer" in bad_input("save_result.py", result, *given, *worn)
            return
        status, _, err = run_main("save_result.py", result, *given, *worn)
        assert status == 0, err
        assert "'sleeve'; choose from" in bad_input("save_result.py", result, *given, *worn, "--parts", "sleeve")


class TestReleaseFolder:
    @pytest.mark.parametrize("kind", ("zip", "legacy"))
    def test_a_folder_of_released_files_renders_coordinates(self, shared, tmp_path, run_main, bad_input, kind):
        reference = shared / "reference" / "coordinpaint"
        for name in ("inpainter", "refiner"):
            (tmp_path / f"{name}.pth").write_bytes((reference / f"{name}_ngf4.{kind}.pth").read_bytes())
        y, x = np.mgrid[:256, :256]
        inside = (x - 128) ** 2 + (y - 128) ** 2 < 80**2
        figure = np.where(inside[..., None], (200, 60, 60), 255).astype(np.uint8)
        Image.fromarray(figure).save(tmp_path / "a.png")
        coordinates = np.where(inside[..., None], np.stack([x, y], -1) / 127.5 - 1, np.nan).astype(np.float32)
        np.save(tmp_path / "a.npy", coordinates)
        given = ("--iden_path", tmp_path / "a.png", "--iden_uv", tmp_path / "a.npy", "--save_dir", tmp_path / "out")
        status, _, err = run_main("save_result.py", tmp_path, *given, "--target_uv", tmp_path / "a.npy")
        assert status == 0, err
        assert Image.open(tmp_path / "out" / "output.png").size == (256, 256)
        Image.new("RGB", (256, 256), (3, 10, 10)).save(tmp_path / "iuv.png")
        line = bad_input("save_result.py", tmp_path, *given, "--target_uv", tmp_path / "iuv.png")
        assert "target_uv: this method reads coordinates (.npy)" in line


class TestMapPicture:
    def test_background_is_grey(self):
        values = torch.zeros(3, 2, 2, dtype=torch.uint8)
        values[:, 0, 0] = torch.tensor([5, 100, 200], dtype=torch.uint8)
        shown = map_picture(values)
        assert shown[:, 0, 0].tolist() == [50, 100, 200] and shown[:, 1, 1].tolist() == [235] * 3
