"""FOMM as a method: its losses reach the right networks, and training on one batch learns to move the source."""

import pytest
import torch

from capture.methods.fomm.method import Method
from capture.methods.keypoint_warping.autoencoder import to_unit
from tests.helpers.tiny_baselines import moving_batch, tiny_baseline_config, tiny_method, train_on


class TestFommMethod:
    def test_the_discriminator_is_there_where_generator_gan_has_a_weight(self):
        with_gan, without = tiny_method("fomm"), tiny_method("fomm", loss_weights__generator_gan=0.0)
        assert with_gan.update_order == ("gen", "disc") and set(with_gan.networks) == {"gen", "disc"}
        assert without.update_order == ("gen",) and set(without.networks) == {"gen"}

    def test_each_update_gives_gradients_to_its_own_network_alone(self):
        method, batch, cache = tiny_method("fomm"), moving_batch(), {}
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        for name, other in (("gen", "disc"), ("disc", "gen")):
            method.loss(name, batch, noise, cache)[0].backward()
            for key, parameter in method.networks[name].named_parameters():
                assert parameter.grad is not None and parameter.grad.isfinite().all(), key
                assert parameter.requires_grad, key
            assert all(parameter.grad is None for parameter in method.networks[other].parameters())
            method.networks[name].zero_grad(set_to_none=True)

    def test_losses_are_the_sums_of_their_terms(self):
        method, batch, cache = tiny_method("fomm"), moving_batch(), {}
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        names = {
            "gen": {"G_perceptual", "G_gan", "G_features", "G_equi_value", "G_equi_jacobian"},
            "disc": {"D_gan"},
        }
        for name in method.update_order:
            loss, terms = method.loss(name, batch, noise, cache)
            assert set(terms) == names[name] and not any(term.requires_grad for term in terms.values())
            torch.testing.assert_close(loss.detach(), sum(terms.values()))

    def test_the_discriminators_update_judges_the_picture_of_the_generators_update(self):
        """With a cache it is that very picture; without one the same network makes the same picture again."""
        method, batch, cache = tiny_method("fomm", discriminator__sn=False), moving_batch(), {}
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        method.loss("gen", batch, noise, cache)
        kept, again = (method.loss("disc", batch, noise, given)[0] for given in (cache, None))
        torch.testing.assert_close(kept, again)
        with torch.no_grad():
            method.networks["gen"].generator.final.bias.add_(1.0)
        kept_after, again_after = (method.loss("disc", batch, noise, given)[0] for given in (cache, None))
        assert torch.equal(kept_after, kept) and not torch.allclose(again_after, again)

    def test_noise_is_a_row_of_normal_numbers_for_each_sample(self):
        method = tiny_method("fomm")
        draws = [method.sample_noise(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
        assert draws[0].shape == (3, 6 + 25) and torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])

    def test_training_on_one_batch_learns_to_move_the_source(self):
        """The prediction comes nearer to the driving picture than the source picture is, and equivariance grows."""
        method, batch = tiny_method("fomm", loss_weights__generator_gan=0.0), moving_batch()
        history = train_on(method, batch, steps=40)
        unmoved = method.perceptual(to_unit(batch["identity"]), to_unit(batch["real"])).item()
        first, last = history[0], history[-1]
        assert first["G_perceptual"] > unmoved > last["G_perceptual"]
        equivariance = [terms["G_equi_value"] + terms["G_equi_jacobian"] for terms in (first, last)]
        assert equivariance[1] < 0.7 * equivariance[0]

    @pytest.mark.parametrize("weights", [[10.0], [10.0, 10.0, 10.0]])
    def test_feature_matching_has_a_weight_for_each_block(self, weights):
        with pytest.raises(ValueError, match=f"feature_matching has {len(weights)} weights, the discriminator has 2"):
            tiny_method("fomm", loss_weights__feature_matching=weights)

    def test_pictures_too_small_for_the_discriminator_are_refused(self):
        with pytest.raises(ValueError, match="image_size 32 leaves the discriminator nothing to score at scale 0.25"):
            Method(tiny_baseline_config("fomm", discriminator__num_blocks=3, discriminator__scales=[0.25]))
