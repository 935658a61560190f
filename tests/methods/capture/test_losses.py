"""The losses against their definitions."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from capture.methods.capture.losses import adversarial_loss, discriminator_loss, gan_loss, reconstruction_loss
from capture.nn.masked import masked_l1

KINDS = ("BCE", "MSE", "hinge")


class TestGanLoss:
    @pytest.mark.parametrize("real", (True, False))
    def test_bce_on_logits_equals_bce_on_probabilities_and_is_finite(self, real):
        logits = torch.linspace(-5, 5, 50)
        want = F.binary_cross_entropy(torch.sigmoid(logits), torch.full_like(logits, float(real)))
        torch.testing.assert_close(gan_loss(logits, "BCE", real), want)
        assert torch.isfinite(gan_loss(torch.tensor([300.0, -300.0]), "BCE", real))

    def test_mse_and_hinge_by_hand(self):
        logits = torch.tensor([0.0, 2.0])
        p = torch.sigmoid(logits)
        torch.testing.assert_close(gan_loss(logits, "MSE", True), ((p - 1) ** 2).mean())
        torch.testing.assert_close(gan_loss(logits, "hinge", True), (1 - p).mean())
        torch.testing.assert_close(gan_loss(logits, "hinge", False), (1 + p).mean())
        torch.testing.assert_close(gan_loss(logits, "hinge", True, for_generator=True), -p.mean())
        with pytest.raises(ValueError, match="'wgan' is none of"):
            gan_loss(logits, "wgan", True)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("real", (True, False))
    def test_the_gradient_pulls_the_right_way(self, kind, real):
        logits = torch.zeros(4, requires_grad=True)
        gan_loss(logits, kind, real).backward()
        assert (logits.grad < 0).all() if real else (logits.grad > 0).all()


class TestDiscriminatorLoss:
    def test_real_is_told_from_fake_by_hand(self):
        real, fake = torch.full((1, 1), 2.0), torch.full((1, 1), -1.0)
        loss, metrics = discriminator_loss(real, [fake, fake], "BCE")
        on_real, on_fake = math.log(1 + math.exp(-2)), math.log(1 + math.exp(-1))
        torch.testing.assert_close(loss, torch.tensor(on_real + on_fake))
        assert metrics["D_real"].item() == pytest.approx(on_real) and metrics["D_fake"].item() == pytest.approx(on_fake)


class TestGeneratorLosses:
    def test_the_adversarial_loss_is_the_mean_over_the_fakes(self):
        fakes = [torch.zeros(2, 1, 2, 2), torch.full((2, 1, 2, 2), 1.0)]
        loss, _ = adversarial_loss(fakes, "BCE")
        assert loss.item() == pytest.approx((math.log(2) + math.log(1 + math.exp(-1))) / 2)

    def test_the_reconstruction_is_compared_with_the_identity(self):
        identity, reconstruction = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
        loss, metrics = reconstruction_loss(reconstruction, identity)
        assert loss.item() == metrics["G_recon"].item() == 0.5


class TestMaskedL1:
    def test_only_samples_that_have_a_target_count(self):
        image, target = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
        target[1] = 3
        assert masked_l1(image, target).item() == 2
        assert masked_l1(image, target, torch.tensor([True, False])).item() == 1
        assert masked_l1(image, target, torch.tensor([False, False])).item() == 0
