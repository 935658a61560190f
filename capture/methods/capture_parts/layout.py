"""Which part each pixel of the output will show, and where that pixel is in the pictures there are."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture_parts.part_motion import TOKEN, Motion, apply, sample
from capture.methods.capture_parts.segmenter import FAINT, FEATURES, Seen, down_and_up, grid, walk
from capture.nn.blocks import ConvBlock

LAYOUT = 48  # channels of the layout's state
AROUND = 4.0  # pixels from a place in the identity's picture to those beside it that are looked at too


class Layout(NamedTuple):
    """The output, before it is painted; h = S / patch."""

    draft: Tensor  # (B, parts + 1, h, w) logits, from the moved parts alone
    fine: Tensor  # (B, (parts + 1) patch², h, w) logits of each pixel, as pixel_unshuffle has them
    mend: Tensor  # (B, 4, h, w): what is added to the places that the parts' maps give in identity and pose
    state: Tensor  # (B, width, h, w), for the painter


class Places(NamedTuple):
    """Where the output's pixels are in the pictures; coordinates as in Motion."""

    logits: Tensor  # (B, parts + 1, S, S)
    in_identity: Tensor  # (B, 2, S, S), by the likeliest part
    in_pose: Tensor  # (B, 2, h, w)
    shown: Tensor  # (B, 1, S, S): how likely the identity's picture shows the same part there
    state: Tensor  # (B, width, h, w), of the layout


class BodyLayout(nn.Module):
    """The parts of both pictures, each moved by its own map, and a network that says what hides what.

    A part that either picture shows may be in front or behind, cut off or missing; a first network, which sees the
    pose's parts unmoved too, makes a draft of the whole. By it the features of both pictures are brought to where they
    belong, the identity's also from around there, and what the parts' tokens tell; a second one compares and mends.

    Args:
        parts: of a body.  patch: pixels to a side of a position.  width: channels.
    """

    def __init__(self, parts: int, patch: int, width: int = LAYOUT):
        super().__init__()
        self.patch = patch
        self.join = ConvBlock(3 * parts + FEATURES, width)
        self.down, self.up = walk(width, 64, 96, 128)
        self.draft = nn.Conv2d(width, parts + 1, 1)
        self.tell = nn.Linear(TOKEN, FEATURES)
        self.compare = ConvBlock(width + 7 * FEATURES, width)
        self.down_again, self.up_again = walk(width, 64, 96)
        self.fine = nn.Conv2d(width, (parts + 1) * patch**2, 1)
        self.mend = nn.Conv2d(width, 4, 1)

    def start(self) -> None:
        """At first hardly anything is likelier than another, and no place is mended (called by init_weights)."""
        for last in (self.draft, self.fine, self.mend):
            last.weight.data.mul_(FAINT)

    def forward(self, identity: Seen, pose: Seen, motion: Motion) -> Layout:
        with torch.autocast(identity.logits.device.type, enabled=False):
            points = grid(identity.logits)
            everywhere = [apply(maps, points) for maps in (motion.to_identity, motion.to_pose)]  # (B, parts, 2, h, w)
            shares = [seen.logits.softmax(dim=1)[:, 1:] for seen in (identity, pose)]  # (B, parts, h, w)
            moved = [_moved_parts(share, at) for share, at in zip(shares, everywhere)] + [shares[1], pose.features]
            told = self.tell(motion.tokens.to(self.tell.weight.dtype)).float()  # (B, parts, FEATURES)
        x = self.join(torch.cat(moved, dim=1).to(self.draft.weight.dtype))
        x = down_and_up(x, self.down, self.up)
        draft = self.draft(x).float()
        with torch.autocast(x.device.type, enabled=False):
            share = draft[:, 1:].softmax(dim=1)[:, :, None]  # (B, parts, 1, h, w)
            places = [(share * at).sum(1) for at in everywhere]  # (B, 2, h, w)
            features = [sample(identity.features, at) for at in beside(places[0], AROUND / self.patch)]
            features += [sample(pose.features, places[1]), torch.einsum("bpxhw,bpc->bchw", share, told)]
        x = self.compare(torch.cat([x, *(y.to(x.dtype) for y in features)], dim=1))
        x = down_and_up(x, self.down_again, self.up_again)
        return Layout(draft, self.fine(x).float(), 0.1 * self.mend(x).float(), x)

    def places(self, identity: Seen, motion: Motion, layout: Layout) -> Places:
        """From the layout to pixels."""
        with torch.autocast(layout.fine.device.type, enabled=False):
            logits = F.pixel_shuffle(layout.fine, self.patch)
            part = logits[:, 1:].argmax(1)  # (B, S, S)
            mend = F.interpolate(layout.mend[:, :2], scale_factor=self.patch, mode="bilinear", align_corners=False)
            in_identity = part_places(motion.to_identity, part, grid(part)[None]) + mend
            share = F.avg_pool2d(logits[:, 1:].softmax(dim=1), self.patch)[:, :, None]
            everywhere = apply(motion.to_pose, grid(layout.draft))  # (B, parts, 2, h, w)
            in_pose = (share * everywhere).sum(1) + layout.mend[:, 2:]
            there = sample(identity.logits.softmax(dim=1)[:, 1:], in_identity)  # (B, parts, S, S)
            return Places(logits, in_identity, in_pose, there.gather(1, part[:, None]), layout.state)


def beside(place: Tensor, step: float) -> list[Tensor]:
    """A place (B, 2, h, w), and those so many positions left, right, above and below it."""
    away = 2 * step / place.shape[-1]
    steps = place.new_tensor([(0, 0), (-away, 0), (away, 0), (0, -away), (0, away)])
    return [place + step[:, None, None] for step in steps]


def _moved_parts(share: Tensor, at: Tensor) -> Tensor:
    """Shares of the parts (B, parts, h, w), each where its own map says: at (B, parts, 2, h, w) -> (B, parts, h, w)."""
    return sample(share.flatten(0, 1)[:, None], at.flatten(0, 1), "zeros").unflatten(0, share.shape[:2])[:, :, 0]


def part_places(maps: Tensor, part: Tensor, points: Tensor) -> Tensor:
    """Where points (B or 1, 2, ...), each of the part (B, ...) that numbers it, come from by (B, parts, 2, 3)."""
    chosen = maps.flatten(2).gather(1, part.flatten(1)[..., None].expand(-1, -1, 6))  # (B, N, 6)
    a = chosen.transpose(1, 2).unflatten(2, tuple(part.shape[1:]))  # (B, 6, ...)
    x, y = points.unbind(1)
    return torch.stack([a[:, 0] * x + a[:, 1] * y + a[:, 2], a[:, 3] * x + a[:, 4] * y + a[:, 5]], dim=1)
