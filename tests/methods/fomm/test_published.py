"""Checkpoints of the form that FOMM's authors released, made here with random weights."""

from pathlib import Path

import pytest
import torch

from capture.common.errors import CaptureError
from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.method import Method
from capture.methods.fomm.network import Fomm
from capture.methods.fomm.options import Options
from capture.methods.fomm.published import load_fomm
from tests.helpers.tiny_baselines import (
    fill,
    inputs,
    tiny_baseline_config,
    tiny_discriminator,
    tiny_fomm,
    tiny_mraa,
    two_frames,
)


def save_fomm(path: Path) -> tuple[Fomm, MultiScaleDiscriminator]:
    """A checkpoint as torch 1.0 wrote them, and the networks in it."""
    network, discriminator = fill(tiny_fomm()), fill(tiny_discriminator())
    optimiser = torch.optim.Adam(network.parameters())
    network(inputs(*two_frames())).mean().backward()
    optimiser.step()
    state = {
        "generator": network.generator.state_dict(),
        "kp_detector": network.kp_detector.state_dict(),
        "discriminator": discriminator.state_dict(),
        "optimizer_generator": optimiser.state_dict(),
        "epoch": 99,
    }
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return network.eval(), discriminator


def refused(path: Path, network: Fomm) -> str:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(CaptureError) as error:
        load_fomm(path, network)
    assert "\n" not in str(error.value)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    return str(error.value)


class TestFommPublished:
    def test_a_published_checkpoint_renders_the_same(self, tmp_path):
        saved, discriminator = save_fomm(tmp_path / "vox-cpk.pth.tar")
        network, other, frames = tiny_fomm().eval(), tiny_discriminator(), inputs(*two_frames())
        assert not torch.equal(network(frames), saved(frames))
        load_fomm(tmp_path / "vox-cpk.pth.tar", network, other)
        assert torch.equal(network(frames), saved(frames))
        assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), discriminator.state_dict().values()))

    def test_load_published_builds_the_generator(self, tmp_path):
        saved, _ = save_fomm(tmp_path / "vox-cpk.pth.tar")
        loaded = Method.load_published(tmp_path / "vox-cpk.pth.tar", tiny_baseline_config("fomm")).eval()
        assert torch.equal(loaded(inputs(*two_frames())), saved(inputs(*two_frames())))

    def test_another_configuration_or_method_is_one_line_and_loads_nothing(self, tmp_path):
        save_fomm(tmp_path / "fomm.tar")
        message = refused(tmp_path / "fomm.tar", tiny_fomm(num_kp=4))
        assert "made for another configuration: generator.dense_motion_network.hourglass" in message
        assert "is 8x16x3x3 there and 8x20x3x3 here" in message
        assert "missing here" in refused(tmp_path / "fomm.tar", tiny_fomm(estimate_jacobian=False))
        mraa = tiny_mraa()
        state = {"generator": mraa.generator.state_dict(), "region_predictor": mraa.region_predictor.state_dict()}
        torch.save(state, tmp_path / "mraa.pth")
        assert "no kp_detector; give a checkpoint of the right method" in refused(tmp_path / "mraa.pth", tiny_fomm())

    def test_default_networks_have_the_published_numbers_of_parameters(self):
        """Counted in the authors' networks."""
        options = Options().model_dump()["fomm_config"]
        with torch.device("meta"):
            network = Fomm(options)
            discriminator = MultiScaleDiscriminator(num_kp=options["num_kp"], **options["discriminator"])
        parts = (network.kp_detector, network.generator, discriminator)
        assert [sum(p.numel() for p in part.parameters()) for part in parts] == [14215368, 45575391, 2758849]
