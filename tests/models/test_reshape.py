"""Maps moved by a field of displacements."""

from __future__ import annotations

import pytest
import torch

from capture.models.reshape import Reshape, move


@pytest.mark.parametrize("size", [8, 16, 32])
def test_a_displacement_in_positions_of_a_small_map_moves_larger_ones_as_far(size):
    x = torch.rand(2, 3, size, size)
    moved = torch.zeros(2, 2, 8, 8)
    moved[:, 0], moved[:, 1] = 1, -2  # from one position to the right, two above
    right, up = size // 8, 2 * size // 8
    out = move(x, moved)
    torch.testing.assert_close(out[..., up:, :-right], x[..., :-up, right:], atol=1e-5, rtol=0)


def test_no_displacement_changes_nothing():
    x = torch.rand(1, 4, 16, 16)
    torch.testing.assert_close(move(x, torch.zeros(1, 2, 8, 8)), x, atol=1e-5, rtol=0)


def test_what_is_seen_are_places():
    reshape = Reshape(6, 4, width=8)
    reshape.watched = True
    moved = reshape(torch.rand(1, 6, 8, 8), torch.rand(1, 4))
    assert moved.requires_grad and reshape.seen.requires_grad
    torch.testing.assert_close(reshape.seen[0, :, 3, 5] - moved[0, :, 3, 5], torch.tensor([5.5, 3.5]))
