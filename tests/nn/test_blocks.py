"""The blocks that the networks are made of."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from capture.nn.blocks import ResBlock, adain


class TestAdain:
    def test_one_channel_by_hand(self):
        content, style = torch.tensor([0.0, 2.0]), torch.tensor([10.0, 16.0])
        unbiased = (content - 1.0) / math.sqrt(2.0 + 1e-5) * math.sqrt(18.0 + 1e-5) + 13.0
        made = adain(content.reshape(1, 1, 1, 2), style.reshape(1, 1, 1, 2))
        torch.testing.assert_close(made.flatten(), unbiased)

    def test_the_content_gets_the_statistics_of_the_style(self):
        torch.manual_seed(0)
        content, style = torch.randn(2, 4, 8, 8), 3 + 2 * torch.randn(2, 4, 6, 6)
        out = adain(content, style)
        torch.testing.assert_close(out.mean(dim=(2, 3)), style.mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(out.var(dim=(2, 3)), style.var(dim=(2, 3)), rtol=1e-3, atol=1e-3)
        whitened = (out - out.mean(dim=(2, 3), keepdim=True)) / out.std(dim=(2, 3), keepdim=True)
        reference = F.instance_norm(content) * (63 / 64) ** 0.5
        torch.testing.assert_close(whitened, reference, rtol=1e-3, atol=1e-3)


class TestResBlock:
    def test_the_sum_is_divided_by_the_root_of_two(self):
        block = ResBlock(2, 2)
        for parameter in block.parameters():
            torch.nn.init.zeros_(parameter)  # nothing but the skip is left
        image = torch.rand(1, 2, 4, 4)
        torch.testing.assert_close(block(image), image / math.sqrt(2))
