"""Checkpoints of the form that MRAA's authors released, made here with random weights."""

from pathlib import Path

import pytest
import torch

from capture.common.errors import CaptureError
from capture.methods.mraa.avd import AvdNetwork
from capture.methods.mraa.method import Method
from capture.methods.mraa.network import Mraa
from capture.methods.mraa.options import Options
from capture.methods.mraa.published import load_mraa
from tests.helpers.tiny_baselines import fill, inputs, tiny_baseline_config, tiny_fomm, tiny_mraa, two_frames


def save_mraa(path: Path, avd: bool = True) -> Mraa:
    network = fill(tiny_mraa(avd=True))
    state = {
        "generator": network.generator.state_dict(),
        "region_predictor": network.region_predictor.state_dict(),
        "bg_predictor": network.bg_predictor.state_dict(),
        "epoch_reconstruction": 99,
    }
    torch.save(state | ({"avd_network": network.avd_network.state_dict()} if avd else {}), path)
    return network.eval()


class TestMraaPublished:
    def test_a_published_checkpoint_renders_the_same(self, tmp_path):
        frames, saved = inputs(*two_frames()), save_mraa(tmp_path / "cpk.pth")
        network = tiny_mraa(avd=True).eval()
        load_mraa(tmp_path / "cpk.pth", network)
        for mode in ("absolute", "avd"):
            assert torch.equal(network.transfer(frames, mode), saved.transfer(frames, mode))
        assert torch.equal(network(frames, details=True).image, saved(frames, details=True).image)

    def test_the_avd_network_loads_by_itself(self, tmp_path):
        saved, apart = save_mraa(tmp_path / "cpk.pth"), AvdNetwork(3, 8, 8, revert_axis_swap=True)
        load_mraa(tmp_path / "cpk.pth", tiny_mraa(), apart)
        assert torch.equal(apart.decoder[0].weight, saved.avd_network.decoder[0].weight)

    def test_a_checkpoint_without_avd_network_loads_but_not_for_mode_avd(self, tmp_path):
        save_mraa(tmp_path / "first-stage.pth", avd=False)
        load_mraa(tmp_path / "first-stage.pth", tiny_mraa(avd=True))
        with pytest.raises(CaptureError, match="first-stage.pth: holds generator, .* and no avd_network"):
            load_mraa(tmp_path / "first-stage.pth", tiny_mraa(avd=True, mode="avd"))

    @pytest.mark.parametrize("avd", (True, False))
    def test_load_published_builds_the_generator_in_the_mode_that_the_checkpoint_allows(self, avd, tmp_path):
        saved = save_mraa(tmp_path / "cpk.pth", avd)
        names = {"generator", "region_predictor", "bg_predictor"} | ({"avd_network"} if avd else set())
        decided = Method.published_config(names)
        assert decided == ({} if avd else {"mraa_config": {"mode": "absolute"}})
        config = tiny_baseline_config("mraa", **decided.get("mraa_config", {}))
        loaded, frames = Method.load_published(tmp_path / "cpk.pth", config).eval(), inputs(*two_frames())
        assert torch.equal(loaded(frames), saved.transfer(frames, "avd" if avd else "absolute"))

    def test_a_checkpoint_of_another_method_is_one_line(self, tmp_path):
        fomm = tiny_fomm()
        state = {"generator": fomm.generator.state_dict(), "kp_detector": fomm.kp_detector.state_dict()}
        torch.save(state, tmp_path / "fomm.tar")
        with pytest.raises(CaptureError, match="no region_predictor; give a checkpoint of the right method"):
            load_mraa(tmp_path / "fomm.tar", tiny_mraa())

    def test_default_networks_have_the_published_numbers_of_parameters(self):
        """Counted in the authors' networks."""
        options = Options().model_dump()["mraa_config"]
        with torch.device("meta"):
            avd = AvdNetwork(options["num_regions"], revert_axis_swap=True, **options["avd"])
            network = Mraa(options, avd)
        parts = (network.region_predictor, network.bg_predictor, network.generator, network.avd_network)
        assert [sum(p.numel() for p in part.parameters()) for part in parts] == [14146728, 6282438, 45575391, 2290620]
