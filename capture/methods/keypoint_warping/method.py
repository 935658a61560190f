"""What FOMM and MRAA share as methods: the perceptual loss, true targets, and how their networks start."""

from __future__ import annotations

import math
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.base import Generator, Method
from capture.nn.perceptual import PerceptualLoss, check_choice, check_scales
from capture.nn.spectral_norm import SpectralNormConv2d


@runtime_checkable
class Resettable(Protocol):
    """A module that can draw its own parameters anew, as torch's layers and the heads that predict motion can."""

    def reset_parameters(self) -> None:
        """Draw fresh parameters in place."""


class KeypointWarpingMethod(Method):
    """A method that reconstructs a driving frame by warping a source frame of the same character.

    Attributes:
        section: name of the method's section of the configuration, a KeypointWarpingConfig.
        options: that section.  perceptual: its perceptual loss.
    """

    section: ClassVar[str]

    def __init__(self, config: dict[str, Any], networks: dict[str, nn.Module]):
        """
        Raises:
            CaptureError: the perceptual network's weights are not available.
            ValueError: keys of the section don't fit each other or the size of the pictures.
        """
        self.options = options = config[self.section]
        check_choice(options["perceptual"], options["perceptual_weights"])
        check_scales(options["perceptual"], options["scales"], config["dataset_config"]["image_size"])
        self.perceptual = PerceptualLoss.load(
            options["perceptual"], options["perceptual_weights"], options["scales"], options["perceptual_path"] or None
        )
        super().__init__(config, networks)

    @classmethod
    def batch_keys(cls, config: dict[str, Any]) -> dict[str, str]:
        if not config[cls.section]["true_targets"]:
            return {}
        return {
            "target": f"{cls.section}.true_targets: this dataset has no true targets; toon and the datasets that "
            "prepare.py renders have them; set true_targets to false to train as published"
        }

    @staticmethod
    @abstractmethod
    def load_release(path: Path, network: Any) -> None:
        """Load a checkpoint that the method's authors released into the generator.

        Raises:
            CaptureError: no such file, a damaged or hostile one, another method's, or one for another configuration.
        """

    @classmethod
    def load_published(cls, path: Path, config: dict[str, Any]) -> Generator:
        generator = cls.build_generator(config)
        cls.load_release(path, generator)
        return generator

    def init_weights(self) -> None:
        for network in self.networks.values():
            reset_parameters(network)


def driving_and_truth(batch: dict[str, Tensor], true_targets: bool) -> tuple[Tensor, Tensor]:
    """The driving picture and the picture that the method has to produce, (B, 3, S, S) in [-1, 1] each.

    As published both are `real`, another frame of the identity's character. With `true_targets` another character's
    `pose` drives, as it does when the method is used, and the truth is `target`, the identity in that pose. Samples
    without a target are trained as published.
    """
    real = batch["real"]
    if not true_targets or "target" not in batch:
        return real, real
    known = batch["has_target"][:, None, None, None]  # (B, 1, 1, 1)
    return torch.where(known, batch["pose"], real), torch.where(known, batch["target"], real)


def reset_parameters(network: nn.Module) -> None:
    """Draw fresh parameters and statistics in place, from torch's global generator, as building the network drew them.

    These are torch's defaults, and heads that start with no motion.
    """
    for module in reversed(list(network.modules())):  # parts before the modules that hold them, which overrule theirs
        if isinstance(module, SpectralNormConv2d):
            _reset_spectral_norm(module)
        elif isinstance(module, Resettable):
            module.reset_parameters()


def _reset_spectral_norm(conv: SpectralNormConv2d) -> None:
    nn.init.kaiming_uniform_(conv.weight_orig, a=math.sqrt(5))
    bound = 1 / math.sqrt(conv.weight_orig[0].numel())
    if conv.bias is not None:
        nn.init.uniform_(conv.bias, -bound, bound)
    for vector in (conv.weight_u, conv.weight_v):
        vector.copy_(F.normalize(vector.normal_(), dim=0, eps=conv.eps))
