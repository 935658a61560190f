"""Pixels of the identity, moved whole to where an attention finds them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.models.layers import ConvBlock

REACH = 2  # positions around the attention's peak that say where exactly it is


class Warp(nn.Module):
    """Samples the identity where attention looks, so that what comes out is as sharp as what went in.

    A mean over all that an attention looks at carries colours, but no eyes. Here a position of the output comes from
    one place: the attention's peak, made finer by the weights around it (a local soft-argmax) and mended by what the
    neighbours have found. A pixel moves as a convex combination of the positions around it says (Teed and Deng, RAFT,
    ECCV 2020), so that edges between parts that move apart can lie within a position.

    Args:
        channels: of the state that tells what to mend, and which neighbour a pixel follows.
        scale: pixels to a side of a position.  width: of the layers that mend.
    Attributes:
        watched: keep where the positions of the last forward come from, (B, 2, H, W), in `seen`, for a loss of their
            own; that of the picture then doesn't move them.
    """

    def __init__(self, channels: int, scale: int, width: int = 64):
        super().__init__()
        self.scale, self.watched, self.seen = scale, False, None
        self.mend = nn.Sequential(
            ConvBlock(channels + 3, width),
            ConvBlock(width, width),
            ConvBlock(width, width),
            nn.Conv2d(width, 2, 3, padding=1),
        )
        self.follow = nn.Conv2d(channels, 9 * scale**2, 3, padding=1)

    def forward(self, query: Tensor, key: Tensor, t: float, state: Tensor, picture: Tensor) -> Tensor:
        """query, key (B, d, H, W), the temperature, state (B, channels, H, W), picture (B, 3, S, S) -> (B, 3, S, S)."""
        whom = self.follow(state).float()  # (B, 9 scale², H, W)
        with torch.autocast(query.device.type, enabled=False):
            place, sure = sources(query.float(), key.float(), t)
            moved = place - middles(query)  # (B, 2, H, W)
        seen = torch.cat([state, (moved / query.shape[-1]).to(state.dtype), sure.to(state.dtype)], dim=1)
        moved = moved + self.mend(seen).float()
        if self.watched:  # taught where surfaces lie, which the noise of sampled pixels would drown
            self.seen = moved + middles(query)
            moved = moved.detach()
        with torch.autocast(query.device.type, enabled=False):
            moved = self._of_pixels(moved, whom)  # (B, 2, S, S)
            return sample_at(picture, middles(picture) + self.scale * moved)

    def _of_pixels(self, moved: Tensor, logits: Tensor) -> Tensor:
        """(B, 2, H, W) of positions, and each pixel's logits of the nine around it -> (B, 2, S, S)."""
        height, width = moved.shape[-2:]
        wider = torch.cat([moved[:, :, :1], moved, moved[:, :, -1:]], dim=2)
        wider = torch.cat([wider[..., :1], wider, wider[..., -1:]], dim=3)  # (B, 2, H + 2, W + 2)
        around = [wider[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)]
        weight = logits.unflatten(1, (1, 9, self.scale**2)).softmax(dim=2)  # (B, 1, 9, scale², H, W)
        fine = (weight * torch.stack(around, dim=2)[:, :, :, None]).sum(2)  # (B, 2, scale², H, W)
        return F.pixel_shuffle(fine.flatten(1, 2), self.scale)


def sources(query: Tensor, key: Tensor, t: float) -> tuple[Tensor, Tensor]:
    """Where each position of `query` comes from: (B, d, H, W) of both -> (B, 2, H, W), x and y in positions.

    The mean of the positions within REACH of the attention's peak, by its weights there. Gradients move the weights and
    not the peak. Beside it, (B, 1, H, W), the share of the attention that lies there.
    """
    height, width = key.shape[-2:]
    logits = torch.bmm(query.flatten(2).transpose(1, 2), key.flatten(2)) / t  # (B, M, N)
    peak = logits.detach().argmax(-1, keepdim=True)  # (B, M, 1)
    steps = torch.arange(-REACH, REACH + 1, device=query.device)
    x = (peak % width + steps.repeat(len(steps))).clamp(0, width - 1)  # (B, M, window)
    y = (peak // width + steps.repeat_interleave(len(steps))).clamp(0, height - 1)
    near = logits.gather(2, y * width + x)
    weight = near.softmax(-1)
    place = torch.stack([(weight * x).sum(-1), (weight * y).sum(-1)], dim=1) + 0.5  # (B, 2, M)
    sure = (near.detach().logsumexp(-1) - logits.detach().logsumexp(-1)).exp()[:, None]  # (B, 1, M)
    return tuple(found.unflatten(2, tuple(query.shape[-2:])) for found in (place, sure))


def sample_at(x: Tensor, place: Tensor) -> Tensor:
    """A map (B, C, H, W) at places (B, 2, h, w), x and y in its own positions -> float (B, C, h, w)."""
    height, width = x.shape[-2:]
    grid = torch.stack([2 * place[:, 0] / width - 1, 2 * place[:, 1] / height - 1], dim=-1)  # (B, h, w, 2)
    return F.grid_sample(x.float(), grid, padding_mode="border", align_corners=False)


def middles(x: Tensor) -> Tensor:
    """(1, 2, H, W): x and y of the middle of each position of a map."""
    height, width = x.shape[-2:]
    ys, xs = (torch.arange(n, device=x.device) + 0.5 for n in (height, width))
    return torch.stack(torch.meshgrid(xs, ys, indexing="xy"))[None]
