"""CaPTURe's perceptual term: LPIPS between the fusion and its true target."""

from __future__ import annotations

import pytest
import torch

from capture.common.errors import CaptureError
from capture.methods import build_method
from capture.metrics.lpips import Perceptual
from capture.nn.perceptual import shift_cyclically
from tests.conftest import tiny_config

WEIGHT = ("--gen_perceptualLoss_weight", "2", "--gen_ganLoss_weight", "0", "--dis_ganLoss_weight", "0")


def test_shifts_wrap_around():
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    moved = shift_cyclically(picture, torch.tensor([1, 2]))
    assert torch.equal(moved, picture.roll((-1, -2), (2, 3)))


def test_missing_weights_are_one_line(tmp_path):
    with pytest.raises(CaptureError, match="perceptual_net squeeze: .*or set gen_perceptualLoss_weight to 0"):
        build_method(tiny_config(*WEIGHT, "--perceptual_net_path", str(tmp_path)))


def test_it_is_lpips_of_the_shifted_pictures_and_pulls_towards_the_target(shared):
    path = ("--perceptual_net_path", str(shared / "weights"))
    method = build_method(tiny_config(*WEIGHT, *path))
    torch.manual_seed(0)
    batch = {name: torch.rand(2, 3, 32, 32) * 2 - 1 for name in ("identity", "real", "pose", "target")}
    batch["has_target"] = torch.tensor([True, False])
    random = method.draw_randomness(2, torch.Generator().manual_seed(1))
    loss, parts = method.loss("gen", batch, random, None)
    fusion = method.networks["gen"](batch["identity"], batch["pose"], random[:, 0])
    offset = (random[0, 0, 0, :2].abs() * 10_000).long() % 16
    ours, wanted = ((shift_cyclically(x[:1], offset) + 1) / 2 for x in (fusion.detach(), batch["target"]))
    expected = Perceptual.load("squeeze", shared / "weights")(ours, wanted)
    torch.testing.assert_close(parts["G_perceptual"], expected[0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(loss, 15 * parts["G_recon"] + 2 * parts["G_perceptual"])
    loss.backward()
    assert all(p.grad.isfinite().all() for p in method.networks["gen"].parameters() if p.grad is not None)
    assert not any(name.startswith("perceptual") for name in method.networks)  # nothing of it is saved
