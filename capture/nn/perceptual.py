"""Perceptual losses: distances between two pictures in the features of a fixed, pretrained classifier.

`PerceptualLoss` compares features over a pyramid of scales (Johnson et al., ECCV 2016). FOMM and MRAA use it with
VGG19; AlexNet is a light substitute, and "none" compares the pixels themselves: both are additions of this project,
for use without VGG19's weights. `lpips_loss` is LPIPS (Zhang et al., CVPR 2018), differentiable.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from capture.common.errors import CaptureError
from capture.common.pretrained import WeightsMissing, load_published, weights_folder
from capture.nn.antialias import Pyramid

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as both networks were trained

# A tuple is a convolution (channels, kernel, stride, padding) with a ReLU, "M" is a pooling layer; in torchvision's
# order, so that layers have the same numbers. The loss compares the ReLUs of these numbers: relu1_1 ... relu5_1 of
# VGG19, all five of AlexNet.
Layout = tuple[tuple[int, int, int, int] | str, ...]
_VGG19: tuple[int | str, ...] = (64, 64, "M", 128, 128, "M", *(256,) * 4, "M", *(512,) * 4, "M", 512)
_ALEXNET: Layout = ((64, 11, 4, 2), "M", (192, 5, 1, 2), "M", (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
LAYERS: dict[str, tuple[Layout, int, tuple[int, ...]]] = {  # layout, window of the poolings, compared layers
    "vgg19": (tuple((n, 3, 1, 1) if isinstance(n, int) else n for n in _VGG19), 2, (1, 6, 11, 20, 29)),
    "alexnet": (_ALEXNET, 3, (1, 4, 7, 9, 11)),
}
WEIGHTS = {"vgg19": "vgg19", "alexnet": "alex"}  # names in PUBLISHED
SMALLEST = {"none": 1, "vgg19": 16, "alexnet": 31}  # sides of pictures: smaller ones vanish in the pooling layers
NETS = tuple(SMALLEST)
OPTION = "--perceptual_path"  # the key of every method that names the folder of these weights
MAX_STRIDE = 16  # pixels: the stride of the deepest layer that LPIPS compares


class Features(nn.Module):
    """Picture (B, 3, H, W) in [0, 1] -> the features of the five compared layers of a fixed network.

    Args:
        net: vgg19 | alexnet.
        weights: torchvision's state dict, or its `features.` entries alone; None: random weights.
        file: where the weights come from, for the error message.
    Raises:
        CaptureError: weights of another network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: str, weights: dict[str, Tensor] | None = None, file: str | Path = ""):
        super().__init__()
        layout, pool, self.compared = LAYERS[net]
        layers: list[nn.Module] = []
        channels = 3
        for entry in layout:
            if isinstance(entry, str):  # "M"
                layers.append(nn.MaxPool2d(pool, 2))
            else:
                c_out, kernel, stride, padding = entry
                layers += [nn.Conv2d(channels, c_out, kernel, stride, padding), nn.ReLU(inplace=True)]
                channels = c_out
        self.features = nn.Sequential(*layers)
        if weights is not None:
            own = self.state_dict()
            given = {name: weights[name] for name in own if name in weights}
            wrong = [name for name in own if name not in given or given[name].shape != own[name].shape]
            if wrong:
                raise CaptureError(f"{file}: not the weights of {net} ({wrong[0]} is missing or of another size)")
            self.load_state_dict(given)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        out, compared = (image.float() - self.mean) / self.std, []  # (B, 3, H, W)
        for index, layer in enumerate(self.features):
            out = layer(out)
            if index in self.compared:
                compared.append(out)
        return compared


