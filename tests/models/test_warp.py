"""Pixels moved to where an attention finds them."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from capture.models.warp import Warp, sources


def unlike(side: int = 16) -> torch.Tensor:
    """Keys that are sure of each position: (1, 32, side, side)."""
    return F.normalize(torch.randn(1, 32, side, side, generator=torch.Generator().manual_seed(0)), dim=1)


@pytest.fixture
def warp() -> Warp:
    warp = Warp(8, scale=4)
    for layer in (warp.follow, warp.mend[-1]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return warp


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_attention_at_home_gives_the_picture_back(warp, picture):
    key, state = unlike(), torch.zeros(1, 8, 16, 16)
    torch.testing.assert_close(warp(key, key, 0.005, state, picture), picture, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dims", [2, 3])
def test_attention_two_positions_away_moves_the_picture_by_eight_pixels(warp, picture, dims):
    key, state = unlike(), torch.zeros(1, 8, 16, 16)
    moved = warp(torch.roll(key, 2, dims), key, 0.005, state, picture).narrow(dims, 16, 48)
    torch.testing.assert_close(moved, torch.roll(picture, 8, dims).narrow(dims, 16, 48), atol=1e-4, rtol=0)


def test_a_pixel_follows_the_neighbour_that_the_state_says(warp, picture):
    """The left half stays, the right half moves; pixels that follow the position to their right move one earlier."""
    key, state = unlike(), torch.zeros(1, 8, 16, 16)
    query = torch.cat([key[..., :8], torch.roll(key, 2, 3)[..., 8:]], dim=3)
    right = 5  # of the nine, row by row
    warp.follow.bias.data.view(9, 16)[right] = 50.0
    moved = warp(query, key, 0.005, state, picture)
    torch.testing.assert_close(moved[..., :28], picture[..., :28], atol=1e-4, rtol=0)
    torch.testing.assert_close(moved[..., 28:], torch.roll(picture, 8, 3)[..., 28:], atol=1e-4, rtol=0)


def test_sources_lie_between_positions_that_are_equally_wanted():
    key = torch.zeros(1, 2, 4, 4)
    key[0, 0, 1, 1] = key[0, 0, 1, 2] = 1.0
    query = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    place, _ = sources(query, key, 0.01)
    torch.testing.assert_close(place, torch.tensor([2.0, 1.5]).view(1, 2, 1, 1).expand(1, 2, 4, 4))


def test_a_far_second_place_is_not_mixed_in():
    key = torch.zeros(1, 2, 8, 8)
    key[0, 0, 1, 1], key[0, 0, 6, 6] = 1.0, 0.999
    place, sure = sources(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 8, 8), key, 0.01)
    torch.testing.assert_close(place, torch.full_like(place, 1.5), atol=1e-3, rtol=0)
    torch.testing.assert_close(sure, torch.full_like(sure, 1 / (1 + math.exp(-0.1))), atol=1e-3, rtol=0)


def test_gradients_move_the_picture_towards_a_shifted_one(warp):
    """Gradient descent on the queries alone finds a shift by one position."""
    ys, xs = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    picture = torch.stack([torch.sin(xs / 5), torch.cos(ys / 5), torch.sin((xs + ys) / 7)])[None]
    position = torch.stack(torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij"))
    centres = position.flatten(1)[:, :, None, None]
    key = (-((position[:, None] - centres) ** 2).sum(0) / 2).exp()[None]  # (1, 64, 8, 8): a bump around each position
    query = key.clone().requires_grad_()
    wanted = torch.roll(picture, 4, 3)[..., 4:]
    errors = []
    for _ in range(60):
        error = (warp(query, key, 0.3, torch.zeros(1, 8, 8, 8), picture)[..., 4:] - wanted).abs().mean()
        (gradient,) = torch.autograd.grad(error, query)
        query.data -= 20 * gradient
        errors.append(error.item())
    assert errors[-1] < 0.3 * errors[0]
