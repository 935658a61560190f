"""Attention over the positions of feature maps."""

from __future__ import annotations

import pytest
import torch

from capture.nn.attention import attend


class TestAttend:
    @pytest.mark.parametrize("side", (4, 40))
    def test_agrees_with_the_written_out_softmax(self, side):
        torch.manual_seed(0)
        query, key, value = torch.randn(3, 2, 8, side, side)
        weights = torch.softmax(query.flatten(2).transpose(1, 2) @ key.flatten(2) / 3.0, dim=-1)
        expected = (value.flatten(2) @ weights.transpose(1, 2)).unflatten(2, (side, side))
        torch.testing.assert_close(attend(query, key, value, 3.0), expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("side", (4, 40))
    def test_float32_queries_gather_values_in_bfloat16(self, side):
        """As pictures are rendered with bfloat16 weights: unit queries are float32, and there is no autocast."""
        torch.manual_seed(0)
        query, key = (torch.randn(1, 8, side, side) for _ in range(2))
        value = torch.randn(1, 16, side, side)
        found = attend(query, key, value.bfloat16(), 3.0)
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found.float(), attend(query, key, value, 3.0), atol=0.03, rtol=0.05)
