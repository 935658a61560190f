"""What FOMM and MRAA share as methods: true targets, the perceptual loss, and the networks' initial weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from capture.common.errors import CaptureError
from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.keypoint_warping.method import driving_and_truth, reset_parameters
from capture.nn.spectral_norm import SpectralNormConv2d
from tests.helpers.tiny_baselines import (
    inputs,
    moving_batch,
    tiny_discriminator,
    tiny_fomm,
    tiny_method,
    tiny_mraa,
)

BASELINES = pytest.mark.parametrize("method", ("fomm", "mraa"))


def states_after_reset(network: nn.Module, seeds: tuple[int, ...]) -> list[dict[str, torch.Tensor]]:
    """State dicts of `network` after reset_parameters with each seed, from values that were all shifted by one.

    The filters of AntiAliasDown follow from the scale: they are neither shifted nor reset.
    """
    states, filters = [], "down.weight"
    for seed in seeds:
        shifted = {name: value + (not name.endswith(filters)) for name, value in network.state_dict().items()}
        network.load_state_dict(shifted)
        torch.manual_seed(seed)
        reset_parameters(network)
        states.append({name: value.clone() for name, value in network.state_dict().items()})
    return states


class TestTrueTargets:
    def test_true_targets_drive_with_the_pose_where_a_target_is_known(self):
        batch = moving_batch() | {"has_target": torch.tensor([True, False])}
        driving, truth = driving_and_truth(batch, true_targets=True)
        assert torch.equal(driving, torch.stack([batch["pose"][0], batch["real"][1]]))
        assert torch.equal(truth, torch.stack([batch["target"][0], batch["real"][1]]))

    def test_without_true_targets_the_real_frame_drives(self):
        batch = moving_batch()
        assert all(picture is batch["real"] for picture in driving_and_truth(batch, true_targets=False))
        del batch["target"], batch["has_target"]
        assert all(picture is batch["real"] for picture in driving_and_truth(batch, true_targets=True))

    @BASELINES
    @pytest.mark.parametrize("true_targets", (True, False))
    def test_the_perceptual_loss_compares_the_prediction_with_its_truth(self, method, true_targets):
        changes = {"true_targets": true_targets} | ({"mode": "absolute"} if method == "mraa" else {})
        trained, batch = tiny_method(method, **changes), moving_batch()
        noise = trained.sample_noise(2, torch.Generator().manual_seed(0))
        driving, truth = ("pose", "target") if true_targets else ("real", "real")
        with torch.no_grad():
            _, metrics = trained.loss("gen", batch, noise, {})
            details = trained.networks["gen"](inputs(batch["identity"], batch[driving]), details=True)
            expected = trained.perceptual(details.prediction, to_unit(batch[truth]))
        torch.testing.assert_close(metrics["G_perceptual"], expected)

    @BASELINES
    def test_batch_keys_ask_for_a_target_where_true_targets_are_learnt(self, method):
        kind = type(tiny_method(method))
        for true_targets in (True, False):
            needed = kind.batch_keys({f"{method}_config": {"true_targets": true_targets}})
            assert list(needed) == (["target"] if true_targets else [])
            assert all(f"{method}_config.true_targets" in why for why in needed.values())


class TestPerceptualOptions:
    @BASELINES
    def test_missing_weights_of_the_perceptual_network_are_one_line(self, method, tmp_path):
        changes = {"perceptual": "alexnet", "perceptual_path": str(tmp_path), "scales": [1.0]}
        with pytest.raises(CaptureError, match="perceptual alexnet: .*set perceptual to another of"):
            tiny_method(method, **changes)

    @BASELINES
    def test_a_scale_that_is_too_small_for_the_perceptual_network_is_named(self, method):
        with pytest.raises(ValueError, match="perceptual scale 0.25 leaves 8 of 32 pixels and vgg19 needs 16"):
            tiny_method(method, perceptual="vgg19", scales=[1.0, 0.25])


class TestResetParameters:
    @pytest.mark.parametrize("build", (tiny_fomm, tiny_discriminator, lambda: tiny_mraa(avd=True)))
    def test_a_seed_decides_the_initial_weights(self, build):
        first, again, other = states_after_reset(build(), (1, 1, 2))
        assert all(torch.equal(first[name], again[name]) for name in first)
        drawn = [name for name, value in first.items() if value.dim() > 1 and value.float().std() > 0]
        fixed = [name for name in drawn if name.endswith("down.weight")]  # the filters of AntiAliasDown
        assert all(torch.equal(first[name], other[name]) == (name in fixed) for name in drawn)

    @pytest.mark.parametrize("build", (tiny_fomm, tiny_discriminator, lambda: tiny_mraa(avd=True)))
    def test_initial_weights_are_uniform_up_to_one_over_the_root_of_fan_in(self, build):
        """As torch initialises layers (Kaiming uniform, a = sqrt 5); Xavier and Kaiming normal exceed that bound."""
        network = build()
        states_after_reset(network, (1,))
        scaled = []
        for name, layer in network.named_modules():
            if not isinstance(layer, nn.Conv2d | nn.Linear) or name.endswith(("jacobian", "bg_predictor.fc")):
                continue
            weight = layer.weight_orig if isinstance(layer, SpectralNormConv2d) else layer.weight
            bound = 1 / math.sqrt(weight[0].numel())
            for values in (weight, layer.bias):
                assert values.abs().max() <= bound * 1.0001, name
                scaled.append((values / bound).flatten().detach())
        scaled = torch.cat(scaled)
        assert len(scaled) > 1000
        shares = torch.histc(scaled, 4, -1, 1) / len(scaled)  # a quarter in each quarter, as only a uniform one has
        torch.testing.assert_close(shares, torch.full((4,), 0.25), atol=0.04, rtol=0)

    def test_heads_start_without_motion(self):
        torch.manual_seed(7)
        fomm, mraa = tiny_fomm(), tiny_mraa()
        for network in (fomm, mraa):
            states_after_reset(network, (1,))
        assert fomm.kp_detector.jacobian.bias.tolist() == 3 * [1, 0, 0, 1]
        assert not fomm.kp_detector.jacobian.weight.any() and not mraa.bg_predictor.fc.weight.any()
        assert mraa.bg_predictor.fc.bias.tolist() == [1, 0, 0, 0, 1, 0]

    def test_statistics_of_norms_start_anew(self):
        for name, value in states_after_reset(tiny_mraa(avd=True), (1,))[0].items():
            if name.endswith(("running_mean", "num_batches_tracked")):
                assert not value.any(), name
            elif name.endswith("running_var") or (value.dim() == 1 and name.endswith(("norm.weight", "norm1.weight"))):
                assert (value == 1).all(), name

    def test_spectral_norm_starts_with_unit_vectors(self):
        before = tiny_discriminator().state_dict()
        for name, value in states_after_reset(tiny_discriminator(), (7,))[0].items():
            if name.endswith(("weight_u", "weight_v")) and value.numel() > 1:
                assert not torch.equal(value, before[name]), name
                assert value.norm().item() == pytest.approx(1, abs=1e-5), name
