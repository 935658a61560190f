"""Reverse attention whose queries are positions of the output, against its formula written out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from capture.methods.capture_parts.output_query_attention import OutputQueryAttention
from capture.nn.attention import attend
from capture.nn.blocks import adain
from tests.helpers.parts import parameters_without_gradient


def module_and_inputs(t: float | None = None, detach: bool = False) -> tuple[OutputQueryAttention, list[torch.Tensor]]:
    """A module with a = 0.6 and b = 0.3, and F_in, F_I, C_I, C_P and the code."""
    torch.manual_seed(0)
    module = OutputQueryAttention(8, 6, 4, width=5, t=t, detach=detach).double()
    torch.nn.init.constant_(module.alpha, 0.6)
    torch.nn.init.constant_(module.beta, 0.3)
    maps = [torch.randn(2, channels, 6, 5, dtype=torch.double) for channels in (8, 8, 6, 6)]
    return module, [*maps, torch.randn(2, 4, dtype=torch.double)]


class TestOutputQueryAttention:
    @pytest.mark.parametrize("t", (None, 0.5))
    def test_agrees_with_the_written_out_formula(self, t):
        module, inputs = module_and_inputs(t)
        feature, identity, identity_pyramid, pose_pyramid, code = inputs
        made = module(*inputs)
        joined = (
            module.state_conv(torch.cat([feature, pose_pyramid], dim=1)) + module.code_linear(code)[..., None, None]
        )
        state = module.state_block(F.leaky_relu(joined, 0.2))
        h = adain(state, identity)
        query, key = (F.normalize(x, dim=1) for x in (module.query_conv(state), module.key_conv(identity_pyramid)))
        # unit vectors and h are computed in float32, hence not 1e-12
        torch.testing.assert_close((made.query, made.key), (query, key), rtol=1e-5, atol=1e-6, check_dtype=False)
        scores = torch.einsum("bdi,bdj->bij", query.flatten(2), key.flatten(2))
        weights = torch.softmax(scores / (0.07 if t is None else t), dim=-1)

        def gather(x: torch.Tensor) -> torch.Tensor:
            return torch.einsum("bij,bcj->bci", weights, x.flatten(2)).view(2, -1, 6, 5)

        f_a = 0.7 * identity + 0.3 * gather(module.value_conv(identity))
        f_ra = 0.4 * (h.sum(dim=(2, 3), keepdim=True) - gather(h)) + 0.6 * h
        expected = module.out_conv(torch.cat([f_a, f_ra], dim=1))
        torch.testing.assert_close(made.out, expected, rtol=1e-4, atol=1e-4)

    def test_matrices_are_those_of_the_formula(self):
        module, inputs = module_and_inputs()
        inputs = [x[:1] for x in inputs]
        made = module(*inputs)
        a, b = module.matrices(tuple(inputs), made)
        assert a.shape == (30, 30) and torch.equal(a, b)
        torch.testing.assert_close(a.sum(-1), torch.ones(30))
        gathered = attend(made.query, made.key, inputs[1].float(), module.t).flatten(2)[0]
        torch.testing.assert_close(gathered, inputs[1].float().flatten(2)[0] @ a.T, rtol=1e-4, atol=1e-5)

    def test_every_parameter_gets_a_gradient_from_the_picture(self):
        module, inputs = module_and_inputs()
        made = module(*inputs)
        (made.out * torch.randn_like(made.out)).sum().backward()
        assert parameters_without_gradient(module) == set()

    def test_detached_queries_and_keys_learn_from_the_attention_loss_alone(self):
        module, inputs = module_and_inputs(detach=True)
        made = module(*inputs)
        (made.out * torch.randn_like(made.out)).sum().backward()
        of_scores = {f"{name}.{kind}" for name in ("query_conv", "key_conv") for kind in ("weight", "bias")}
        assert parameters_without_gradient(module) == of_scores
        made = module(*inputs)
        (made.query * torch.randn_like(made.query)).sum().backward()
        (made.key * torch.randn_like(made.key)).sum().backward()
        assert parameters_without_gradient(module) == set()
