"""Attention taught by surfaces: what counts as the same point, and that it can be learned."""

from __future__ import annotations

import math

import pytest
import torch

from capture.common.errors import CaptureError
from capture.methods.capture_parts import attention_loss as surfaces
from capture.methods.capture_parts.attention_loss import BACKGROUND, FAR, NEAR, surface_code, surface_loss
from tests.conftest import tiny_config


def maps(*parts: list[list[int]]) -> torch.Tensor:
    """uint8 (B, 3, 4, 4) from (B, 4, 4) part numbers; u runs to the right and v down within the picture."""
    part = torch.tensor(parts, dtype=torch.uint8)
    u = torch.arange(4, dtype=torch.uint8).mul(40).expand_as(part)
    return torch.stack([part, u, u.transpose(1, 2)], dim=1)


FIGURE = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 2, 2, 0], [0, 2, 2, 0]]


def wanted(uv_identity, uv_target):
    """Rows of the true attention, written out position by position: (N, N), and which rows count."""
    here, there = (uv[0].flatten(1).T.tolist() for uv in (uv_identity, uv_target))
    rows, counts = [], []
    for part, u, v in there:
        scores = []
        for other, u2, v2 in here:
            du, dv = abs(u - u2) / 255, abs(v - v2) / 255
            near = (min(du, 1 - du) ** 2 + dv**2) / (2 * NEAR**2) if part else 0.0
            scores.append(-near if part == other else -math.inf)
        counts.append(max(scores) > -FAR)
        total = sum(math.exp(s) for s in scores)
        rows.append([math.exp(s) / total if total else 0.0 for s in scores])
    return torch.tensor(rows), torch.tensor(counts)


@pytest.fixture
def codeless(monkeypatch):
    """Without what pulls queries and keys to their points' codes."""
    monkeypatch.setattr(surfaces, "CODE", 0.0)


def test_the_divergence_by_hand(codeless):
    torch.manual_seed(0)
    moved = [row[1:] + [0] for row in FIGURE]
    moved[1][0] = 3  # a part that the identity picture does not show
    identity_uv, target_uv = maps(FIGURE), maps(moved)
    query, key = torch.randn(2, 1, 5, 4, 4)
    loss, told = surface_loss(query, key, 0.7, identity_uv, target_uv)
    right = told["attention_right"]
    rows, counts = wanted(identity_uv, target_uv)
    logits = query.flatten(2)[0].T @ key.flatten(2)[0] / 0.7
    divergence = torch.where(rows > 0, rows * (rows.log() - logits.log_softmax(-1)), 0.0).sum(-1)
    drawn = target_uv[0, 0].flatten() > 0
    weight = counts * torch.where(drawn, 1.0, BACKGROUND)
    assert not counts[4] and counts.sum() < 16
    torch.testing.assert_close(loss, (divergence * weight).sum() / weight.sum())
    parts = identity_uv[0, 0].flatten()[logits.argmax(-1)] == target_uv[0, 0].flatten()
    torch.testing.assert_close(right, parts[counts & drawn].float().mean())


def test_true_attention_costs_nothing_and_samples_without_maps_count_nothing(codeless):
    uv = maps(FIGURE)
    rows, _ = wanted(uv, uv)
    key = torch.eye(16).reshape(1, 16, 4, 4)
    query = rows.clamp(min=1e-9).log().T.reshape(1, 16, 4, 4)
    loss, told = surface_loss(query, key, 1.0, uv, uv)
    right = told["attention_right"]
    assert loss.abs() < 1e-4 and right == 1
    other = torch.randn(1, 16, 4, 4)
    both = surface_loss(
        torch.cat([query, other]), torch.cat([key, other]), 1.0, *(torch.cat([uv, uv * 0]) for _ in range(2))
    )
    torch.testing.assert_close(both, (loss, told))
    nothing, _ = surface_loss(other, other, 1.0, uv * 0, uv * 0)
    assert nothing == 0


