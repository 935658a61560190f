"""What a body is taught: the right answer costs least, a wrong one as much as it is wrong."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from capture.methods.capture_parts.layout import Layout
from capture.methods.capture_parts.losses import BACKGROUND, body_loss, layout_loss, part_loss, where
from capture.methods.capture_parts.part_motion import Motion
from capture.methods.capture_parts.segmenter import FEATURES, Seen

SIDE = 32
CHANCE = torch.tensor(0.3217)
NONE = torch.zeros(0)  # tokens, which the loss does not look at


def figure(left: int, top: int = 6) -> torch.Tensor:
    """uint8 (1, 3, S, S): two parts of 8 x 12, beside each other; u runs to the right in each, v down."""
    uv = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    for part in (1, 2):
        at = slice(left + 8 * (part - 1), left + 8 * part)
        uv[0, 0, top : top + 12, at] = part
        uv[0, 1, top : top + 12, at] = torch.arange(8, dtype=torch.uint8) * 30
        uv[0, 2, top : top + 12, at] = torch.arange(12, dtype=torch.uint8)[:, None] * 20
    return uv


def true_layout(uv: torch.Tensor) -> Layout:
    fine = 30 * F.one_hot(uv[:, 0].long(), 3).permute(0, 3, 1, 2).float()
    count, half = len(uv), SIDE // 2
    nothing = torch.zeros(count, 4, half, half)
    return Layout(fine[..., 1::2, 1::2], F.pixel_unshuffle(fine, 2), nothing, nothing)


def shift(x: float, y: float = 0) -> torch.Tensor:
    """Maps (1, 2, 2, 3) that move by so many pixels."""
    return torch.tensor([[1, 0, 2 * x / SIDE], [0, 1, 2 * y / SIDE]]).expand(1, 2, 2, 3)


def test_points_are_found_where_the_picture_shows_them():
    here, there = figure(3), figure(9)
    mask = there[0, 0] > 0
    ys, xs = mask.nonzero().T
    points = there[:, :, mask].float()
    place, known = where(points, here, CHANCE)
    assert known.float().mean() > 0.2
    pixels = (place + 1) / 2 * SIDE - 0.5
    off = (pixels - torch.stack([xs - 6, ys])[None].float())[:, :, known[0]]
    assert off.abs().max() < 1.01  # it is sought in every other pixel
    points[:, 0] = 3
    assert not where(points, here, CHANCE)[1].any()


@pytest.mark.parametrize(("wrong", "name"), [(4.0, "identity"), (4.0, "pose")])
def test_a_place_is_as_far_off_in_pixels_as_it_is(wrong, name):
    target, identity, pose = figure(9), figure(3), figure(12)
    right = {"identity": shift(-6), "pose": shift(3)}
    layout = true_layout(target)
    costs = []
    for more in (0.0, wrong):
        maps = {who: x + (shift(more) - shift(0) if who == name else 0) for who, x in right.items()}
        motion = Motion(to_pose=maps["pose"], to_identity=maps["identity"], tokens=NONE)
        loss, told = layout_loss(motion, layout, identity, pose, target, CHANCE)
        costs.append((loss, told))
    assert costs[0][1]["layout_miss"] < 1e-4
    assert costs[0][1][f"{name}_far"] < 1 and abs(costs[1][1][f"{name}_far"] - wrong) < 0.7
    assert costs[1][0] > costs[0][0] + 0.5  # the place and its mending


def test_mending_counts_from_where_the_maps_lead():
    target = figure(9)
    motion = Motion(to_pose=shift(0), to_identity=shift(-4), tokens=NONE)  # two pixels short
    layout = true_layout(target)
    layout.mend[:, 0] = 2 * -2 / SIDE
    _, told = layout_loss(motion, layout, figure(3), target, target, CHANCE)
    assert told["identity_mended"] < 1 < told["identity_far"]


def test_parts_weigh_more_than_what_is_around_them():
    uv = figure(3)
    known = uv[:, 0, 1::2, 1::2].long()
    logits = torch.zeros(1, 3, SIDE // 2, SIDE // 2)
    torch.testing.assert_close(part_loss(logits, uv), torch.tensor(3.0).log())
    logits[:, 0] = 2.0
    each = F.cross_entropy(logits, known, reduction="none")
    weight = torch.where(known > 0, 1.0, BACKGROUND)
    torch.testing.assert_close(part_loss(logits, uv), (each * weight).sum() / weight.sum())


def test_samples_without_maps_count_nothing():
    torch.manual_seed(0)
    uv = figure(3)
    logits = torch.randn(2, 3, SIDE // 2, SIDE // 2, requires_grad=True)
    features = torch.zeros(2, FEATURES, SIDE // 2, SIDE // 2)
    maps = torch.randn(2, 2, 2, 3, requires_grad=True)
    fine = torch.randn(2, 12, SIDE // 2, SIDE // 2, requires_grad=True)
    layout = Layout(logits, fine, torch.zeros(2, 4, SIDE // 2, SIDE // 2), features)
    nothing = torch.cat([uv, 0 * uv])
    batch = {"identity_uv": nothing, "pose_uv": nothing, "target_uv": nothing}
    both = Seen(logits, features)
    loss, _ = body_loss(both, both, Motion(maps, maps, NONE), layout, batch, CHANCE)
    grads = torch.autograd.grad(loss, (logits, maps, fine))
    for grad in grads:
        assert grad[0].abs().sum() > 0 and grad[1].abs().sum() == 0
    batch = {name: 0 * value for name, value in batch.items()}
    assert body_loss(both, both, Motion(maps, maps, NONE), layout, batch, CHANCE)[0] == 0
