"""Networks and losses against numbers made by the published release (see its README: 1e-4)."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from capture.checkpoints.checkpoint import load_checkpoint
from capture.checkpoints.release_names import current_names
from capture.config.load import load_config
from capture.methods.capture.discriminator import Discriminator, score_pairs
from capture.methods.capture.generator import CaPTUReGenerator
from capture.methods.capture.losses import adversarial_loss, discriminator_loss, reconstruction_loss

CLOSE = dict(rtol=0, atol=1e-4)


@pytest.fixture
def published(shared):
    """(tensors, generator, discriminator) of the reference."""
    folder = shared / "reference"
    config = load_config([folder / "0config.yaml"])
    state = load_checkpoint(folder / "latest_checkpoint.pt")
    generator = CaPTUReGenerator(config["generator_config"]).eval()
    generator.load_state_dict(current_names(state["gen_state_dict"]))
    discriminator = Discriminator(**config["discriminator_config"]).eval()
    discriminator.load_state_dict(current_names(state["disc_state_dict"]))
    with torch.no_grad():
        yield load_file(folder / "tensors.safetensors"), generator, discriminator


class TestParityWithTheRelease:
    def test_skip_features_of_both_encoders(self, published):
        tensors, generator, _ = published
        identity = generator.identity_encoder(tensors["input.identity"], tensors["input.noise"][:, 0])
        pose = generator.pose_encoder(tensors["input.pose"], identity)
        assert sorted(identity) == sorted(pose) == list(range(8))
        for name, features in (("identity", identity), ("pose", pose)):
            for k, feature in features.items():
                stored = feature[:, :, ::8, ::8] if k in (1, 2) else feature
                torch.testing.assert_close(stored, tensors[f"{name}_features.{k}"], **CLOSE)

    def test_statistics_of_the_identity(self, published):
        tensors, generator, _ = published
        found = []
        generator.identity_encoder.code_linear.register_forward_hook(lambda module, given, made: found.append(made))
        generator.identity_encoder(tensors["input.identity"], tensors["input.noise"][:, 0])
        torch.testing.assert_close(found[0], tensors["identity_features.8"], **CLOSE)

    def test_reverse_attention_alone(self, published):
        tensors, generator, _ = published
        inputs = (tensors[f"attention.{name}"] for name in ("input", "identity", "pose"))
        torch.testing.assert_close(generator.decoder.attention[0](*inputs), tensors["attention.output"], **CLOSE)

    def test_generator_with_given_noise_and_without(self, published):
        tensors, generator, _ = published
        inputs = {name: tensors[f"input.{name}"] for name in ("identity", "pose")}
        with_noise = generator(inputs, tensors["input.noise"])
        torch.testing.assert_close(with_noise, tensors["generator.output"], **CLOSE)
        torch.testing.assert_close(generator(inputs), tensors["generator.output_zero_noise"], **CLOSE)

    def test_discriminator(self, published):
        tensors, _, discriminator = published
        (logits,) = score_pairs(discriminator, [(tensors["input.identity"], tensors["input.real"])])
        torch.testing.assert_close(torch.sigmoid(logits), tensors["discriminator.output"], **CLOSE)

    @pytest.mark.parametrize("kind", ("BCE", "MSE", "hinge"))
    def test_losses_of_one_step(self, published, kind):
        """As an update does it: one forward of the generator for both fakes, one of D for all pairs."""
        tensors, generator, discriminator = published
        x, y, p = (tensors[f"input.{name}"] for name in ("identity", "real", "pose"))
        inputs = {"identity": torch.cat([x, y]), "pose": torch.cat([p, x])}
        fusion, reconstruction = generator(inputs).chunk(2)
        torch.testing.assert_close(fusion, tensors["generator.fusion"], **CLOSE)
        torch.testing.assert_close(reconstruction, tensors["generator.reconstruction"], **CLOSE)
        real, *fakes = score_pairs(discriminator, [(x, y), (fusion, y), (reconstruction, y)])
        loss_d, _ = discriminator_loss(real, fakes, kind)
        gan, _ = adversarial_loss(fakes, kind)
        recon, _ = reconstruction_loss(reconstruction, x)
        close = dict(rtol=1e-4, atol=0)
        torch.testing.assert_close(loss_d, tensors[f"loss.{kind}.discriminator"].squeeze(), **close)
        torch.testing.assert_close(gan, tensors[f"loss.{kind}.generator_gan"].squeeze(), **close)
        torch.testing.assert_close(15 * recon, tensors["loss.reconstruction"].squeeze(), **close)

    def test_parameter_counts_of_the_full_configuration(self):
        config = load_config()
        generator = CaPTUReGenerator(config["generator_config"])
        discriminator = Discriminator(**config["discriminator_config"])
        assert round(sum(p.numel() for p in generator.parameters()) / 1e6, 1) == 117.6
        assert round(sum(p.numel() for p in discriminator.parameters()) / 1e6, 1) == 11.0
