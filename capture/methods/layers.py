"""The layers of a picture, which a method may return so that the picture can be drawn larger."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass
class Layers:
    """A picture in the layers that it is composed of, from which it can be drawn larger (capture.inference.native).

    The output is divided into parts. The pixels of a part come from one of N pictures of the identity, by an affine map
    from the output's coordinates to that picture's and by a residual flow. What no picture shows is painted over them.
    Coordinates run from -1 to 1 over a picture, x before y, as grid_sample has them with align_corners=False.

    Attributes:
        image: (B, 3, S, S) in [-1, 1], the picture itself.
        painted: (B, 3, S, S), the painted colours.
        warped_share: (B, 1, S, S) in [0, 1]: how much of each pixel is the identity's, and not painted.
        logits: (B, P + 1, S, S): how likely a pixel shows the background, and each part.
        part_maps: (B, P, 2, 3).
        part_source: int64 (B, P), which of the N pictures each part comes from.
        residual_flow: (B, N, 2, h, w), added to the positions in each of the pictures.
        figure_alpha: (B, 1, S, S) in [0, 1], how much of each pixel the figure covers; None where it is not predicted.
        pose_logits: (B, P + 1, h, w), what the driver's picture shows, as Generator.segment says; None where the method
            finds no parts.
    """

    image: Tensor
    painted: Tensor
    warped_share: Tensor
    logits: Tensor
    part_maps: Tensor
    part_source: Tensor
    residual_flow: Tensor
    figure_alpha: Tensor | None = None
    pose_logits: Tensor | None = None

    def at(self, index: int) -> Layers:
        """One picture of the batch, on the CPU."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Layers(**{name: value[index : index + 1].cpu() for name, value in values.items() if value is not None})
