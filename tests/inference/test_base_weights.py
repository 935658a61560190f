"""Exports that hold only what differs from other weights."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors import safe_open

from capture.checkpoints.checkpoint import EXPORTED, Base, export_generator, load_export
from capture.common.errors import CaptureError
from capture.config.yaml import dump_yaml
from capture.inference.load_generator import load_generator
from capture.methods.build import build_generator
from capture.methods.capture_parts.patch_size import enlarge_patches
from tests.conftest import tiny_config, write_result
from tests.helpers.parts import moving_parts

FOUR = ("--patch_size", "4", "--image_size", "128")


@pytest.fixture
def base(tmp_path):
    """A result folder with exported weights, in float16, and the generator that they are of."""
    config = tiny_config("--method", "capture_parts")
    generator = moving_parts(build_generator(config))
    folder = tmp_path / "Base"
    folder.mkdir()
    export_generator(folder / EXPORTED, generator.state_dict(), config, half=True)
    (folder / "0config.yaml").write_text(dump_yaml(config))
    generator.load_state_dict(load_export(folder / EXPORTED).weights)
    return folder, generator


@pytest.fixture
def refined(tmp_path, base):
    """A run for larger pictures that began with the base, whose refiner has learnt since; and its generator."""
    config = tiny_config("--method", "capture_parts", *FOUR)
    generator = build_generator(config)
    generator.load_state_dict(enlarge_patches(base[1].state_dict(), 2, 4))
    with torch.no_grad():
        for weight in generator.refiner.parameters():
            weight.add_(0.25)
    return write_result(tmp_path / "Run", generator, config), generator


@pytest.fixture
def exported(run_main, tmp_path, base, refined):
    """The folder of what `--export --base` writes of that run."""
    folder = tmp_path / "Larger"
    folder.mkdir()
    status, _, error = run_main(
        "save_result.py", refined[0], "--export", folder / EXPORTED, "--base", base[0], "--half"
    )
    assert status == 0, error
    (folder / "0config.yaml").write_text(dump_yaml(tiny_config("--method", "capture_parts", *FOUR)))
    return folder


class TestExport:
    def test_only_what_was_trained_is_written(self, base, exported):
        with safe_open(str(exported / EXPORTED), "pt") as file:
            names = set(file.keys())
        assert names and all(name.startswith("refiner.") for name in names)
        assert (exported / EXPORTED).stat().st_size < (base[0] / EXPORTED).stat().st_size / 2

    @pytest.mark.parametrize("source", ["folder", "file"])
    def test_all_weights_are_loaded(self, exported, refined, source):
        generator, config, _ = load_generator(exported if source == "folder" else exported / EXPORTED)
        assert config["capture_parts_config"]["patch_size"] == 4
        for name, weight in refined[1].state_dict().items():
            torch.testing.assert_close(generator.state_dict()[name], weight, atol=1e-3, rtol=1e-3)

    def test_the_same_weights_are_refused(self, bad_input, base):
        line = bad_input("save_result.py", base[0], "--export", base[0].parent / "x.safetensors", "--base", base[0])
        assert "the same weights" in line and not (base[0].parent / "x.safetensors").exists()

    def test_a_run_that_was_not_exported_is_no_base(self, bad_input, base, refined):
        line = bad_input("save_result.py", base[0], "--export", base[0].parent / "x.safetensors", "--base", refined[0])
        assert f"no {EXPORTED} in this folder" in line

    def test_a_base_has_no_base(self, bad_input, exported, refined):
        line = bad_input(
            "save_result.py", refined[0], "--export", exported.parent / "x.safetensors", "--base", exported
        )
        assert "holds only what differs from a base itself" in line

    def test_the_base_is_not_written_over(self, bad_input, base, refined):
        file = base[0] / EXPORTED
        before = file.read_bytes()
        assert "itself" in bad_input("save_result.py", refined[0], "--export", file, "--base", base[0])
        assert file.read_bytes() == before

    @pytest.mark.parametrize(
        "options", [("--export", "x.onnx"), ("--iden_path", "a", "--pose_path", "b", "--save_dir", "c")]
    )
    def test_only_safetensors_have_a_base(self, bad_input, base, options):
        assert "--base" in bad_input("save_result.py", base[0], "--base", base[0], *options)


class TestLoading:
    def test_without_the_base(self, exported, base):
        shutil.rmtree(base[0])
        with pytest.raises(CaptureError, match="differs from the weights 'Base'; put that result folder beside"):
            load_generator(exported)

    def test_a_file_is_not_its_own_base(self, exported, base, tmp_path):
        """In a folder of the same name elsewhere."""
        folder = tmp_path / "elsewhere" / "Base"
        shutil.copytree(exported, folder)
        with pytest.raises(CaptureError, match="put that result folder beside"):
            load_generator(folder)

    def test_with_another_version_of_the_base(self, exported, base):
        folder, generator = base
        export_generator(folder / EXPORTED, generator.state_dict(), tiny_config("--method", "capture_parts"))
        with pytest.raises(CaptureError, match="belongs to another version of"):
            load_generator(exported)

    @pytest.mark.parametrize("name", ["../Base", "/", "..", ""])
    def test_a_name_that_is_a_path_is_not_followed(self, exported, name):
        weights, config, base = load_export(exported / EXPORTED)
        export_generator(exported / EXPORTED, weights, config, base=Base(name, base.digest))
        with pytest.raises(CaptureError, match="is not that of a folder"):
            load_generator(exported)
