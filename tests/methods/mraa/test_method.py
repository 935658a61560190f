"""MRAA as a method: what learns in each stage, and training on one batch learns to move the source."""

import pytest
import torch

from capture.checkpoints.checkpoint import load_weights
from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.mraa.method import Method
from tests.helpers.tiny_baselines import moving_batch, tiny_baseline_config, tiny_method, train_on


class TestMraaMethod:
    @pytest.mark.parametrize("mode", ("absolute", "avd"))
    def test_every_parameter_gets_a_gradient(self, mode):
        method = tiny_method("mraa", mode=mode)
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        method.loss("gen", moving_batch(), noise, {})[0].backward()
        for name, parameter in method.networks["gen"].named_parameters():
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name

    @pytest.mark.parametrize("mode", ("absolute", "avd"))
    def test_the_loss_is_the_sum_of_its_terms(self, mode):
        method = tiny_method("mraa", mode=mode)
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        loss, terms = method.loss("gen", moving_batch(), noise, None)
        names = ["G_perceptual", "G_equi_shift", "G_equi_affine"] + ["A_shift", "A_affine"] * (mode == "avd")
        assert list(terms) == names and not any(term.requires_grad for term in terms.values())
        torch.testing.assert_close(loss.detach(), sum(terms.values()))

    def test_mode_avd_needs_two_samples_a_forward(self):
        assert tiny_method("mraa").min_micro_batch == 2
        assert tiny_method("mraa", mode="absolute").min_micro_batch == 1

    def test_true_targets_do_not_go_with_mode_avd(self):
        with pytest.raises(ValueError, match="mraa_config.true_targets: .*; set mode to absolute"):
            Method(tiny_baseline_config("mraa", true_targets=True))

    def test_noise_holds_a_deformation_and_a_stretch_for_each_sample(self):
        method = tiny_method("mraa")
        draws = [method.sample_noise(64, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
        assert draws[0].shape == (64, 6 + 25 + 2)
        assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
        uniform = draws[0][:, -2:]
        assert uniform.min() >= 0 and uniform.max() < 1 and draws[0][:, :-2].min() < -1

    def test_training_on_one_batch_learns_to_move_the_source(self):
        """The prediction comes nearer to the driving picture than the source picture is; equivariance and AVD grow."""
        method, batch = tiny_method("mraa"), moving_batch()
        history = train_on(method, batch, steps=40)
        unmoved = method.perceptual(to_unit(batch["identity"]), to_unit(batch["real"])).item()
        first, last = history[0], history[-1]
        assert first["G_perceptual"] > unmoved > last["G_perceptual"]
        for names in (("G_equi_shift", "G_equi_affine"), ("A_shift", "A_affine")):
            before, after = (sum(terms[name] for name in names) for terms in (first, last))
            assert after < 0.6 * before, names


class TestStageAvd:
    def test_the_avd_network_alone_changes_and_rebuilds_regions_better(self):
        method, batch = tiny_method("mraa", stage="avd"), moving_batch()
        before = {name: value.clone() for name, value in method.networks["gen"].state_dict().items()}
        history = train_on(method, batch, steps=40)
        assert list(history[0]) == ["A_shift", "A_affine"]
        assert sum(history[-1].values()) < 0.6 * sum(history[0].values())
        after = method.networks["gen"].state_dict()
        changed = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
        assert changed == {"avd_network"}

    def test_it_needs_a_trained_region_predictor(self):
        methods = [tiny_method("mraa", stage=stage) for stage in ("joint", "avd")]
        assert [method.needs_trained(method.config) for method in methods] == [(), ("region_predictor",)]
        assert hasattr(methods[1].generator, "region_predictor")

    def test_it_needs_mode_avd(self):
        with pytest.raises(ValueError, match="mraa_config.stage avd .*; set mode to avd"):
            Method(tiny_baseline_config("mraa", stage="avd", mode="absolute"))

    def test_it_starts_from_a_result_that_has_no_avd_network(self, tmp_path):
        first, second = (tiny_method("mraa", mode="absolute"), tiny_method("mraa", stage="avd"))
        weights = first.networks["gen"].state_dict()
        generator = second.generator
        load_weights(generator, weights, "first", second.config, first.config, may_lack=generator.newer_parts)
        assert all(torch.equal(generator.state_dict()[name], value) for name, value in weights.items())
