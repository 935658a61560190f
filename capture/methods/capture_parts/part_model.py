"""A character's body in two pictures: read, moved to other proportions, laid out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from capture.methods.capture_parts.layout import BodyLayout, Layout, Places
from capture.methods.capture_parts.part_motion import BodyMotion, Motion
from capture.methods.capture_parts.segmenter import BodyReader, Seen


class Body(nn.Module):
    """What the output is to show where, and where that is in the pictures of identity and pose.

    Three networks, one after the other: `reader` (a picture -> parts), `motion` (parts of both -> affine maps) and
    `layout` (moved parts -> which of them each pixel shows). They are taught by maps of surfaces (losses.py)
    and need none to be used.

    Args:
        parts: how many a body has.  patch: pixels to a side of a position.
    Attributes:
        watched: keep what the last `places` saw and made in `seen`, for a loss of its own.
        open: what is done with `places` reaches the layout that made them (see `tune_layout`).
        to_reader: share of motion's and layout's gradients that goes on into what is read; below 1 spares the reading.
    """

    multiple = 16  # of positions that a picture's side must have: its reader halves it four times

    def __init__(self, parts: int, patch: int):
        super().__init__()
        self.watched, self.seen, self.open, self.to_reader = False, None, False, 1.0
        self.reader = BodyReader(parts, 3 * patch**2)
        self.motion = BodyMotion(parts)
        self.layout = BodyLayout(parts, patch)

    def read(self, picture: Tensor) -> Seen:
        """A picture (B, 3 patch², S / patch, the same), as squares of pixels -> what it shows."""
        return self.reader(picture)

    def forward(self, identity: Seen, pose: Seen) -> tuple[Motion, Layout]:
        if self.to_reader < 1:
            identity, pose = (Seen(*(_held_back(x, self.to_reader) for x in seen)) for seen in (identity, pose))
        motion = self.motion(identity, pose)
        return motion, self.layout(identity, pose, motion)

    def tune_layout(self) -> None:
        """From now on reader and motion stay as they are, and the layout learns, from a painter's losses too."""
        self.requires_grad_(False)
        self.layout.requires_grad_(True)
        self.open = True

    def places(self, identity: Seen, pose: Seen) -> Places:
        """For the painter, whose losses would only drown what surfaces teach: unless open, they don't come through."""
        with torch.set_grad_enabled(self.watched and torch.is_grad_enabled()):
            motion, layout = self(identity, pose)
        if self.watched:
            self.seen = identity, pose, motion, layout
        if not self.open:
            layout = Layout(*(x.detach() for x in layout))
        with torch.set_grad_enabled(self.open and torch.is_grad_enabled()):
            return self.layout.places(identity, motion, layout)


def _held_back(x: Tensor, share: float) -> Tensor:
    """x itself, of whose gradient only a share goes on."""
    still = x.detach()
    return still + share * (x - still)
