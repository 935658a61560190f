"""The refinement network: the identity's own pixels, warped to the layout, and what has to be painted over them."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture_parts.coordinates import sample_map
from capture.methods.capture_parts.layout import Correspondence
from capture.nn.blocks import ConvBlock, ResBlock
from capture.nn.init import OwnInit

COLOUR_SCALE = 0.1  # an update of Adam moves all weights alike; small features move a colour near white by less
MOST = 8.0  # of the layout's logits for figure or background: sure, and still to be corrected
ALPHA_BIAS = 1.0  # of the logit of the warped pixels' share: 0.73 at first


class Refined(NamedTuple):
    """The two layers of a picture, as pixel_unshuffle orders pixels."""

    painted: Tensor  # (B, 3 patch², h, w)
    warped: Tensor  # (B, 3 patch², h, w) float32
    alpha_logits: Tensor  # (B, patch², h, w): the share of `warped` is their sigmoid
    figure_logits: Tensor | None  # (B, patch², h, w): the share of a pixel that the figure covers is their sigmoid

    def sharpened(self, factor: float) -> Refined:
        """The same layers, whose shares are nearer to 0 and 1: their logits are multiplied."""
        if factor == 1:
            return self
        figure = None if self.figure_logits is None else factor * self.figure_logits
        return self._replace(alpha_logits=factor * self.alpha_logits, figure_logits=figure)

    def picture(self) -> Tensor:
        """Both layers together (B, 3 patch², h, w), clamped to [-1, 1]."""
        out = composite(self.painted, self.warped, self.alpha_logits)
        return out + (out.clamp(-1, 1) - out).detach()  # with a gradient: a saturated tanh would have none


class RefinementNetwork(nn.Module):
    """Warps the identity's pixels to where the layout wants them, and paints what is hidden there, wrong or missing.

    It sees the decoder's features, what the pose shows, the layout's features, the warped pixels, how likely a pixel is
    background, and how likely the identity's picture shows the wanted part where a pixel comes from.

    Args:
        c_state: channels of the decoder's features.  c_pose: of the pose's skip level 1.  c_layout: of the layout's
            features.  patch: pixels to a side of a position.
        figure_alpha: predict how much of each pixel the figure covers, too: what is added to the layout's logit.
    """

    def __init__(self, c_state: int, c_pose: int, c_layout: int, patch: int, figure_alpha: bool = False):
        super().__init__()
        width, c_out, self.patch = 4 * c_state, 3 * patch**2, patch
        self.in_conv = ConvBlock(c_state + c_pose + c_layout + c_out + 2 * patch**2, width)
        self.blocks = nn.Sequential(ResBlock(width, width), ResBlock(width, width))
        self.colour = ConvBlock(width, c_out, activ="none")
        self.alpha = ConvBlock(width, patch**2, activ="none")
        self.figure = FigureHead(width, patch) if figure_alpha else None

    def forward(self, state: Tensor, pose: Tensor, warped: Tensor, correspondence: Correspondence) -> Refined:
        """The layers of a picture.

        Args:
            state: (B, c_state, h, w).  pose: (B, c_pose, h, w).
            warped: (B, 3, S, S), the identity's pixels where the layout wants them.
        """
        background = correspondence.logits.softmax(dim=1)[:, :1]  # (B, 1, S, S)
        pixels = (warped, background, correspondence.visibility)
        warped, background, visibility = (F.pixel_unshuffle(x, self.patch) for x in pixels)
        features = [pixel_norm(x) for x in (state, warp_to_layout(pose, correspondence), correspondence.features)]
        x = torch.cat([x.to(state.dtype) for x in (*features, warped, background, visibility)], dim=1)
        x = self.in_conv(x)  # (B, width, h, w)
        x = COLOUR_SCALE * pixel_norm(self.blocks(x))
        figure = None if self.figure is None else self.figure(x, correspondence.logits)
        return Refined(self.colour(x), warped, self.alpha(x) + ALPHA_BIAS, figure)


class FigureHead(OwnInit):
    """How much of each pixel the figure covers: a convolution, added to what the layout says.

    Args:
        width: channels of the features.  patch: pixels to a side of a position.
    """

    def __init__(self, width: int, patch: int):
        super().__init__()
        self.patch = patch
        self.conv = nn.Conv2d(width, patch**2, 3, padding=1)

    def init_own(self) -> None:
        """At first the layout alone decides."""
        for parameter in self.conv.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, logits: Tensor) -> Tensor:
        """Features (B, width, h, w) and the layout's logits (B, parts + 1, S, S) -> logits (B, patch², h, w)."""
        layout = F.pixel_unshuffle(figure_logit(logits), self.patch)
        correction: Tensor = self.conv(x / COLOUR_SCALE)
        return layout + correction.float()


def figure_logit(logits: Tensor) -> Tensor:
    """The logit of a pixel showing any part, from logits of background and parts (B, parts + 1, S, S): (B, 1, S, S)."""
    return (logits[:, 1:].logsumexp(dim=1, keepdim=True) - logits[:, :1]).clamp(-MOST, MOST)


def warp_to_layout(x: Tensor, correspondence: Correspondence) -> Tensor:
    """A map (B, C, H, W) of the pose's, where the layout wants what it shows."""
    grid = F.adaptive_avg_pool2d(correspondence.pose_grid, x.shape[-1])
    return sample_map(x, grid).to(x.dtype)


def pixel_norm(x: Tensor) -> Tensor:
    """A map with a mean square of 1 over the channels at each position (Karras et al., ICLR 2018)."""
    return (x.float() * torch.rsqrt(x.float().square().mean(dim=1, keepdim=True) + 1e-6)).to(x.dtype)


def composite(painted: Tensor, warped: Tensor, alpha_logits: Tensor) -> Tensor:
    """Pictures (B, 3 patch², h, w) mixed by the share of `warped`, the sigmoid of logits (B, patch², h, w)."""
    alpha = torch.sigmoid(alpha_logits).repeat(1, 3, 1, 1)
    return (1 - alpha) * painted + alpha * warped
