"""DISTS against torchmetrics' implementation, and what must hold for any weights."""

from __future__ import annotations

import pytest
import torch
import torchvision

from capture.common.errors import CaptureError
from capture.common.pretrained import WeightsMissing
from capture.metrics import dists
from capture.metrics.dists import CHANNELS, SMALLEST, Dists, load_importance


@pytest.fixture(scope="module")
def vgg() -> torch.nn.Module:
    """VGG-16's convolutions with random weights, as torchvision numbers them."""
    torch.manual_seed(0)
    return torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])


@pytest.fixture(scope="module")
def measured(vgg) -> Dists:
    weights = {f"features.{name}": value for name, value in vgg.state_dict().items()}
    return Dists(weights, *load_importance())


def pictures(count: int, side: int = 40) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


class TestDists:
    def test_dists_equals_torchmetrics(self, vgg, measured, monkeypatch) -> None:
        from torchmetrics.functional.image import dists as theirs

        class Network:
            features = vgg

        monkeypatch.setattr(theirs, "vgg16", lambda weights: Network)
        a = pictures(3)
        b = torch.cat([a[:1].roll(3, -1), a[1:2] * 0.5, a[2:].flip(0)])
        with torch.no_grad():
            expected = theirs.DISTSNetwork()(a, b)
        assert measured(a, b).tolist() == pytest.approx(expected.tolist(), abs=2e-6)

    def test_the_same_picture_has_no_distance_and_another_one_has(self, measured) -> None:
        a, b = pictures(2), pictures(4)[2:]
        assert measured(a, a).abs().max() < 1e-6
        assert measured(a, b).min() > 1e-4
        torch.testing.assert_close(measured(a, b), torch.cat([measured(a[:1], b[:1]), measured(a[1:], b[1:])]))

    def test_with_the_importance_of_colour_means_alone_only_these_count(self, vgg) -> None:
        """Constructed: alpha 1 on the picture's own three channels and 0 elsewhere is a similarity of mean colours."""
        alpha, beta = torch.zeros(2, 1, sum(CHANNELS), 1, 1)
        alpha[0, :3] = 1
        measure = Dists({f"features.{name}": value for name, value in vgg.state_dict().items()}, alpha, beta)
        a = torch.full((1, 3, SMALLEST, SMALLEST), 0.5)
        half = 2 * 0.5 * 0.25 / (0.25 + 0.0625)
        assert measure(a, a * 0.5).item() == pytest.approx(1 - half, abs=1e-5)
        assert measure(pictures(1), pictures(1).flip(-1)).item() == pytest.approx(0, abs=1e-6)

    def test_weights_of_another_network_are_refused(self) -> None:
        with pytest.raises(CaptureError, match="them.pth: not the weights of VGG-16"):
            Dists({"features.0.weight": torch.zeros(1)}, *load_importance(), "them.pth")

    def test_pictures_that_are_too_small_are_refused(self, measured) -> None:
        with pytest.raises(ValueError, match="32 pixels or more"):
            measured(pictures(1, 16), pictures(1, 16))

    def test_without_the_learnt_weights_the_message_says_where_they_come_from(self, monkeypatch) -> None:
        monkeypatch.setattr(dists, "_IMPORTANCE", "nothing.pt")
        with pytest.raises(WeightsMissing, match="torchmetrics 1.8"):
            load_importance()
