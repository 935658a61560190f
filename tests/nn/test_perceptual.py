"""The perceptual losses: torchvision's features, published weights, LPIPS, and messages for what doesn't fit."""

import pytest
import torch
import torchvision

from capture.common.errors import CaptureError
from capture.metrics.lpips import Perceptual
from capture.nn.perceptual import (
    LAYERS,
    NETS,
    SMALLEST,
    Features,
    PerceptualLoss,
    check_choice,
    check_scales,
    lpips_loss,
    shift_cyclically,
)

TEN = (10, 10, 10, 10, 10)


def torchvision_features(net: str) -> torch.nn.Sequential:
    torch.manual_seed(0)
    if net == "alexnet":
        return torchvision.models.alexnet(weights=None).features
    return torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])


class TestPerceptualLoss:
    @pytest.mark.parametrize("net", list(LAYERS))
    def test_features_are_torchvisions(self, net):
        theirs = torchvision_features(net).eval()
        ours = Features(net, {f"features.{name}": value for name, value in theirs.state_dict().items()})
        image = torch.rand(1, 3, SMALLEST[net], SMALLEST[net], generator=torch.Generator().manual_seed(1))
        out = (image - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
            3, 1, 1
        )
        expected = []
        for index, layer in enumerate(theirs[: len(ours.features)]):
            out = layer(out)
            if index in LAYERS[net][2]:
                expected.append(out.clone())
        assert len(expected) == 5
        for a, b in zip(ours(image), expected):
            torch.testing.assert_close(a, b)
        assert not any(p.requires_grad for p in ours.parameters())

    def test_perceptual_loss_is_the_weighted_sum_over_layers_and_scales(self):
        features = Features("alexnet")
        a, b = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        weights = (1, 2, 3, 4, 5)
        loss = PerceptualLoss(features, weights, (1, 0.5))
        want = sum(
            w * (x - y).abs().mean()
            for small_a, small_b in zip(loss.pyramid(a), loss.pyramid(b))
            for w, x, y in zip(weights, features(small_a), features(small_b))
        )
        torch.testing.assert_close(loss(a, b), want)
        assert loss(a, a) == 0

    def test_only_the_prediction_is_differentiated(self):
        a, b = (torch.rand(1, 3, 32, 32, requires_grad=True) for _ in range(2))
        PerceptualLoss(Features("alexnet"), TEN, (1,))(a, b).backward()
        assert a.grad.abs().sum() > 0 and b.grad is None

    def test_none_compares_pixels(self):
        loss = PerceptualLoss.load("none", TEN, (1, 0.5))
        a, b = torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.1)
        inner = loss(a, b) - 10 * 0.1  # at half size the filter sees some of the zeros around the picture
        assert 0.8 * 10 * 0.1 < inner < 10 * 0.1
        assert not loss.state_dict()

    def test_published_weights_of_alexnet(self, shared):
        loss = PerceptualLoss.load("alexnet", TEN, (1,), shared / "weights")
        a, b = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        assert loss(a, b) > loss(a, (a + 0.01).clamp(max=1)) > 0

    def test_weights_are_found_in_the_folder_of_the_environment(self, shared, tmp_path, monkeypatch):
        monkeypatch.setenv("CAPTURE_WEIGHTS", str(shared / "weights"))
        PerceptualLoss.load("alexnet", TEN, (1,))
        with pytest.raises(CaptureError, match="perceptual alexnet: alexnet.* is not in"):  # a folder given comes first
            PerceptualLoss.load("alexnet", TEN, (1,), tmp_path)

    def test_missing_or_wrong_weights_are_one_line(self, tmp_path):
        with pytest.raises(
            CaptureError, match="perceptual vgg19: vgg19-dcbb9e9d.pth is not in .*another of none, "
        ) as error:
            PerceptualLoss.load("vgg19", TEN, (1,), tmp_path)
        assert "\n" not in str(error.value)
        alexnet = {f"features.{n}": v for n, v in torchvision_features("alexnet").state_dict().items()}
        with pytest.raises(CaptureError, match="x.pth: not the weights of vgg19 "):
            Features("vgg19", alexnet, "x.pth")

    def test_networks_and_sizes_that_do_not_fit_name_the_key(self):
        with pytest.raises(ValueError, match="perceptual 'vgg16' is none of none, vgg19, alexnet"):
            check_choice("vgg16", TEN)
        with pytest.raises(ValueError, match="perceptual_weights has 2 numbers, vgg19 has 5 layers"):
            check_choice("vgg19", (1, 2))
        for net in NETS:
            check_choice(net, TEN)
            check_scales(net, (1, 0.5), 2 * SMALLEST[net])
        with pytest.raises(ValueError, match="scale 0.125 leaves 8 of 64 pixels and vgg19 needs 16"):
            check_scales("vgg19", (1, 0.125), 64)
        for net in LAYERS:  # the bounds are exact
            Features(net)(torch.rand(1, 3, SMALLEST[net], SMALLEST[net]))
            with pytest.raises(RuntimeError):
                Features(net)(torch.rand(1, 3, SMALLEST[net] - 1, SMALLEST[net] - 1))


class TestLpipsLoss:
    def test_lpips_loss_is_lpips_of_the_shifted_pictures(self, shared):
        loss = lpips_loss("squeeze", shared / "weights", "gen_perceptualLoss_weight")
        a, b = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
        offset = torch.tensor([3, 5])
        given = a.clone().requires_grad_()
        distance = loss(given, b, offset)
        rolled = ((picture.roll((-3, -5), (2, 3)) + 1) / 2 for picture in (a, b))
        torch.testing.assert_close(
            distance, Perceptual.load("squeeze", shared / "weights")(*rolled), rtol=1e-3, atol=1e-4
        )
        assert distance.shape == (2,) and not torch.allclose(distance, loss(a, b, torch.tensor([0, 0])))
        distance.sum().backward()
        assert given.grad.abs().sum() > 0

    def test_missing_weights_of_lpips_are_one_line(self, tmp_path):
        with pytest.raises(CaptureError, match="perceptual_net squeeze: .*or set gen_perceptualLoss_weight to 0"):
            lpips_loss("squeeze", tmp_path, "gen_perceptualLoss_weight")

    def test_shifted_pictures_wrap_around(self):
        picture = torch.arange(16.0).reshape(1, 1, 4, 4)
        assert torch.equal(shift_cyclically(picture, torch.tensor([1, 2])), picture.roll((-1, -2), (2, 3)))
