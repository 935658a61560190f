"""Parameter names of the release and of older versions, in today's names."""

from __future__ import annotations

import lzma

import pytest
import torch
from safetensors.torch import load_file

from capture.checkpoints.checkpoint import EXPORTED, load_checkpoint, load_export
from capture.checkpoints.release_names import current_names, reorder_optimiser
from capture.common.registry import METHODS
from capture.config.load import load_config
from capture.methods.build import build_generator, build_method
from tests.conftest import ROOT, tiny_config

TOON = ROOT / "result" / "Toon"
GOLDEN = ROOT / "tests" / "fixtures" / "golden" / "results"


def shapes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


class TestCurrentNames:
    def test_names_of_the_release(self, shared):
        """Every name of the release's own checkpoint is one of today's network, and none of today's is missing."""
        state = load_checkpoint(shared / "reference" / "latest_checkpoint.pt")
        method = build_method(load_config([shared / "reference" / "0config.yaml"]))
        assert any(name.startswith("idenity_encoder.") for name in state["gen_state_dict"])
        assert any(name.startswith("decoder.attnModule_256.") for name in state["gen_state_dict"])
        for name in ("gen", "disc"):
            old = state[f"{name}_state_dict"]
            assert shapes(current_names(old)) == shapes(method.networks[name].state_dict())
            parallel = {f"module.{key}": value for key, value in old.items()}
            assert shapes(current_names(parallel)) == shapes(method.networks[name].state_dict())

    @pytest.mark.parametrize("version", ("v1", "v2", "v3"))
    def test_names_of_older_versions(self, tmp_path, version):
        path = tmp_path / "old.pt"
        path.write_bytes(lzma.decompress((GOLDEN / version / "latest_checkpoint.pt.xz").read_bytes()))
        state = load_checkpoint(path)
        method = build_method(load_config([GOLDEN / version / "0config.yaml"]))
        assert "decoder.toRGB.conv.bias" in state["gen_state_dict"]
        for name, network in method.networks.items():
            assert shapes(current_names(state[f"{name}_state_dict"])) == shapes(network.state_dict())
        assert shapes(current_names(state["ema_state_dict"])) == shapes(method.networks["gen"].state_dict())

    def test_names_of_the_body_that_became_capture_parts(self):
        old = load_file(TOON / EXPORTED)
        weights, config, _ = load_export(TOON / EXPORTED)
        if not any(name.startswith("body.") for name in old):
            pytest.skip("the weights in result/Toon have today's names")
        own = build_generator(config).state_dict()
        assert shapes(current_names(old)) == shapes(weights) == shapes(own)
        assert len(set(current_names(old))) == len(own)  # no two names became one

    @pytest.mark.parametrize("method", METHODS)
    def test_names_of_today_stay(self, method):
        networks = build_method(tiny_config("--method", method)).networks
        for network in networks.values():
            assert list(current_names(network.state_dict())) == list(network.state_dict())

    def test_parameters_that_nothing_reads_are_left_out(self):
        weights = {name: torch.zeros(1) for name in ("decoder.alpha", "decoder.attnModule_256.0.value_conv2.weight")}
        assert current_names(weights) == {}
        assert list(current_names({"decoder.attention.0.alpha": torch.zeros(1)})) == ["decoder.attention.0.alpha"]


class TestReorderOptimiser:
    def test_moments_follow_their_parameters(self):
        state = {"state": {0: "of b", 1: "of a", 2: "of c"}, "param_groups": [{"lr": 1, "params": [0, 1, 2]}]}
        moved = reorder_optimiser(state, ["b", "a", "c"], ["a", "b", "c"])
        assert moved == {**state, "state": {0: "of a", 1: "of b", 2: "of c"}}

    @pytest.mark.parametrize("state", (None, {}, {"state": {7: 0}}, {"state": []}))
    def test_damaged_states_come_back_unchanged(self, state):
        assert reorder_optimiser(state, ["b", "a"], ["a", "b"]) is state

    def test_other_parameters_are_not_reordered(self):
        state = {"state": {0: "of a"}}
        assert reorder_optimiser(state, ["a"], ["b"]) is state
        assert reorder_optimiser(state, ["a", "b"], ["a", "b"]) is state
