"""Positions and frames measured under heat maps."""

import pytest
import torch

from capture.methods.keypoint_warping.heat_maps import heat_maps, soft_argmax, weighted_matrices
from capture.nn.geometry import gaussians


class TestHeatMaps:
    def test_soft_argmax_of_a_gaussian_is_its_centre(self):
        centres = torch.tensor([[[0.25, -0.5], [0.0, 0.3]]])
        heat = gaussians(centres, 0.01, 40, 50)
        torch.testing.assert_close(soft_argmax(heat / heat.sum(dim=(2, 3), keepdim=True)), centres, atol=1e-4, rtol=0)

    def test_temperature_sharpens_heat_maps(self):
        logits = torch.zeros(1, 1, 5, 5)
        logits[0, 0, 1, 3] = 1
        soft, sharp = (soft_argmax(heat_maps(logits, t))[0, 0] for t in (1.0, 0.1))
        assert torch.equal(torch.sign(soft), torch.sign(sharp)) and (sharp.abs() > soft.abs()).all()
        torch.testing.assert_close(sharp, torch.tensor([0.5, -0.5]), atol=1e-2, rtol=0)
        torch.testing.assert_close(heat_maps(logits, 0.1).sum(dim=(2, 3)), torch.ones(1, 1))

    def test_heat_maps_of_bfloat16_logits_sum_to_one(self):
        sums = heat_maps(torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(1)).bfloat16(), 0.1)
        torch.testing.assert_close(sums.sum(dim=(2, 3)), torch.ones(1, 2))  # bfloat16 would be off in the third digit

    @pytest.mark.parametrize("single", (True, False))
    def test_weighted_matrices_are_means_under_the_heat_map(self, single):
        heat = torch.zeros(1, 2, 3, 3)
        heat[0, 0, 0, 1], heat[0, 1, 2, 2] = 1, 1
        maps = torch.arange(36.0).reshape(1, 4, 3, 3)
        matrices = weighted_matrices(heat, maps if single else maps.repeat(1, 2, 1, 1))
        assert matrices[0, 0].tolist() == [[1, 10], [19, 28]] and matrices[0, 1].tolist() == [[8, 17], [26, 35]]
