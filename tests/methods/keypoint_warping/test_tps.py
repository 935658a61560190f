"""Deformations: their derivative, their neutral element, and that a seed means the same one."""

import pytest
import torch

from capture.methods.keypoint_warping.tps import AFFINE, Deformation, draw_deformations
from capture.nn.geometry import coordinate_grid


def some_points(batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 7, 2, generator=torch.Generator().manual_seed(1)) * 1.8 - 0.9


class TestThinPlateSplineDeformation:
    def test_a_seed_means_the_same_deformations(self):
        draws = [draw_deformations(3, 5, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
        assert draws[0].shape == (3, AFFINE + 25)
        assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])

    def test_zero_noise_changes_nothing(self):
        still = Deformation(torch.zeros(2, AFFINE + 25))
        torch.testing.assert_close(still.points(some_points()), some_points())
        torch.testing.assert_close(still.jacobian(some_points()), torch.eye(2).expand(2, 7, 2, 2))
        image = torch.rand(2, 3, 16, 16)
        torch.testing.assert_close(still.picture(image, align_corners=True), image, atol=1e-5, rtol=0)

    @pytest.mark.parametrize("sigmas", [(0.05, 0.0), (0.0, 0.05), (0.05, 0.005)])
    def test_the_jacobian_is_the_derivative(self, sigmas):
        deformation = Deformation(draw_deformations(2, 5, torch.Generator().manual_seed(3)), *sigmas)
        points = some_points().requires_grad_()
        new = deformation.points(points)
        rows = [torch.autograd.grad(new[..., i].sum(), points, retain_graph=True)[0] for i in (0, 1)]
        torch.testing.assert_close(deformation.jacobian(points), torch.stack(rows, dim=-2), atol=1e-5, rtol=1e-5)
        assert (new - points).abs().max() > 1e-3

    def test_a_pure_shift_moves_the_picture_and_mirrors_its_edge(self):
        noise = torch.zeros(1, AFFINE + 25)
        noise[0, 2] = 1  # x of the offset
        image = torch.rand(1, 3, 9, 9)
        two_pixels = Deformation(noise, sigma_affine=2 * 2 / 8)
        moved = two_pixels.picture(image, align_corners=True)
        torch.testing.assert_close(moved[..., :-2], image[..., 2:], atol=1e-5, rtol=0)
        torch.testing.assert_close(moved[..., -2:], image[..., [7, 6]], atol=1e-5, rtol=0)

    def test_float32_under_bf16_autocast(self):
        noise = draw_deformations(2, 5, torch.Generator().manual_seed(3))
        with torch.autocast("cpu", torch.bfloat16):
            there = Deformation(noise).points(coordinate_grid(4, 4).flatten(0, 1)[None])
            matrix = Deformation(noise).jacobian(some_points())
        torch.testing.assert_close(there, Deformation(noise).points(coordinate_grid(4, 4).flatten(0, 1)[None]))
        torch.testing.assert_close(matrix, Deformation(noise).jacobian(some_points()))
