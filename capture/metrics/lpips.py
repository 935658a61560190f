"""LPIPS, computed by the official package with published weights."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.pretrained import load_published
from capture.metrics import LPIPS_NETS
from capture.metrics.batches import check_batches
from capture.metrics.precision import no_tf32

NETS = LPIPS_NETS
SMALLEST = 32  # pixels: the deepest features of AlexNet and SqueezeNet need pictures of this size


class Perceptual:
    """LPIPS (Zhang et al. 2018), version 0.1, with one of the package's three networks.

    Attributes:
        net: alex, vgg or squeeze.  file: where the network's weights came from.
    """

    def __init__(self, net: str, weights: dict[str, Tensor], file: str | Path = "", device: str | torch.device = "cpu"):
        """
        Args:
            weights: torchvision's state dict of that network, or its `features.` entries alone.
        Raises:
            CaptureError: weights of another network.
        """
        import lpips  # takes two seconds, because torchvision brings torch's compiler with it

        self.net, self.file, self.device = net, Path(file), torch.device(device)
        # the package draws random weights, which are replaced below
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # the package calls torchvision in a way that torchvision warns about
            self.model = lpips.LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False)
        # the trunk keeps torchvision's numbering: net.slice2.3.weight is features.3.weight
        own = {name: re.sub(r"slice\d+", "features", name) for name in self.model.net.state_dict()}
        given = {name: value for name, value in weights.items() if name.startswith("features.")}
        try:
            if set(given) != set(own.values()):
                raise RuntimeError(f"{len(given)} parameters, expected {len(own)}")
            self.model.net.load_state_dict({name: given[source] for name, source in own.items()})
        except RuntimeError as error:
            raise CaptureError(
                f"{file}: not the weights of LPIPS's {net} network ({' '.join(str(error).split())[:80]})"
            ) from None
        self.model.eval().requires_grad_(False).to(self.device)

    @classmethod
    def load(
        cls,
        net: str = "alex",
        folder: str | Path | None = None,
        device: str | torch.device = "cpu",
        option: str = "--weights",
    ) -> Perceptual:
        """LPIPS with published weights, from a folder or downloaded: see `load_published`, also for the errors."""
        weights, file = load_published(net, folder, option)
        return cls(net, weights, file, device)

    def to(self, device: torch.device) -> Perceptual:
        """Move the network to `device`. Returns this object."""
        if device != self.device:
            self.device = device
            self.model.to(device)
        return self

    def differentiable(self, a: Tensor, b: Tensor) -> Tensor:
        """LPIPS as a loss: pictures (B, 3, H, W) in [-1, 1] -> (B,), with a gradient, in the caller's precision."""
        return self.model(a, b).reshape(-1)

    @torch.inference_mode()
    def features(self, pictures: Tensor) -> Tensor:
        """The network's deepest features that LPIPS reads, averaged over the picture, for distances between sets.

        Args:
            pictures: (B, 3, H, W) in [0, 1], at least 32x32.
        Returns:
            (B, channels) float32 on the CPU: 256 channels of AlexNet, 512 of VGG-16 and of SqueezeNet.
        """
        with no_tf32():
            scaled = self.model.scaling_layer(2 * pictures.float().to(self.device) - 1)
            return self.model.net(scaled)[-1].mean((2, 3)).cpu()

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
            return self.model(a.float().to(self.device), b.float().to(self.device), normalize=True).reshape(-1)
