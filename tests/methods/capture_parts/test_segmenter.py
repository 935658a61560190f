"""The part segmenter: shapes, initial weights, what it sees."""

from __future__ import annotations

import torch

from capture.methods.capture_parts.segmenter import FEATURES, PartSegmenter
from capture.nn.init import init_weights
from tests.helpers.parts import biases_before_instance_norm, parameters_without_gradient


def tiny_segmenter() -> PartSegmenter:
    segmenter = PartSegmenter(3, c_in=12, c=8)
    torch.manual_seed(0)
    init_weights(segmenter)
    return segmenter


class TestPartSegmenter:
    def test_logits_and_features_have_the_size_of_the_picture_and_are_float32(self):
        for dtype in (torch.float32, torch.bfloat16):
            made = tiny_segmenter().to(dtype)(torch.rand(2, 12, 32, 48).to(dtype))
            assert made.logits.shape == (2, 4, 32, 48) and made.features.shape == (2, FEATURES, 32, 48)
            assert made.logits.dtype == made.features.dtype == torch.float32

    def test_at_first_no_part_is_much_likelier_than_another(self):
        made = tiny_segmenter()(torch.rand(2, 12, 32, 32))
        assert (made.logits.softmax(1) - 0.25).abs().max() < 0.05
        assert made.features.std() > 10 * made.logits.std()

    def test_a_position_depends_on_pixels_all_over_the_picture(self):
        picture = torch.rand(1, 12, 32, 32, requires_grad=True)
        tiny_segmenter()(picture).logits[0, :, 0, 0].sum().backward()
        assert picture.grad[0, :, 24:, 24:].abs().sum() > 0

    def test_every_parameter_gets_a_gradient(self):
        segmenter = tiny_segmenter()
        made = segmenter(torch.rand(2, 12, 32, 32))
        (made.logits.square().mean() + made.features.square().mean()).backward()
        below_rounding = biases_before_instance_norm(segmenter)
        assert below_rounding and parameters_without_gradient(segmenter) <= below_rounding
