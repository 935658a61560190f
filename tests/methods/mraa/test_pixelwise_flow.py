"""MRAA's pixelwise flow: the background moves by itself, and opposite axes are the same region."""

import torch

from capture.methods.mraa.pixelwise_flow import PixelwiseFlowPredictor
from capture.methods.mraa.regions import Regions
from capture.nn.geometry import coordinate_grid
from tests.helpers.tiny_baselines import choose_proposal, tiny_options, two_frames


def predictor(revert_axis_swap: bool = True) -> PixelwiseFlowPredictor:
    torch.manual_seed(0)
    options = tiny_options("mraa", pixelwise_flow__scale_factor=0.5)["pixelwise_flow"]
    return PixelwiseFlowPredictor(3, revert_axis_swap=revert_axis_swap, align_corners=False, **options).eval()


def some_regions(seed: int) -> Regions:
    torch.manual_seed(seed)
    affine = 0.2 * torch.randn(2, 3, 2, 2) + 0.3 * torch.eye(2)
    return Regions(torch.rand(2, 3, 2) - 0.5, affine, affine @ affine.mT)


class TestPixelwiseFlow:
    def test_the_background_moves_as_its_matrix_says(self):
        network = predictor()
        choose_proposal(network, 0)
        image, driving, source = two_frames()[0], some_regions(1), some_regions(2)
        torch.testing.assert_close(network(image, driving, source).flow[0], coordinate_grid(16, 16), atol=1e-5, rtol=0)
        camera = torch.eye(3).repeat(2, 1, 1)
        camera[:, 0, 2] = 0.25
        moved = network(image, driving, source, camera).flow[0] - coordinate_grid(16, 16)
        torch.testing.assert_close(moved, torch.tensor([0.25, 0.0]).expand(16, 16, 2), atol=1e-5, rtol=0)

    def test_opposite_axes_are_the_same_region_with_revert_axis_swap(self):
        driving, source, image = some_regions(1), some_regions(2), two_frames()[0]
        opposite = source._replace(affine=-source.affine)
        for revert in (True, False):
            network = predictor(revert_axis_swap=revert)
            same = torch.allclose(network(image, driving, source).flow, network(image, driving, opposite).flow)
            assert same == revert

    def test_flow_is_float32_under_bf16_autocast(self):
        network, driving, source = predictor(), some_regions(1), some_regions(2)
        with torch.autocast("cpu", torch.bfloat16):
            motion = network(two_frames()[0], driving, source)
        assert {part.dtype for part in motion} == {torch.float32}
        torch.testing.assert_close(motion.mask.sum(dim=1), torch.ones(2, 16, 16))
