"""Checkpoints: ours, the release's, exports, damage and malice."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from capture.checkpoints.checkpoint import (
    clean_names,
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


def test_saved_state_comes_back(tmp_path, generator):
    save_checkpoint(tmp_path / "a.pt", {"gen_state_dict": generator.state_dict(), "epoch": 3})
    state = load_checkpoint(tmp_path / "a.pt")
    assert state["epoch"] == 3
    for name, value in generator.state_dict().items():
        assert torch.equal(state["gen_state_dict"][name], value)
    assert os.listdir(tmp_path) == ["a.pt"]


class Payload:
    """What a hostile pickle does when it is loaded without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path):
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
def test_truncated_checkpoints_are_named(tmp_path, generator, keep):
    path = tmp_path / "latest_checkpoint.pt"
    save_checkpoint(path, {"gen_state_dict": generator.state_dict()})
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(CaptureError, match="latest_checkpoint.pt: .*checkpoint") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_other_files_and_newer_versions_are_refused(tmp_path, generator):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CaptureError, match="not a CaPTURe checkpoint"):
        load_checkpoint(tmp_path / "list.pt")
    torch.save({"format": "capture-checkpoint", "version": 99, "gen_state_dict": {}}, tmp_path / "new.pt")
    with pytest.raises(CaptureError, match="newer version"):
        load_checkpoint(tmp_path / "new.pt")


def test_names_of_the_release_and_of_dataparallel(generator):
    weights = {f"module.{name}": value for name, value in generator.state_dict().items()}
    weights["module.decoder.alpha"] = torch.zeros(1)
    weights["module.decoder.attnModule_256.0.value_conv2.weight"] = torch.zeros(1)
    assert set(clean_names(weights)) == set(generator.state_dict())


@pytest.mark.parametrize("with_config", (True, False))
def test_another_configuration_is_said_key_by_key(generator, with_config):
    other = tiny_config("--idenE_config.c", "8", "--poseE_config.c", "8", "--idenE_config.min_ch", "32",
                        "--poseE_config.min_ch", "32", "--dec_config.min_ch", "32")  # fmt: skip
    with pytest.raises(CaptureError) as caught:
        load_weights(
            build_generator(other), generator.state_dict(), "x.pt", other, tiny_config() if with_config else None
        )
    assert "idenE_config.c is 4 in the checkpoint and 8 in the configuration" in str(caught.value)
    assert "min_ch is 16 in the checkpoint and 32 in the configuration" in str(caught.value)


def test_a_body_of_other_widths_is_not_blamed_on_keys_that_agree():
    argv = ("--patch", "2", "--body_parts", "25", "--code_ch", "8", "--image_size", "64")
    config = tiny_config(*argv)
    network = build_generator(config)
    weights = dict(network.state_dict())
    weights["body.motion.name"] = torch.zeros(25, 3)
    with pytest.raises(CaptureError, match="1 parameters differ, the first is body.motion.name"):
        load_weights(network, weights, "x.pt", config, None)
    plain = build_generator(tiny_config("--image_size", "64"))
    with pytest.raises(CaptureError, match="patch is 1 in the checkpoint and 2 in the configuration"):
        load_weights(network, plain.state_dict(), "x.pt", config, None)


def test_the_moving_average_is_what_people_get(generator):
    plain, average = generator.state_dict(), {n: v + 1 for n, v in generator.state_dict().items()}
    state = {"gen_state_dict": plain, "ema_state_dict": average}
    name = next(iter(plain))
    assert torch.equal(generator_weights(state)[name], average[name])
    assert torch.equal(generator_weights({"gen_state_dict": plain})[name], plain[name])


@pytest.mark.parametrize("half", (False, True))
def test_export_is_complete_by_itself(tmp_path, generator, half):
    path = tmp_path / "generator.safetensors"
    export_generator(path, generator.state_dict(), tiny_config(), half)
    weights, config = load_export(path)
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


def test_damaged_exports_are_named(tmp_path, generator):
    path = tmp_path / "generator.safetensors"
    export_generator(path, generator.state_dict(), tiny_config())
    data = path.read_bytes()
    for broken in (data[:100], data[: len(data) // 2], b"", b"\xff" * 64):
        path.write_bytes(broken)
        with pytest.raises(CaptureError, match="generator.safetensors"):
            load_export(path)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CaptureError, match="not a generator exported"):
        load_export(path)
