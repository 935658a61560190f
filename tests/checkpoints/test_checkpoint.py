"""Checkpoints: saved and loaded, exported, damaged and hostile."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from capture.checkpoints.checkpoint import (
    export_generator,
    generator_weights,
    load_checkpoint,
    load_export,
    load_weights,
    save_checkpoint,
)
from capture.common.errors import CaptureError
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from tests.conftest import tiny_config


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return build_generator(tiny_config())


class Payload:
    """What a hostile pickle does when it is loaded without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


class TestSaveCheckpoint:
    def test_state_comes_back_as_it_was_saved(self, tmp_path, generator):
        save_checkpoint(tmp_path / "a.pt", {"gen_state_dict": generator.state_dict(), "epoch": 3})
        state = load_checkpoint(tmp_path / "a.pt")
        assert state["epoch"] == 3
        for name, value in generator.state_dict().items():
            assert torch.equal(state["gen_state_dict"][name], value)
        assert os.listdir(tmp_path) == ["a.pt"]

    def test_latest_checkpoint_becomes_the_previous_one(self, tmp_path):
        for step in (1, 2, 3):
            save_checkpoint(tmp_path / "latest_checkpoint.pt", {"gen_state_dict": {}, "step": step})
        steps = {path.name: load_checkpoint(path)["step"] for path in tmp_path.iterdir()}
        assert steps == {"latest_checkpoint.pt": 3, "previous_checkpoint.pt": 2}


class TestLoadCheckpoint:
    def test_a_pickle_that_runs_code_is_refused_and_does_not_run(self, tmp_path):
        mark = tmp_path / "mark"
        torch.save({"gen_state_dict": {}, "x": Payload(mark)}, tmp_path / "a.pt")
        (tmp_path / "b.pt").write_bytes(pickle.dumps(Payload(mark)))
        for name in ("a.pt", "b.pt"):
            with pytest.raises(CaptureError, match="refused|not a checkpoint"):
                load_checkpoint(tmp_path / name)
        with pytest.raises(CaptureError, match="refused: this file holds objects that would run code"):
            load_checkpoint(tmp_path / "a.pt")
        assert not mark.exists()

    @pytest.mark.parametrize("keep", (0, 10, 0.3, 0.9))
    def test_truncated_checkpoints_are_named(self, tmp_path, generator, keep):
        path = tmp_path / "latest_checkpoint.pt"
        save_checkpoint(path, {"gen_state_dict": generator.state_dict()})
        data = path.read_bytes()
        path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
        with pytest.raises(CaptureError, match="latest_checkpoint.pt: .*checkpoint") as caught:
            load_checkpoint(path)
        assert "\n" not in str(caught.value)

    def test_other_files_and_newer_versions_are_refused(self, tmp_path):
        torch.save([1, 2], tmp_path / "list.pt")
        with pytest.raises(CaptureError, match="not a CaPTURe checkpoint"):
            load_checkpoint(tmp_path / "list.pt")
        torch.save({"format": "capture-checkpoint", "version": 99, "gen_state_dict": {}}, tmp_path / "new.pt")
        with pytest.raises(CaptureError, match="newer version"):
            load_checkpoint(tmp_path / "new.pt")


class TestLoadWeights:
    @pytest.mark.parametrize("with_config", (True, False))
    def test_another_configuration_is_named_key_by_key(self, generator, with_config):
        other = tiny_config("--idenE_config.c", "8", "--poseE_config.c", "8", "--idenE_config.min_ch", "32",
                            "--poseE_config.min_ch", "32", "--dec_config.min_ch", "32")  # fmt: skip
        made_with = tiny_config() if with_config else None
        network = build_generator(other)
        with pytest.raises(CaptureError) as caught:
            load_weights(network, generator.state_dict(), "x.pt", other, made_with, network.config_from_shapes)
        assert "idenE_config.c is 4 in the checkpoint and 8 in the configuration" in str(caught.value)
        assert "min_ch is 16 in the checkpoint and 32 in the configuration" in str(caught.value)

    def test_keys_that_agree_are_not_blamed_for_weights_of_another_width(self):
        config = tiny_config("--method", "capture_parts")
        network = build_generator(config)
        weights = dict(network.state_dict())
        weights["part_motion.part_embedding"] = torch.zeros(25, 3)
        with pytest.raises(CaptureError, match="1 parameters differ, the first is part_motion.part_embedding"):
            load_weights(network, weights, "x.pt", config, config, network.config_from_shapes)
        other = tiny_config("--method", "capture_parts", "--patch_size", "1")
        message = "patch_size is 1 in the checkpoint and 2 in the configuration"
        with pytest.raises(CaptureError, match=message):
            load_weights(network, build_generator(other).state_dict(), "x.pt", config, other)

    def test_the_moving_average_is_the_generator_of_a_checkpoint(self, generator):
        plain, average = generator.state_dict(), {n: v + 1 for n, v in generator.state_dict().items()}
        state = {"gen_state_dict": plain, "ema_state_dict": average}
        name = next(iter(plain))
        assert torch.equal(generator_weights(state)[name], average[name])
        assert torch.equal(generator_weights({"gen_state_dict": plain})[name], plain[name])


class TestExport:
    @pytest.mark.parametrize("half", (False, True))
    def test_export_renders_without_its_result_folder(self, tmp_path, generator, half):
        path = tmp_path / "generator.safetensors"
        export_generator(path, generator.state_dict(), tiny_config(), half)
        weights, config, _ = load_export(path)
        assert config["generator_config"] == tiny_config()["generator_config"]
        tolerance = dict(rtol=1e-3, atol=1e-4) if half else dict(rtol=0, atol=0)
        for name, value in generator.state_dict().items():
            torch.testing.assert_close(weights[name], value, **tolerance)
        images = torch.rand(2, 1, 3, 32, 32) * 2 - 1
        generator.eval()
        torch.testing.assert_close(
            PoseTransfer.load(path, "cpu").transfer(*images),
            PoseTransfer(generator, tiny_config(), torch.device("cpu")).transfer(*images),
            **(dict(rtol=0, atol=0.02) if half else {}),
        )

    def test_damaged_exports_are_named(self, tmp_path, generator):
        path = tmp_path / "generator.safetensors"
        export_generator(path, generator.state_dict(), tiny_config())
        data = path.read_bytes()
        for broken in (data[:100], data[: len(data) // 2], b"", b"\xff" * 64):
            path.write_bytes(broken)
            with pytest.raises(CaptureError, match="generator.safetensors"):
                load_export(path)
        save_file({"x": torch.zeros(1)}, path)
        with pytest.raises(CaptureError, match="not a generator exported"):
            load_export(path)
