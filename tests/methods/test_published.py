"""The method of a released checkpoint is found by the networks in it, whatever methods are registered."""

import pytest
import torch

from capture.common.errors import CaptureError
from capture.common.registry import METHODS
from capture.methods.published import find_published_method, load_published_generator
from tests.helpers.tiny_baselines import fill, inputs, tiny_baseline_config, tiny_fomm, two_frames

LARGER = """
class Method:
    @classmethod
    def published_names(cls):
        return frozenset({"generator", "kp_detector", "refiner"})
"""


@pytest.fixture
def fomm_checkpoint(tmp_path):
    network = fill(tiny_fomm()).eval()
    path = tmp_path / "vox-256.pth.tar"
    torch.save({name: getattr(network, name).state_dict() for name in ("kp_detector", "generator")}, path)
    return path, network


class TestFindPublishedMethod:
    def test_networks_tell_the_method(self):
        assert find_published_method({"generator", "kp_detector", "discriminator"}) == "fomm"
        assert find_published_method({"generator", "region_predictor", "bg_predictor"}) == "mraa"
        assert find_published_method({"generator"}) is None

    def test_the_most_specific_of_several_methods_is_found(self, tmp_path, monkeypatch):
        """A method that is registered later may release checkpoints with another's networks and one more."""
        (tmp_path / "room_of_larger").mkdir()
        (tmp_path / "room_of_larger" / "method.py").write_text(LARGER)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setitem(METHODS, "larger", "room_of_larger")
        assert find_published_method({"generator", "kp_detector", "refiner"}) == "larger"
        assert find_published_method({"generator", "kp_detector"}) == "fomm"


class TestLoadPublishedGenerator:
    def test_a_released_checkpoint_renders_with_its_configuration(self, fomm_checkpoint):
        path, saved = fomm_checkpoint
        config = tiny_baseline_config("fomm")
        network, used = load_published_generator(path, config)
        assert used is config and torch.equal(network.eval()(inputs(*two_frames())), saved(inputs(*two_frames())))

    def test_without_a_configuration_the_authors_own_is_assumed(self, fomm_checkpoint):
        with pytest.raises(CaptureError, match="made for another configuration"):
            load_published_generator(fomm_checkpoint[0], None)

    def test_a_configuration_of_another_method_is_one_line(self, fomm_checkpoint):
        with pytest.raises(CaptureError, match="a checkpoint of method fomm; main_config.method beside it is mraa"):
            load_published_generator(fomm_checkpoint[0], tiny_baseline_config("mraa"))

    def test_a_configuration_that_does_not_fit_is_one_line(self, fomm_checkpoint):
        config = tiny_baseline_config("fomm")
        config["dataset_config"]["image_size"] = 36
        with pytest.raises(CaptureError, match="image_size 36 must be a multiple of 8 for kp_detector"):
            load_published_generator(fomm_checkpoint[0], config)

    def test_an_unknown_checkpoint_is_one_line(self, tmp_path):
        torch.save({"painter": {"weight": torch.zeros(2)}}, tmp_path / "x.pth")
        with pytest.raises(CaptureError, match="not a published checkpoint of a known method .it holds painter."):
            load_published_generator(tmp_path / "x.pth", None)
