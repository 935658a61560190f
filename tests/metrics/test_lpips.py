"""LPIPS on the authors' example, and what must hold for any weights."""

from pathlib import Path

import pytest
import torch
import torchvision

from capture.common.errors import CaptureError
from capture.io.images import image_to_tensor, open_rgb
from capture.metrics.lpips import NETS, SMALLEST, Perceptual

WEIGHTS = Path(__file__).resolve().parents[2] / "../shared/weights"
MODELS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
needs_weights = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="no published weights beside the repository")


def random_weights(net: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    if net == "vgg":  # without its 120 million parameters that LPIPS doesn't have
        layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
        return {f"features.{name}": value for name, value in layers.state_dict().items()}
    return torchvision.models.get_model(MODELS[net], weights=None).state_dict()


@needs_weights
class TestLPIPS:
    @pytest.mark.parametrize(
        ("net", "expected", "digits"),
        [
            ("alex", [0.7219, 0.1376], 5e-5),
            ("squeeze", [0.711, 0.148], 5e-4),
        ],
    )
    def test_the_authors_example(self, net: str, expected: list[float], digits: float) -> None:
        files = (WEIGHTS / f"ex_{name}.png" for name in ("ref", "p0", "p1"))
        reference, p0, p1 = (image_to_tensor(open_rgb(file)) / 255 for file in files)
        perceptual = Perceptual.load(net, WEIGHTS)
        distances = perceptual(torch.stack([reference, reference]), torch.stack([p0, p1]))
        assert distances.tolist() == pytest.approx(expected, abs=digits)

    @pytest.mark.parametrize("net", NETS)
    def test_any_net_at_the_smallest_size(self, net: str) -> None:
        perceptual = Perceptual(net, random_weights(net))
        a, b = torch.rand(2, 3, 3, SMALLEST, SMALLEST, generator=torch.Generator().manual_seed(1))
        together = perceptual(a, b)
        alone = torch.cat([perceptual(a[i : i + 1], b[i : i + 1]) for i in range(3)])
        assert perceptual(a, a).tolist() == [0, 0, 0]
        assert together.min() > 0
        torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-4)

    def test_the_given_weights_are_used(self) -> None:
        """A full state dict and its convolutions alone are the same network; scaled ones are another."""
        full = random_weights("squeeze")
        features = {name: value for name, value in full.items() if name.startswith("features.")}
        doubled = {name: value * (2 if name.endswith("bias") else 1) + 0.01 for name, value in features.items()}
        a, b = torch.rand(2, 1, 3, 40, 40, generator=torch.Generator().manual_seed(2))
        numbers = [Perceptual("squeeze", weights)(a, b).item() for weights in (full, features, doubled)]
        assert numbers[0] == numbers[1] != numbers[2]

    def test_building_lpips_leaves_the_random_numbers_alone(self) -> None:
        weights = random_weights("squeeze")
        torch.manual_seed(3)
        expected = torch.rand(4)
        torch.manual_seed(3)
        Perceptual("squeeze", weights)
        assert torch.equal(torch.rand(4), expected)

    def test_weights_of_another_network_are_refused(self) -> None:
        with pytest.raises(CaptureError, match="them.pth: not the weights of LPIPS's alex network"):
            Perceptual("alex", random_weights("squeeze"), "them.pth")

    def test_pictures_that_are_too_small_are_refused(self) -> None:
        perceptual = Perceptual("squeeze", random_weights("squeeze"))
        with pytest.raises(ValueError, match="32 pixels or more"):
            perceptual(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16))
