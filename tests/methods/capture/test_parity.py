"""Our networks and losses against numbers made by the published release (see its README: 1e-4)."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from capture.checkpoints.checkpoint import clean_names, load_checkpoint
from capture.config.load import load_config
from capture.methods.capture.discriminator import Discriminator, score_pairs
from capture.methods.capture.generator import Generator
from capture.methods.capture.losses import GAN_LOSSES, discriminator_loss, generator_loss

CLOSE = dict(rtol=0, atol=1e-4)


@pytest.fixture
def published(shared):
    """(tensors, generator, discriminator, configuration) of the reference."""
    folder = shared / "reference"
    config = load_config([folder / "0config.yaml"])
    state = load_checkpoint(folder / "latest_checkpoint.pt")
    generator = Generator(config["generator_config"]).eval()
    generator.load_state_dict(clean_names(state["gen_state_dict"]))
    discriminator = Discriminator(**config["discriminator_config"]).eval()
    discriminator.load_state_dict(clean_names(state["disc_state_dict"]))
    with torch.no_grad():
        yield load_file(folder / "tensors.safetensors"), generator, discriminator, config


def test_skip_features_of_both_encoders(published):
    tensors, generator, _, _ = published
    identity = generator.encode_identity(tensors["input.identity"], tensors["input.noise"][:, 0])
    pose = generator.encode_pose(tensors["input.pose"], identity)
    assert sorted(identity) == list(range(9)) and sorted(pose) == list(range(8))
    for name, features in (("identity", identity), ("pose", pose)):
        for k, feature in features.items():
            stored = feature[:, :, ::8, ::8] if k in (1, 2) else feature
            torch.testing.assert_close(stored, tensors[f"{name}_features.{k}"], **CLOSE)


def test_reverse_attention_alone(published):
    tensors, generator, _, _ = published
    inputs = (tensors[f"attention.{name}"] for name in ("input", "identity", "pose"))
    torch.testing.assert_close(generator.decoder.attnModule_256[0](*inputs), tensors["attention.output"], **CLOSE)


def test_generator_with_given_noise_and_without(published):
    tensors, generator, _, _ = published
    identity, pose, noise = (tensors[f"input.{name}"] for name in ("identity", "pose", "noise"))
    torch.testing.assert_close(generator(identity, pose, noise), tensors["generator.output"], **CLOSE)
    torch.testing.assert_close(
        generator(identity, pose, torch.zeros_like(noise)), tensors["generator.output_zero_noise"], **CLOSE
    )


def test_discriminator(published):
    tensors, _, discriminator, _ = published
    (logits,) = score_pairs(discriminator, [(tensors["input.identity"], tensors["input.real"])])
    torch.testing.assert_close(torch.sigmoid(logits), tensors["discriminator.output"], **CLOSE)


@pytest.mark.parametrize("kind", GAN_LOSSES)
def test_losses_of_one_step(published, kind):
    """The step as the trainer does it: one generator forward for both fakes, one of the discriminator for all pairs."""
    tensors, generator, discriminator, config = published
    x, y, p = (tensors[f"input.{name}"] for name in ("identity", "real", "pose"))
    noise = torch.zeros(2 * len(x), *tensors["input.noise"].shape[1:])
    fusion, reconstruction = generator(torch.cat([x, y]), torch.cat([p, x]), noise).chunk(2)
    torch.testing.assert_close(fusion, tensors["generator.fusion"], **CLOSE)
    torch.testing.assert_close(reconstruction, tensors["generator.reconstruction"], **CLOSE)
    real, fake, rebuilt = score_pairs(discriminator, [(x, y), (fusion, y), (reconstruction, y)])
    loss_config = {**config["loss_config"], "ganLoss_type": kind}
    loss_d, _ = discriminator_loss(real, (fake, rebuilt), loss_config)
    loss_g, parts = generator_loss((fake, rebuilt), fusion, reconstruction, {"identity": x}, loss_config)
    want_gan, want_recon = tensors[f"loss.{kind}.generator_gan"].squeeze(), tensors["loss.reconstruction"].squeeze()
    torch.testing.assert_close(loss_d, tensors[f"loss.{kind}.discriminator"].squeeze(), rtol=1e-4, atol=0)
    torch.testing.assert_close(parts["G_gan"], want_gan, rtol=1e-4, atol=0)
    torch.testing.assert_close(15 * parts["G_recon"], want_recon, rtol=1e-4, atol=0)
    torch.testing.assert_close(loss_g, want_gan + want_recon, rtol=1e-4, atol=0)


def test_parameter_counts_of_the_full_configuration():
    config = load_config()
    generator = Generator(config["generator_config"])
    discriminator = Discriminator(**config["discriminator_config"])
    assert round(sum(p.numel() for p in generator.parameters()) / 1e6, 1) == 117.6
    assert round(sum(p.numel() for p in discriminator.parameters()) / 1e6, 1) == 11.0
