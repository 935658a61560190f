"""The reverse-attention module against the paper's formula, with its matrices and its sums written out."""

from __future__ import annotations

import pytest
import torch

from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.attention import attend
from capture.nn.blocks import adain


def opened(channels: int, t: float | None, a: float, b: float) -> ReverseAttention:
    """A module whose a and b have these values."""
    torch.manual_seed(0)
    module = ReverseAttention(channels, t, a).double()
    torch.nn.init.constant_(module.beta, b)
    return module


def written_out(module: ReverseAttention, feature: torch.Tensor, identity: torch.Tensor, pose: torch.Tensor):
    """A, B and 1 - B as matrices, and the sum over j as a loop."""
    batch, channels, height, width = feature.shape
    outputs = []
    for f_in, f_i, f_p in zip(feature.split(1), identity.split(1), pose.split(1)):
        flat = lambda x: x.flatten(2)[0]  # noqa: E731  (C, N)
        query, key, value = module.query_conv, module.key_conv, module.value_conv
        a = torch.softmax(flat(query(f_i)).T @ flat(key(f_p)) / module.t, dim=1)  # a row for each query position
        b = torch.softmax(flat(query(f_p)).T @ flat(key(f_i)) / module.t, dim=1)
        h = flat(adain(f_in, f_i))
        f_a = (1 - module.beta) * flat(f_i) + module.beta * (flat(value(f_i)) @ a.T)
        positions = range(height * width)
        reverse = torch.stack([sum(h[:, j] * (1 - b[i, j]) for j in positions) for i in positions], dim=1)
        f_ra = (1 - module.alpha) * reverse + module.alpha * h
        outputs.append(torch.cat([f_a, f_ra]).reshape(1, 2 * channels, height, width))
    return module.out_conv(torch.cat(outputs))


class TestReverseAttention:
    @pytest.mark.parametrize("channels", (8, 32))
    @pytest.mark.parametrize("t", (16, None, 0.5))
    @pytest.mark.parametrize(("a", "b"), ((1, 1), (0, 1), (0.6, 0.3)))
    def test_agrees_with_the_written_out_formula(self, channels, t, a, b):
        module = opened(channels, t, a, b)
        feature, identity, pose = torch.randn(3, 2, channels, 3, 4, dtype=torch.double)
        # h is normalised in float32, hence not 1e-12
        expected = written_out(module, feature, identity, pose)
        torch.testing.assert_close(module(feature, identity, pose), expected, rtol=1e-5, atol=1e-5)

    def test_matrices_are_those_of_the_formula(self):
        module = opened(8, 3.0, 0.3, 0.6).float()
        feature, identity, pose = torch.randn(3, 1, 8, 2, 3)
        a, b = module.matrices((feature, identity, pose), module(feature, identity, pose))
        assert a.shape == b.shape == (6, 6)
        torch.testing.assert_close(torch.stack([a, b]).sum(-1), torch.ones(2, 6))
        gathered = attend(module.query_conv(pose), module.key_conv(identity), identity, 3.0).flatten(2)[0]
        torch.testing.assert_close(gathered, identity.flatten(2)[0] @ b.T, rtol=1e-5, atol=1e-5)

    def test_every_parameter_gets_a_gradient_when_both_branches_are_open(self):
        module = opened(16, 4, 0.5, 0.5).float()
        module(*torch.randn(3, 2, 16, 4, 4)).square().mean().backward()
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name

    def test_a_and_b_start_at_one_as_released_and_a_at_zero_as_drawn(self):
        released, drawn = ReverseAttention(8), ReverseAttention(8, alpha=0.0)
        assert released.alpha.item() == released.beta.item() == drawn.beta.item() == 1 and drawn.alpha.item() == 0

    def test_no_square_matrix_is_held_at_64x64(self, run_apart):
        """4096 positions: one 4096 x 4096 float32 matrix is 64 MiB; forward and backward must stay below it."""
        code = """
import resource, torch
from capture.methods.capture.reverse_attention import ReverseAttention
module = ReverseAttention(16, 16)
inputs = torch.randn(3, 1, 16, 8, 8)
module(*inputs).sum().backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
inputs = torch.randn(3, 1, 16, 64, 64)
module(*inputs).sum().backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
        assert float(run_apart(code)) < 64
