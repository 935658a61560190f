"""The features that FID compares, by torch-fidelity's port of the original Inception network."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.pretrained import load_published
from capture.metrics.precision import no_tf32

WIDTH = 2048


class InceptionFeatures:
    """uint8 pictures -> the 2,048 pooled features of FID (Heusel et al. 2017), resized to 299 as TensorFlow 1 did."""

    def __init__(self, weights: dict[str, Tensor], file: str | Path = "", device: str | torch.device = "cpu"):
        """
        Raises:
            CaptureError: weights of another network.
        """
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.file, self.device = Path(file), torch.device(device)
        # the class unpickles a file without restrictions, so it gets a file that this function has written
        buffer = io.BytesIO()
        torch.save(weights, buffer)
        buffer.seek(0)
        try:
            model = FeatureExtractorInceptionV3("inception-v3-compat", [str(WIDTH)], buffer)
        except RuntimeError as error:
            why = " ".join(str(error).split())[:80]
            raise CaptureError(f"{file}: not the weights of FID's Inception ({why})") from None
        self.model = model.to(self.device)

    @classmethod
    def load(cls, folder: str | Path | None = None, device: str | torch.device = "cpu") -> InceptionFeatures:
        """The network with its published weights, found or downloaded (see `load_published`, also for errors)."""
        weights, file = load_published("inception", folder)
        return cls(weights, file, device)

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> Tensor:
        """uint8 (B, 3, H, W) -> float32 (B, 2048) on the CPU."""
        with no_tf32():
            return self.model(pictures.to(self.device))[0].cpu()
