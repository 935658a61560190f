"""Checkpoints of the authors' form: flat state dicts, with and without `module.`, as torch and as safetensors files."""

from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import save_file

from capture.common.errors import CaptureError
from capture.methods.lwgan.discriminator import PatchDiscriminator
from capture.methods.lwgan.method import Method
from capture.methods.lwgan.published import load_discriminator, load_generator
from tests.helpers.tiny_lwgan import SIZE, lwgan_options, tiny_batch, tiny_generator


def weights(prefix: str = "") -> dict[str, torch.Tensor]:
    state = tiny_generator().state_dict()
    return {prefix + name: value + 0.01 for name, value in state.items()}


def config(**changes) -> dict:
    return {"lwgan_config": lwgan_options(**changes), "dataset_config": {"image_size": SIZE}}


class Evil:
    def __reduce__(self):
        return os.system, ("touch was_executed",)


class TestLoadPublished:
    @pytest.mark.parametrize("prefix", ["", "module."])
    @pytest.mark.parametrize("form", ["zip.pth", "legacy.pth", "file.safetensors"])
    def test_both_forms_load(self, tmp_path, prefix, form):
        path = tmp_path / form
        if path.suffix == ".safetensors":
            save_file(weights(prefix), path)
        else:
            torch.save(weights(prefix), path, _use_new_zipfile_serialization=form == "zip.pth")
        generator = Method.load_published(path, config())
        for name, value in weights().items():
            assert torch.equal(generator.state_dict()[name], value), name
        assert generator(tiny_batch()).isfinite().all()

    def test_a_constant_background_leaves_the_background_stream_alone(self, tmp_path):
        torch.save(weights(), tmp_path / "G.pth")
        generator = Method.load_published(tmp_path / "G.pth", config(background="constant"))
        assert set(generator.state_dict()) == {name for name in weights() if not name.startswith("bg_model.")}

    def test_discriminator(self, tmp_path):
        state = {f"module.{name}": value for name, value in PatchDiscriminator(6, 4, 3).state_dict().items()}
        torch.save(state, tmp_path / "D.pth")
        network = PatchDiscriminator(6, 4, 3)
        load_discriminator(tmp_path / "D.pth", network)
        assert all(torch.equal(state[f"module.{name}"], value) for name, value in network.state_dict().items())

    def test_names_that_tell_it_from_others(self):
        assert Method.published_names() == {name.split(".")[0] for name in weights()}

    @pytest.mark.parametrize(
        ("state", "line"),
        [
            ({"model.0.weight": torch.zeros(2)}, "not a published generator of LWGAN"),
            ({**weights(), "bg_model.model.0.weight": torch.zeros(9, 4, 7, 7)}, "is 9x4x7x7 there and 4x4x7x7 here"),
            ({**weights(), "tsf_model.more": torch.zeros(1)}, "tsf_model.more is 1 there and missing here"),
            ({k: v for k, v in weights().items() if k != "tsf_model.img_reg.0.weight"}, "missing there"),
            ({**weights(), "bg_model.model.0.weight": torch.full((4, 4, 7, 7), torch.nan)}, "NaN"),
            ({**weights(), "bg_model.model.0.weight": 3}, "not a tensor"),
            ({}, "no parameters"),
            ([1, 2], "damaged"),
            ({**weights(), "bg_model.model.0.weight": Evil()}, "objects that would run code"),
        ],
    )
    def test_other_files_are_refused_in_one_line_and_nothing_is_loaded(self, tmp_path, state, line, monkeypatch):
        monkeypatch.chdir(tmp_path)
        torch.save(state, "G.pth")
        generator = tiny_generator()
        before = {name: value.clone() for name, value in generator.state_dict().items()}
        with pytest.raises(CaptureError, match=line) as error:
            load_generator("G.pth", generator)
        assert "\n" not in str(error.value) and str(error.value).startswith("G.pth: ")
        assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
        assert not (tmp_path / "was_executed").exists()

    @pytest.mark.parametrize("name", ["none.pth", "none.safetensors"])
    def test_missing_file(self, tmp_path, name):
        with pytest.raises(CaptureError, match="no such checkpoint"):
            load_generator(tmp_path / name, tiny_generator())

    @pytest.mark.parametrize("name", ["bad.pth", "bad.safetensors"])
    def test_damaged_file(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"nonsense" * 40)
        with pytest.raises(CaptureError, match="get it again"):
            load_generator(tmp_path / name, tiny_generator())
