"""The part segmenter that measures poses and identities: that of result/Toon, or of another result."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.pretrained import WeightsMissing
from capture.common.shipped import find_result
from capture.inference.transfer import PoseTransfer
from capture.io.images import normalise
from capture.metrics.parts import identity_error, pose_error
from capture.metrics.precision import no_tf32

BOX = Path("result") / "Toon"  # the weights that come with the repository
KEYS = ("pose_error", "parts_missed", "identity_error")


class PartFinder:
    """Finds body parts in pictures of any size.

    Attributes:
        parts: number of parts.  source: the file of the weights.
    """

    def __init__(self, transfer: PoseTransfer):
        """
        Raises:
            CaptureError: the method of this result has no part segmenter.
        """
        self._transfer, self.source = transfer, transfer.source
        with torch.inference_mode():
            logits = transfer.generator.segment(torch.zeros(1, 3, transfer.size, transfer.size, device=transfer.device))
        if logits is None:
            method = transfer.config["main_config"]["method"]
            raise CaptureError(f"{transfer.source}: {method} has no part segmenter; give a result of capture_parts")
        self.parts = logits.shape[1] - 1

    @classmethod
    def load(cls, result: Path | None = None, device: torch.device | str = "cpu") -> PartFinder:
        """The segmenter of a result; None: of the weights in the box, from this folder or from the repository's.

        Raises:
            WeightsMissing: the weights in the box are not there.
        """
        if result is None:
            result = find_result(BOX)
            if not result.is_dir():
                raise WeightsMissing(f"{BOX} is not here; get it with the repository, or give --segmenter RESULT")
        return cls(PoseTransfer.load(result, device=str(device)))

    @torch.inference_mode()
    def find(self, pictures: Tensor) -> Tensor:
        """The likeliest part of every position: uint8 (B, 3, H, W) -> int64 (B, h, w), 0 for background.

        The pictures are resized to the size that the segmenter was trained at. h and w are half of that size where it
        looks at squares of two pixels.
        """
        size = self._transfer.size
        x = normalise(pictures.to(self._transfer.device))
        if x.shape[-2:] != (size, size):
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
        with no_tf32():
            logits = self._transfer.generator.segment(x)
        assert logits is not None  # see __init__
        return logits.argmax(1)

    def compare(self, picture: Tensor, target: Tensor, found: Tensor | None = None) -> Tensor:
        """The metrics by parts of a batch.

        Args:
            picture, target: uint8 (B, 3, S, S).  found: the target's parts, where `find` was asked for them already.
        Returns:
            float64 (B, 3) on the CPU, a column for each of KEYS.
        """
        mine, theirs = self.find(picture), self.find(target) if found is None else found
        a, b = (
            F.interpolate(x.to(mine.device).float() / 255, mine.shape[1:], mode="bilinear", antialias=True)
            for x in (picture, target)
        )
        distance, missed = pose_error(mine, theirs, self.parts)
        colour = identity_error(a, b, mine, theirs, self.parts)
        return torch.stack([distance, missed, colour], 1).cpu()