class PerceptualLoss(nn.Module):
    """Weighted L1 distances between features of two pictures, summed over layers and scales.

    It has no parameters that are learnt or saved, and moves to the device of the pictures.

    Args:
        features: the network; None: compare pixels, with the first of `weights`.
        weights: one for each compared layer.  scales: of the pyramid.
    """

    def __init__(
        self,
        features: Features | None,
        weights: Sequence[float] = (10, 10, 10, 10, 10),
        scales: Sequence[float] = (1, 0.5, 0.25, 0.125),
    ):
        super().__init__()
        self.features, self.weights, self.pyramid = features, list(weights), Pyramid(scales)

    @classmethod
    def load(
        cls, net: str, weights: Sequence[float], scales: Sequence[float], folder: str | Path | None = None
    ) -> PerceptualLoss:
        """The loss with published weights of the network.

        Args:
            net: none | vgg19 | alexnet.  weights, scales: see PerceptualLoss.
            folder: where the network's weights are; None: in $CAPTURE_WEIGHTS, else in torch.hub's cache, else they are
                downloaded.
        Raises:
            CaptureError: the weights are not available, are damaged, or are another network's.
            ValueError: no such net, or not one weight for each layer.
        """
        check_choice(net, weights)
        if net == "none":
            return cls(None, weights, scales)
        try:
            state, file = load_published(WEIGHTS[net], weights_folder(folder), OPTION)
        except WeightsMissing as missing:
            raise CaptureError(
                f"perceptual {net}: {missing}; or set perceptual to another of {', '.join(NETS)}"
            ) from None
        return cls(Features(net, state, file), weights, scales)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Two pictures (B, 3, S, S) in [0, 1] -> a scalar; the target receives no gradient."""
        self.to(prediction.device)
        with torch.no_grad():
            targets = [self._features(small) for small in self.pyramid(target)]
        total = torch.zeros((), device=prediction.device)
        for small, of_target in zip(self.pyramid(prediction), targets):
            for weight, one, other in zip(self.weights, self._features(small), of_target):
                total = total + weight * (one.float() - other.float()).abs().mean()
        return total

    def _features(self, image: Tensor) -> list[Tensor]:
        return [image] if self.features is None else self.features(image)


def check_choice(net: str, weights: Sequence[float]) -> None:
    """ValueError, naming the key, unless `net` is known and `weights` has a number for each of its layers."""
    if net not in NETS:
        raise ValueError(f"perceptual '{net}' is none of {', '.join(NETS)}")
    if net != "none" and len(weights) != len(LAYERS[net][2]):
        raise ValueError(f"perceptual_weights has {len(weights)} numbers, {net} has {len(LAYERS[net][2])} layers")


def check_scales(net: str, scales: Sequence[float], size: int) -> None:
    """ValueError, naming the rule, unless pictures of side `size` are large enough for `net` at every scale."""
    if round(size * min(scales)) < SMALLEST[net]:
        raise ValueError(
            f"perceptual scale {min(scales):g} leaves {round(size * min(scales))} of {size} pixels and {net} needs "
            f"{SMALLEST[net]}: leave that scale out, or use larger pictures"
        )


class ShiftedDistance(Protocol):
    """A perceptual distance whose pictures are shifted before they are compared."""

    def __call__(self, picture: Tensor, target: Tensor, offset: Tensor) -> Tensor:
        """(B,), of pictures (B, 3, S, S) in [-1, 1], shifted by `offset` (2,) pixels below MAX_STRIDE."""


def lpips_loss(net: str, folder: str | Path, weight_key: str) -> ShiftedDistance:
    """LPIPS as a loss.

    Both pictures are shifted alike before they are compared: the strides of a network leave a pattern in pictures that
    always lie on the same grid.

    Args:
        net: alex | vgg | squeeze.  folder: where its weights are; empty: as in PerceptualLoss.load.
        weight_key: the key of the configuration that turns this loss on, for the message.
    Returns:
        The distance.
    Raises:
        CaptureError: the weights are not available, are damaged, or are another network's.
    """
    from capture.metrics.lpips import Perceptual  # imported when used: the lpips package imports torchvision's models

    try:
        model = Perceptual.load(net, weights_folder(folder or None), option=OPTION)
    except WeightsMissing as missing:
        raise CaptureError(f"perceptual_net {net}: {missing}; or set {weight_key} to 0") from None

    def distance(picture: Tensor, target: Tensor, offset: Tensor) -> Tensor:
        both = shift_cyclically(torch.cat([picture, target]), offset)  # (2B, 3, S, S)
        return model.to(picture.device).differentiable(*both.chunk(2))  # (B,)

    return distance


def shift_cyclically(pictures: Tensor, offset: Tensor) -> Tensor:
    """(B, 3, S, S) moved up and left by `offset` (2,) pixels; what leaves on one side comes in on the other."""
    side = torch.arange(pictures.shape[-1], device=pictures.device)  # (S,)
    rows, columns = ((side + shift) % len(side) for shift in offset)
    return pictures.index_select(2, rows).index_select(3, columns)
