"""DISTS: how similar structure and texture of two pictures are (Ding et al., IEEE TPAMI 2022)."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from capture.common.errors import CaptureError
from capture.common.pretrained import WeightsMissing, load_published
from capture.metrics.batches import check_batches
from capture.metrics.precision import no_tf32

SMALLEST = 32  # pixels: the deepest features are then 2x2
CHANNELS = (3, 64, 128, 256, 512, 512)  # of the picture itself and of the five stages of VGG-16
_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # convolutions by their numbers in torchvision
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
_STABLE = 1e-6  # c1 and c2 of the paper
_IMPORTANCE = "functional/image/dists_models/weights.pt"  # in the package torchmetrics
FROM_TORCHMETRICS = (
    "the learnt weights of DISTS come with torchmetrics 1.8 and later; install the version in requirements.txt"
)


class Dists:
    """DISTS with VGG-16 and the learnt importance of each channel's mean and covariance.

    Attributes:
        file: where the weights of VGG-16 came from.
    """

    def __init__(
        self,
        weights: dict[str, Tensor],
        alpha: Tensor,
        beta: Tensor,
        file: str | Path = "",
        device: str | torch.device = "cpu",
    ):
        """
        Args:
            weights: torchvision's state dict of VGG-16, or its `features.` entries alone.
            alpha, beta: (1, 1475, 1, 1), the importance of the means and of the covariances.
        Raises:
            CaptureError: weights of another network.
        """
        self.file, self.device = Path(file), torch.device(device)
        self.stages = nn.ModuleList(_stage(number) for number in range(len(_STAGES)))
        given = {name.removeprefix("features."): value for name, value in weights.items() if "features." in name}
        try:
            for stage, convolutions in zip(self.stages, _STAGES):
                own = {re.sub(r"^\d+", str(n), name): name for n, name in _named(stage, convolutions)}
                stage.load_state_dict({name: given[source] for source, name in own.items()})
        except (KeyError, RuntimeError) as error:
            raise CaptureError(f"{file}: not the weights of VGG-16 ({' '.join(str(error).split())[:80]})") from None
        self.stages.eval().requires_grad_(False).to(self.device)
        total = alpha.sum() + beta.sum()
        self.alpha, self.beta = ((x / total).flatten().to(self.device).split(CHANNELS) for x in (alpha, beta))

    @classmethod
    def load(cls, folder: str | Path | None = None, device: str | torch.device = "cpu") -> Dists:
        """DISTS with published weights, from a folder or downloaded: see `load_published`, also for the errors."""
        alpha, beta = load_importance()
        weights, file = load_published("vgg", folder)
        return cls(weights, alpha, beta, file, device)

    @torch.inference_mode()
    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance of each pair of pictures.

        Args:
            a, b: (B, 3, H, W) in [0, 1], at least 32x32; measured at the size they have.
        Returns:
            (B,) float32, 0 for the same picture.
        """
        check_batches(a, b, SMALLEST)
        with no_tf32():
            similar = torch.zeros(len(a), device=self.device)
            pairs = zip(self._features(a), self._features(b))
            for (x, y), alpha, beta in zip(pairs, self.alpha, self.beta):
                mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
                spread_x, spread_y = (v.var((2, 3), correction=0) for v in (x, y))
                both = (x * y).mean((2, 3)) - mean_x * mean_y
                texture = (2 * mean_x * mean_y + _STABLE) / (mean_x.square() + mean_y.square() + _STABLE)
                structure = (2 * both + _STABLE) / (spread_x + spread_y + _STABLE)
                similar += (alpha * texture + beta * structure).sum(1)
            return 1 - similar

    def _features(self, pictures: Tensor) -> list[Tensor]:
        """The pictures themselves, and the features of every stage."""
        x = pictures.float().to(self.device)
        found = [x]
        mean, deviation = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (_MEAN, _DEVIATION))
        x = (x - mean) / deviation
        for number, stage in enumerate(self.stages):
            x = stage(_l2_pool(x) if number else x)
            found.append(x)
        return found


def load_importance() -> tuple[Tensor, Tensor]:
    """alpha and beta as the authors learnt them, from the file that comes with torchmetrics.

    Raises:
        WeightsMissing: a torchmetrics without that file.
    """
    spec = find_spec("torchmetrics")
    path = Path(spec.origin).parent / _IMPORTANCE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise WeightsMissing(FROM_TORCHMETRICS)
    found = torch.load(path, map_location="cpu", weights_only=True)
    return found["alpha"].detach(), found["beta"].detach()


def _stage(number: int) -> nn.Sequential:
    """The convolutions of a stage, each followed by ReLU."""
    layers: list[nn.Module] = []
    before, width = CHANNELS[number], CHANNELS[number + 1]
    for _ in _STAGES[number]:
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
        before = width
    return nn.Sequential(*layers)


def _named(stage: nn.Module, convolutions: tuple[int, ...]) -> list[tuple[int, str]]:
    """(torchvision's number of the convolution, name of the parameter) of every parameter of a stage."""
    return [(convolutions[int(name.split(".")[0]) // 2], name) for name in stage.state_dict()]


def _l2_pool(x: Tensor) -> Tensor:
    """Half the size: the root of the blurred square, in place of VGG's maximum, which aliases."""
    row = torch.tensor([0.25, 0.5, 0.25], device=x.device)  # a Hann window of five, without its zeros
    kernel = (row[:, None] * row[None, :]).expand(x.shape[1], 1, 3, 3)
    return (functional.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()