@pytest.mark.parametrize("side", (8, 16))
def test_of_large_maps_the_character_is_asked_first(side, codeless):
    torch.manual_seed(0)
    uv = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    uv[:, 0, 8 : 8 + 2 * side, 4 : 4 + 2 * side] = 5  # side x side positions of 32 x 32
    query, key = torch.randn(2, 1, 4, 32, 32, requires_grad=True)
    asked = []
    for offset in (0, 1):
        loss, _ = surface_loss(query, key, 1.0, uv, uv, offset)
        (grad,) = torch.autograd.grad(loss, query)
        asked.append(grad.abs().sum(1)[0] > 0)
        assert asked[-1][4 : 4 + side, 2 : 2 + side].all() and asked[-1].sum() == 256
    assert (asked[0] != asked[1]).any() == (side < 16)  # of the background, now these and now those


def test_codes_of_neighbours_are_alike_and_those_of_others_are_not():
    torch.manual_seed(0)
    part, u, v = torch.randint(1, 30, (300,)), torch.rand(300), torch.rand(300) * 0.9
    code = surface_code(part, u, v, 32)
    torch.testing.assert_close(code.norm(dim=-1), torch.ones(300))
    assert (code * surface_code(part, u, v + 0.02, 32)).sum(-1).min() > 0.9
    assert (code * surface_code(part, u + 1, v, 32)).sum(-1).min() > 0.999  # once around
    alike = code @ code.T
    assert alike[part[:, None] != part].mean().abs() < 0.05 and alike[part[:, None] != part].abs().mean() < 0.2


def test_queries_and_keys_on_their_codes_cost_least():
    uv = maps(FIGURE)
    code = surface_code(*(x / (1 if k == 0 else 255) for k, x in enumerate(uv[0].float())), 16).permute(2, 0, 1)[None]
    right, _ = surface_loss(code, code, 1.0, uv, uv)
    for wrong in ((-code, code), (code, -code)):
        loss, _ = surface_loss(*wrong, 1.0, uv, uv)
        assert loss > right + 2 * surfaces.CODE - 2


def drawn(config):
    """Two samples of the configured data, as the trainer hands them over."""
    from capture.data.open_data import open_data

    raw = open_data(config).train.__getitems__(range(2))
    batch = {name: torch.stack([sample[name] for sample in raw]) for name in raw[0]}
    return {k: v if k.endswith("_uv") or k == "has_target" else v / 127.5 - 1 for k, v in batch.items()}


def learning(method, batch, steps):
    """What is told of the generator's loss at each of so many updates on one batch."""
    optimiser = torch.optim.Adam([p for p in method.networks["gen"].parameters() if p.requires_grad], 5e-3)
    random = method.draw_randomness(len(batch["identity"]), torch.Generator().manual_seed(0))
    for _ in range(steps):
        loss, parts = method.loss("gen", batch, random, {})
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield parts


def test_training_teaches_the_decoders_attention(tmp_path):
    from capture.training.trainer import new_method

    argv = ("--dataset_path", "toon", "--gen_surfaceLoss_weight", "1", "--gen_targetLoss_weight", "1")
    config = tiny_config(
        *argv, "--attn_rows", "output", "--attn_width", "16", "--dec_config.t", "0.07", "--reuse_drawings", "true"
    )
    torch.manual_seed(0)
    method = new_method(config)
    method.initialise()
    seen = [parts["G_surface"].item() for parts in learning(method, drawn(config), 60)]
    assert seen[-1] < 0.7 * seen[0]

    with pytest.raises(
        CaptureError, match="gen_surfaceLoss_weight: teaches attention whose attn_rows are output or pose"
    ):
        new_method(tiny_config(*argv))


def test_attention_is_taught_beside_a_body_that_stays(tmp_path):
    from capture.training.trainer import new_method

    weights = ("--gen_attentionLoss_weight", "1", "--gen_targetLoss_weight", "1")
    rows = ("--attn_rows", "output", "--attn_width", "16", "--dec_config.t", "0.07")
    argv = ("--dataset_path", "toon", "--reuse_drawings", "true", "--patch", "2", "--image_size", "64", *weights, *rows)
    config = tiny_config(*argv, "--body_parts", "25")
    method = new_method(config)
    batch = drawn(config)
    assert "target_uv" in batch  # drawn for it alone
    told = list(learning(method, batch, 40))
    seen = [parts["G_attention"].item() for parts in told]
    assert seen[-1] < 0.8 * seen[0] and "read_miss" not in told[-1]
    assert all(p.grad is None for p in method.networks["gen"].body.parameters())

    with pytest.raises(CaptureError, match="gen_attentionLoss_weight: without a body, gen_surfaceLoss_weight teaches"):
        new_method(tiny_config(*argv))
