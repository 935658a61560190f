"""The losses against their definitions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from capture.methods.capture.losses import GAN_LOSSES, gan_loss, generator_loss, masked_l1

WEIGHTS = {
    "ganLoss_type": "BCE",
    "dis_ganLoss_weight": 1.0,
    "gen_ganLoss_weight": 2.0,
    "gen_reconLoss_weight": 3.0,
    "gen_targetLoss_weight": 5.0,
}


@pytest.mark.parametrize("real", (True, False))
def test_bce_on_logits_equals_bce_on_probabilities_and_is_safe(real):
    logits = torch.linspace(-5, 5, 50)
    want = F.binary_cross_entropy(torch.sigmoid(logits), torch.full_like(logits, float(real)))
    torch.testing.assert_close(gan_loss(logits, "BCE", real), want)
    assert torch.isfinite(gan_loss(torch.tensor([300.0, -300.0]), "BCE", real))


def test_mse_and_hinge_by_hand():
    logits = torch.tensor([0.0, 2.0])
    p = torch.sigmoid(logits)
    torch.testing.assert_close(gan_loss(logits, "MSE", True), ((p - 1) ** 2).mean())
    torch.testing.assert_close(gan_loss(logits, "hinge", True), (1 - p).mean())
    torch.testing.assert_close(gan_loss(logits, "hinge", False), (1 + p).mean())
    torch.testing.assert_close(gan_loss(logits, "hinge", True, for_generator=True), -p.mean())
    with pytest.raises(ValueError, match="'wgan' is none of"):
        gan_loss(logits, "wgan", True)


@pytest.mark.parametrize("kind", GAN_LOSSES)
def test_each_loss_pulls_the_right_way(kind):
    for real in (True, False):
        logits = torch.zeros(4, requires_grad=True)
        gan_loss(logits, kind, real).backward()
        assert (logits.grad < 0).all() if real else (logits.grad > 0).all()


def test_l1_counts_only_samples_whose_target_is_known():
    image, target = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    target[1] = 3
    assert masked_l1(image, target).item() == 2
    assert masked_l1(image, target, torch.tensor([True, False])).item() == 1
    assert masked_l1(image, target, torch.tensor([False, False])).item() == 0


def test_generator_loss_is_the_weighted_sum():
    logits, fusion = torch.zeros(2, 1, 2, 2), torch.zeros(2, 3, 4, 4)
    batch = {"identity": torch.full_like(fusion, 0.5), "target": torch.full_like(fusion, 0.25),
             "has_target": torch.tensor([True, True])}  # fmt: skip
    loss, parts = generator_loss((logits, logits), fusion, fusion, batch, WEIGHTS)
    assert parts["G_recon"].item() == 0.5 and parts["G_target"].item() == 0.25
    assert loss.item() == pytest.approx(2 * 0.693147 + 3 * 0.5 + 5 * 0.25, rel=1e-5)
    del batch["target"]
    without, parts = generator_loss((logits, logits), fusion, fusion, batch, WEIGHTS)
    assert without.item() == pytest.approx(2 * 0.693147 + 3 * 0.5, rel=1e-5) and "G_target" not in parts
    alone, parts = generator_loss(None, fusion, fusion, batch, WEIGHTS)
    assert alone.item() == pytest.approx(3 * 0.5) and "G_gan" not in parts
