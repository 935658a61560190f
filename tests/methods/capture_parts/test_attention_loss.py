"""Attention taught by IUV maps: what counts as the same surface point, and what attention to it costs."""

from __future__ import annotations

import math

import pytest
import torch

from capture.methods.capture_parts.attention_loss import (
    BACKGROUND_WEIGHT,
    CODE_WEIGHT,
    FAR,
    POINTS,
    SIGMA,
    at_cells,
    attention_loss,
    code_loss,
    sample_positions,
    surface_code,
)

FIGURE = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 2, 2, 0], [0, 2, 2, 0]]


def maps(*parts: list[list[int]]) -> torch.Tensor:
    """uint8 (B, 3, 4, 4) from (B, 4, 4) part numbers; u rises to the right and v downwards within the picture."""
    part = torch.tensor(parts, dtype=torch.uint8)
    u = torch.arange(4, dtype=torch.uint8).mul(40).expand_as(part)
    return torch.stack([part, u, u.transpose(1, 2)], dim=1)


def true_attention(identity_uv: torch.Tensor, target_uv: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of the true attention of one sample, position by position: (N, N), and which rows count (N,)."""
    here, there = (uv[0].flatten(1).T.tolist() for uv in (identity_uv, target_uv))
    rows, counts = [], []
    for part, u, v in there:
        scores = []
        for other, u2, v2 in here:
            du, dv = abs(u - u2) / 255, abs(v - v2) / 255
            distance = (min(du, 1 - du) ** 2 + dv**2) / (2 * SIGMA**2) if part else 0.0
            scores.append(-distance if part == other else -math.inf)
        counts.append(max(scores) > -FAR)
        total = sum(math.exp(score) for score in scores)
        rows.append([math.exp(score) / total if total else 0.0 for score in scores])
    return torch.tensor(rows), torch.tensor(counts)


def divergence(query, key, t, identity_uv, target_uv, seed=0.0):
    """The loss without the terms that pull queries and keys to their codes, and the metrics."""
    loss, metrics = attention_loss(query, key, t, identity_uv, target_uv, seed)
    known = (identity_uv[:, 0].flatten(1).any(1) & target_uv[:, 0].flatten(1).any(1))[:, None]
    codes = code_loss(query, target_uv, known) + code_loss(key, identity_uv, known)
    return loss - CODE_WEIGHT * codes, metrics


class TestAttentionLoss:
    def test_is_the_divergence_written_out(self):
        torch.manual_seed(0)
        moved = [row[1:] + [0] for row in FIGURE]
        moved[1][0] = 3  # a part that the identity picture does not show
        identity_uv, target_uv = maps(FIGURE), maps(moved)
        query, key = torch.randn(2, 1, 5, 4, 4)
        loss, metrics = divergence(query, key, 0.7, identity_uv, target_uv)
        rows, counts = true_attention(identity_uv, target_uv)
        logits = query.flatten(2)[0].T @ key.flatten(2)[0] / 0.7
        each = torch.where(rows > 0, rows * (rows.log() - logits.log_softmax(-1)), 0.0).sum(-1)
        drawn = target_uv[0, 0].flatten() > 0
        weight = counts * torch.where(drawn, 1.0, BACKGROUND_WEIGHT)
        assert not counts[4] and counts.sum() < 16
        torch.testing.assert_close(loss, (each * weight).sum() / weight.sum(), rtol=1e-4, atol=1e-5)
        parts = identity_uv[0, 0].flatten()[logits.argmax(-1)] == target_uv[0, 0].flatten()
        torch.testing.assert_close(metrics["attention_right"], parts[counts & drawn].float().mean())

    def test_true_attention_costs_nothing_and_samples_without_maps_count_nothing(self):
        uv = maps(FIGURE)
        rows, _ = true_attention(uv, uv)
        key = torch.eye(16).reshape(1, 16, 4, 4)
        query = rows.clamp(min=1e-9).log().T.reshape(1, 16, 4, 4)
        loss, metrics = divergence(query, key, 1.0, uv, uv)
        assert loss.abs() < 1e-4 and metrics["attention_right"] == 1
        other = torch.randn(1, 16, 4, 4)
        queries, keys = torch.cat([query, other]), torch.cat([key, other])
        one_of_two = torch.cat([uv, 0 * uv])
        both = attention_loss(queries, keys, 1.0, one_of_two, one_of_two)
        torch.testing.assert_close(both, attention_loss(query, key, 1.0, uv, uv))
        assert attention_loss(other, other, 1.0, uv * 0, uv * 0)[0] == 0

    @pytest.mark.parametrize("side", (8, 16))
    def test_of_large_maps_positions_of_the_character_are_compared_first(self, side):
        torch.manual_seed(0)
        uv = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
        uv[:, 0, 8 : 8 + 2 * side, 4 : 4 + 2 * side] = 5  # side x side positions of 32 x 32
        query, key = torch.randn(2, 1, 4, 32, 32, requires_grad=True)
        compared = []
        for seed in (0.0, 0.5):
            loss, _ = divergence(query, key, 1.0, uv, uv, seed)
            (grad,) = torch.autograd.grad(loss, query)
            compared.append(grad.abs().sum(1)[0] > 1e-9)
            assert compared[-1][4 : 4 + side, 2 : 2 + side].all() and compared[-1].sum() <= POINTS
        assert (compared[0] != compared[1]).any() == (side < 16)  # other positions of the background

    def test_queries_and_keys_on_their_codes_cost_least(self):
        uv = maps(FIGURE)
        part, u, v = uv[0].float()
        code = surface_code(part, u / 255, v / 255, 16).permute(2, 0, 1)[None]
        right, _ = attention_loss(code, code, 1.0, uv, uv)
        for wrong in ((-code, code), (code, -code)):
            loss, _ = attention_loss(*wrong, 1.0, uv, uv)
            assert loss > right + 2 * CODE_WEIGHT - 2
        known = torch.ones(1, 1, dtype=torch.bool)
        assert code_loss(code, uv, known).abs() < 1e-6
        assert code_loss(-code, uv, known).item() == pytest.approx(2, abs=1e-5)


class TestSurfaceCode:
    def test_codes_of_neighbours_are_alike_and_those_of_other_parts_are_not(self):
        torch.manual_seed(0)
        part, u, v = torch.randint(1, 30, (300,)), torch.rand(300), torch.rand(300) * 0.9
        code = surface_code(part, u, v, 32)
        torch.testing.assert_close(code.norm(dim=-1), torch.ones(300))
        assert (code * surface_code(part, u, v + 0.02, 32)).sum(-1).min() > 0.9
        assert (code * surface_code(part, u + 1, v, 32)).sum(-1).min() > 0.999  # once around a limb
        products = code @ code.T
        others = products[part[:, None] != part]
        assert others.mean().abs() < 0.05 and others.abs().mean() < 0.2


class TestSampledPositions:
    def test_cells_give_the_pixel_in_their_middle(self):
        uv = torch.arange(3 * 64, dtype=torch.uint8).reshape(1, 3, 8, 8)
        assert torch.equal(at_cells(uv, 4), uv[:, :, 1::2, 1::2].float())
        assert torch.equal(at_cells(uv, 8), uv.float())

    def test_drawn_positions_come_before_the_others_and_a_seed_chooses_among_them(self):
        drawn = torch.zeros(2, 100, dtype=torch.bool)
        drawn[0, 10:40], drawn[1, ::2] = True, True
        first, second = (sample_positions(drawn, 40, seed) for seed in (0.0, 0.5))
        assert drawn[0][first[0]].sum() == 30 and drawn[1][first[1]].all()
        assert len(set(first[1].tolist())) == 40 and set(first[1].tolist()) != set(second[1].tolist())
