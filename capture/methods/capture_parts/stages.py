"""What learns when. Each stage begins with the weights of the one before (main_config.start_from)."""

from __future__ import annotations

from typing import NamedTuple

CORRESPONDENCE = ("segmenter", "part_motion", "layout")
PAINTING = ("identity_encoder", "pose_encoder", "decoder", "refiner")
NETWORKS = (*CORRESPONDENCE, *PAINTING)


class Stage(NamedTuple):
    """One stage of training.

    Attributes:
        learns: networks of the generator that learn, or parts of them; the others are frozen.
        until: how far the generator's forward goes.
        correspondence: whether segmentation, part motion and layout are taught by IUV maps.
    """

    learns: tuple[str, ...]
    until: str
    correspondence: bool

    @property
    def reads(self) -> tuple[str, ...]:
        """Networks of the generator that the stage's pictures come from and that it does not train at all."""
        trained = {part.split(".")[0] for part in self.learns}
        return tuple(name for name in NETWORKS if name not in trained) if self.until == "image" else ()


STAGES = {
    # every picture of a batch by itself, several times as many as the other stages see in the same time
    "segmentation": Stage(("segmenter",), "segmentation", True),
    # both pictures segmented, the parts moved and the output laid out, without painting
    "layout": Stage(CORRESPONDENCE, "layout", True),
    # painting, on a segmenter, part motion and layout that stay as they are
    "synthesis": Stage(PAINTING, "image", False),
    # the network that paints last, alone: for adapting to one character or one style
    "refiner": Stage(("refiner",), "image", False),
    # what predicts how much of each pixel the figure covers, on painting that stays as it is
    "alpha": Stage(("refiner.figure",), "image", False),
    # painting, and the layout along with it, from the picture's losses and from IUV maps
    "joint": Stage(("layout", *PAINTING), "image", True),
}
