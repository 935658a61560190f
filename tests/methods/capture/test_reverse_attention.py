"""The reverse-attention module against the paper's formula written out with its N x N matrices."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from capture.methods.capture.reverse_attention import ReverseAttention, attend
from capture.methods.capture_parts.output_attention import OutputAttention
from capture.nn.blocks import adain
from tests.conftest import ROOT


def written_out(module: ReverseAttention, feature, identity, pose):
    """softmax matrices and 1 - B, literally."""
    b, c, h, w = feature.shape

    def flat(x):
        return x.reshape(b, x.shape[1], h * w)

    q_i, q_p = flat(module.query_conv(identity)), flat(module.query_conv(pose))
    k_i, k_p = flat(module.key_conv(identity)), flat(module.key_conv(pose))
    weights_a = torch.softmax(torch.einsum("bdi,bdj->bij", q_i, k_p) / module.t, dim=-1)
    weights_b = torch.softmax(torch.einsum("bdi,bdj->bij", q_p, k_i) / module.t, dim=-1)
    value, inner = flat(module.value_conv(identity)), flat(adain(feature, identity))
    f_a = (1 - module.beta) * flat(identity) + module.beta * torch.einsum("bij,bcj->bci", weights_a, value)
    f_ra = (1 - module.alpha) * torch.einsum("bij,bcj->bci", 1 - weights_b, inner) + module.alpha * inner
    return module.conv_comp(torch.cat([f_a, f_ra], dim=1).reshape(b, 2 * c, h, w))


@pytest.mark.parametrize("channels", (8, 32))
@pytest.mark.parametrize("t", (16, None, 0.5))
@pytest.mark.parametrize(("alpha", "beta"), ((1, 1), (0, 1), (0.6, 0.3)))
def test_agrees_with_the_written_out_formula(channels, t, alpha, beta):
    torch.manual_seed(0)
    module = ReverseAttention(channels, t, alpha, beta).double()
    feature, identity, pose = torch.randn(3, 2, channels, 6, 5, dtype=torch.double)
    # h is normalised in float32, hence not 1e-12
    torch.testing.assert_close(
        module(feature, identity, pose), written_out(module, feature, identity, pose), rtol=1e-5, atol=1e-5
    )


def test_positions_of_the_output_gather_from_the_identity():
    torch.manual_seed(0)
    module = OutputAttention(8, 6, 4, None, 0.6, 0.3, width=5, extra=3).double()
    feature, identity = torch.randn(2, 2, 8, 6, 5, dtype=torch.double)
    identity_context, pose_context = torch.randn(2, 2, 6, 6, 5, dtype=torch.double)
    code, pixels = torch.randn(2, 4, dtype=torch.double), torch.randn(2, 3, 6, 5, dtype=torch.double)
    module.watched = True
    out, query, key, carried = module(feature, identity, identity_context, pose_context, code, pixels)

    both = module.state_conv(torch.cat([feature, pose_context], dim=1)) + module.code_linear(code)[..., None, None]
    state = module.state_block(F.leaky_relu(both, 0.2))
    where, what = (F.normalize(x, dim=1) for x in (module.query_conv(state), module.key_conv(identity_context)))
    assert module.seen == (query, key)
    torch.testing.assert_close((query, key), (where, what), rtol=1e-5, atol=1e-6, check_dtype=False)
    weights = torch.softmax(torch.einsum("bdi,bdj->bij", where.flatten(2), what.flatten(2)) / 0.07, dim=-1)

    def gather(x):
        return torch.einsum("bij,bcj->bci", weights, x.flatten(2)).view(2, -1, 6, 5)

    h = adain(state, identity)
    f_a = 0.7 * identity + 0.3 * gather(module.value_conv(identity))
    f_ra = 0.4 * (h.sum(dim=(2, 3), keepdim=True) - gather(h)) + 0.6 * h
    torch.testing.assert_close(carried, gather(pixels), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out, module.conv_comp(torch.cat([f_a, f_ra, carried], dim=1)), rtol=1e-4, atol=1e-4)


def test_every_parameter_learns_when_both_branches_are_open():
    torch.manual_seed(0)
    module = ReverseAttention(16, 4, alpha=0.5, beta=0.5)
    module(*torch.randn(3, 2, 16, 4, 4)).square().mean().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_adain_gives_the_content_the_styles_statistics():
    torch.manual_seed(0)
    content, style = torch.randn(2, 4, 8, 8), 3 + 2 * torch.randn(2, 4, 6, 6)
    out = adain(content, style)
    torch.testing.assert_close(out.mean(dim=(2, 3)), style.mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.var(dim=(2, 3)), style.var(dim=(2, 3)), rtol=1e-3, atol=1e-3)
    whitened = (out - out.mean(dim=(2, 3), keepdim=True)) / out.std(dim=(2, 3), keepdim=True)
    reference = F.instance_norm(content) * (63 / 64) ** 0.5
    torch.testing.assert_close(whitened, reference, rtol=1e-3, atol=1e-3)


def test_no_square_matrix_is_held_at_64x64():
    """4096 positions: one 4096 x 4096 float32 matrix is 64 MiB; forward and backward must stay under one of them."""
    code = """
import resource, torch
from capture.models.output_attention import OutputAttention
from capture.models.reverse_attention import ReverseAttention
module = ReverseAttention(16, 16)
inputs = torch.randn(3, 1, 16, 8, 8)
module(*inputs).sum().backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
inputs = torch.randn(3, 1, 16, 64, 64)
module(*inputs).sum().backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 64


@pytest.mark.parametrize("side", [4, 40])
def test_exact_queries_gather_values_in_bfloat16(side):
    """As pictures are rendered with bfloat16 weights: queries of length 1 are float32, and no autocast is there."""
    torch.manual_seed(0)
    query, key = (torch.randn(1, 8, side, side) for _ in range(2))
    value = torch.randn(1, 16, side, side)
    found = attend(query, key, value.bfloat16(), 3.0)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), attend(query, key, value, 3.0), atol=0.03, rtol=0.05)
