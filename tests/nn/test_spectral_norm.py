"""Spectral normalisation against torch's own."""

from __future__ import annotations

import torch

from capture.nn.spectral_norm import SpectralNormConv2d


class TestSpectralNormConv2d:
    def test_agrees_with_torch_and_finds_the_largest_singular_value(self):
        torch.manual_seed(0)
        ours = SpectralNormConv2d(5, 7, 3, padding=1)
        reference = torch.nn.Conv2d(5, 7, 3, padding=1)
        reference.load_state_dict({"weight": ours.weight_orig.detach(), "bias": ours.bias.detach()})
        reference = torch.nn.utils.spectral_norm(reference)  # what published checkpoints were trained with
        reference.load_state_dict(ours.state_dict())
        x = torch.randn(2, 5, 6, 6)
        for _ in range(3):
            a, b = ours(x), reference(x)
            torch.testing.assert_close(a, b)
            a.sum().backward()
            b.sum().backward()
        torch.testing.assert_close(ours.weight_orig.grad, reference.weight_orig.grad, rtol=1e-4, atol=1e-5)
        for _ in range(200):
            ours(x)
        largest = torch.linalg.matrix_norm(ours.normalised_weight().flatten(1), 2)
        torch.testing.assert_close(largest, torch.tensor(1.0), rtol=1e-3, atol=0)
