"""Coordinates, small matrices and warping against torch's own, and by eye."""

import pytest
import torch

from capture.nn.geometry import (
    apply_matrix,
    apply_projective,
    coordinate_grid,
    gaussians,
    inverse,
    multiply,
    warp,
    warp_features,
)


def test_the_grid_runs_from_corner_to_corner_x_first():
    grid = coordinate_grid(3, 5)
    assert grid.shape == (3, 5, 2)
    assert grid[0, 0].tolist() == [-1, -1] and grid[2, 4].tolist() == [1, 1]
    assert grid[0, 4].tolist() == [1, -1] and grid[1, 2].tolist() == [0, 0]


def test_small_matrices_agree_with_torch():
    torch.manual_seed(0)
    a, b, points = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2)
    torch.testing.assert_close(multiply(a, b), a @ b)
    torch.testing.assert_close(inverse(a), torch.linalg.inv(a), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(apply_matrix(a, points), (a @ points[..., None])[..., 0])


def test_a_singular_matrix_has_a_finite_inverse_and_no_gradient():
    matrix = torch.zeros(2, 2, 2)
    matrix[1] = torch.eye(2) * 2
    matrix.requires_grad_()
    result = inverse(matrix)
    assert result[0].tolist() == [[0, 0], [0, 0]] and result[1].tolist() == [[0.5, 0], [0, 0.5]]
    result.sum().backward()
    assert matrix.grad[0].abs().max() == 0 and matrix.grad[1].abs().max() > 0


def test_projective_maps_divide_by_depth():
    matrix = torch.eye(3)
    matrix[0, 2], matrix[2, 0] = 0.5, 1.0
    assert apply_projective(matrix, torch.tensor([1.0, 3.0])).tolist() == [0.75, 1.5]


def test_gaussians_of_a_variance_and_of_the_same_covariance():
    centres = torch.tensor([[[0.0, 0.5], [-0.5, 0.0]]])
    round_ones = gaussians(centres, 0.01, 9, 9)
    torch.testing.assert_close(gaussians(centres, 0.01 * torch.eye(2).expand(1, 2, 2, 2), 9, 9), round_ones)
    assert round_ones[0, 0, 6, 4] == 1 and round_ones[0, 1, 4, 2] == 1
    long_in_x = gaussians(centres, torch.diag(torch.tensor([0.1, 0.001])).expand(1, 2, 2, 2), 9, 9)
    assert long_in_x[0, 1, 4, 3] > 0.5 > 1e-6 > long_in_x[0, 1, 5, 2]


@pytest.mark.parametrize("align_corners", (True, False))
def test_a_known_shift_moves_pixels_where_it_should(align_corners):
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 6] = 1
    step = 2 / 8 if align_corners else 2 / 9  # one pixel
    grid = coordinate_grid(9, 9) * (1 if align_corners else 8 / 9) + torch.tensor(
        [2 * step, 0]
    )  # look two to the right
    moved = warp(image, grid[None], align_corners)
    assert moved[0, 0, 4, 4].item() == pytest.approx(1, abs=1e-5)
    assert moved.sum().item() == pytest.approx(1, abs=1e-4)


def test_a_known_rotation_turns_the_picture():
    image = torch.rand(1, 3, 8, 8)
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    turned = warp(image, apply_matrix(turn, coordinate_grid(8, 8))[None], align_corners=True)
    torch.testing.assert_close(turned, image.rot90(1, (2, 3)), rtol=0, atol=1e-5)


def test_features_of_another_size_and_type_are_warped_by_the_flow():
    flow = coordinate_grid(8, 8)[None] * 0.5  # the middle, enlarged
    ramp = coordinate_grid(16, 16)[None].permute(0, 3, 1, 2).bfloat16().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        enlarged = warp_features(ramp, flow, align_corners=True)
    assert enlarged.dtype == torch.bfloat16 and enlarged.shape == ramp.shape
    torch.testing.assert_close(enlarged, ramp * 0.5, atol=0.04, rtol=0)
