"""The output, painted over the identity's own pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture_parts.layout import LAYOUT, Places
from capture.methods.capture_parts.part_motion import sample
from capture.nn.blocks import ConvBlock, ResBlock, blend

FAINT = 0.1  # size of what colours are made of: an update of Adam moves all weights alike, and white by much less so
MOVED = 3.0  # logit of the moved pixels' share at first, beside blend's own


class BodyPainter(nn.Module):
    """The last of the decoder, told by a body what is to be where.

    The identity's pixels are moved to where the layout wants them. What is hidden there, wrong or missing is painted:
    from the decoder's state, what the pose shows, the layout, the moved pixels, how likely a pixel is nobody's, and how
    likely the identity's picture shows the wanted part where it was moved from.

    Args:
        state: channels of the decoder's state.  pose: of the pose's features.  c_out: of the picture, 3 patch².
    """

    def __init__(self, state: int, pose: int, c_out: int):
        super().__init__()
        width, self.patch = 4 * state, round((c_out // 3) ** 0.5)
        self.join = ConvBlock(state + pose + LAYOUT + c_out + 2 * self.patch**2, width)
        self.paint = nn.Sequential(ResBlock(width, width), ResBlock(width, width))
        self.colour = ConvBlock(width, c_out, activ="none")
        self.share = ConvBlock(width, self.patch**2, activ="none")

    def forward(self, state: Tensor, pose: Tensor, picture: Tensor, places: Places) -> Tensor:
        """State (B, state, h, w), pose's features (B, pose, h, w), identity (B, c_out, h, w) -> the output, as that."""
        moved = sample(F.pixel_shuffle(picture, self.patch), places.in_identity)  # (B, 3, S, S)
        nobody = places.logits.softmax(dim=1)[:, :1]  # (B, 1, S, S)
        moved, nobody, shown = (F.pixel_unshuffle(x, self.patch) for x in (moved, nobody, places.shown))
        learnt = [evened(x) for x in (state, brought(pose, places), places.state)]
        x = self.join(
            torch.cat([x.to(state.dtype) for x in (*learnt, moved, nobody, shown)], dim=1)
        )  # (B, width, h, w)
        x = FAINT * evened(self.paint(x))
        out = blend(self.colour(x), moved, self.share(x) + MOVED)
        return out + (out.clamp(-1, 1) - out).detach()  # a tanh, once driven to its end, does not come back


def brought(x: Tensor, places: Places) -> Tensor:
    """A map (B, C, H, W) of the pose's, where the layout wants what it shows."""
    place = F.adaptive_avg_pool2d(places.in_pose, x.shape[-1])
    return sample(x, place).to(x.dtype)


def evened(x: Tensor) -> Tensor:
    """A map with a mean square of 1 over the channels at each position (Karras et al., ICLR 2018)."""
    return (x.float() * torch.rsqrt(x.float().square().mean(dim=1, keepdim=True) + 1e-6)).to(x.dtype)
