"""IUV maps of pictures that have none, predicted by a method that finds body parts (CaPTURe-Parts)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.registry import method_class
from capture.inference.framing import known_framing
from capture.inference.transfer import PoseTransfer
from capture.io.images import WHITE, image_to_tensor, normalise, open_rgb, padding, to_square
from capture.io.iuv import map_to_square

DEFAULT = Path("result") / "Toon"
# Characters of the built-in renderer above and their IUV maps below, side by side; tools/reference_characters.py
REFERENCES = Path(__file__).parent / "reference_characters.png"
LARGEST = 512  # side at which maps are predicted; those of larger pictures are enlarged
VERSION = 1  # raised whenever the same weights and picture would give another map


class MapPredictor:
    """Predicts the maps of pictures.

    Attributes:
        source: the weights' file.
    """

    def __init__(self, transfer: PoseTransfer):
        """CaptureError where the method of `transfer` predicts no maps."""
        self.source, self._size, self._device = transfer.source, transfer.size, transfer.device
        known = known_framing(transfer.config)
        self._ground = known.ground if known else WHITE
        pictures, maps = load_references(transfer.size)
        method = method_class(transfer.config["main_config"]["method"])
        predict: Callable[[Tensor, int], Tensor] | None = method.map_predictor(
            transfer.generator, normalise(pictures).to(transfer.device), maps.to(transfer.device)
        )
        if predict is None:
            raise CaptureError(
                f"--predict_uv {self.source}: this method predicts no IUV maps; give a result of capture_parts with "
                f"25 parts, such as {DEFAULT}"
            )
        self._predict = predict

    @classmethod
    def load(cls, source: Path, device: str = "auto") -> MapPredictor:
        """From a result folder or exported weights; see PoseTransfer.load."""
        return cls(PoseTransfer.load(source, device))

    def predict(self, path: Path) -> np.ndarray:
        """The map of a picture file, uint8 (H, W, 3) of part, u and v, of the picture's size.

        The picture is used as it is, without finding and framing its figure.

        Raises:
            CaptureError: it can't be read, or no figure is found in it.
        """
        image = open_rgb(path, self._ground)
        picture = image_to_tensor(to_square(image, self._size, self._ground))
        whole = max(image.size)
        uv = self._predict(normalise(picture[None]).to(self._device), min(whole, LARGEST))[0]
        values = map_to_square(uv.permute(1, 2, 0).cpu().numpy(), whole)  # (whole, whole, 3)
        left, top, right, bottom = padding(*image.size)
        values = values[top : whole - bottom, left : whole - right]
        if not values[..., 0].any():
            raise CaptureError(f"{path}: no figure in it that {self.source} knows; give its IUV map")
        return np.ascontiguousarray(values)

    def note(self) -> str:
        """What people are told of a picture whose map was predicted."""
        return f"has no IUV map; one was predicted by {self.source}"


def load_references(size: int) -> tuple[Tensor, Tensor]:
    """The reference pictures, uint8 (R, 3, size, size), and their IUV maps, the same."""
    sheet = open_rgb(REFERENCES)
    side = sheet.height // 2
    pictures, maps = [], []
    for left in range(0, sheet.width, side):
        pictures.append(image_to_tensor(to_square(sheet.crop((left, 0, left + side, side)), size)))
        uv = map_to_square(np.asarray(sheet.crop((left, side, left + side, 2 * side))), size)
        maps.append(torch.from_numpy(uv).permute(2, 0, 1))
    return torch.stack(pictures), torch.stack(maps)
