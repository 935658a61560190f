"""The body: what is read becomes moments, these become maps, and pixels go where the maps say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from capture.inference.transfer import PoseTransfer
from capture.methods.capture.generator import Generator
from capture.methods.capture_parts.layout import LAYOUT, BodyLayout, Layout, beside, part_places
from capture.methods.capture_parts.part_model import Body
from capture.methods.capture_parts.part_motion import TOKEN, BodyMotion, Motion, apply, moments, sample
from capture.methods.capture_parts.segmenter import FEATURES, Seen, grid
from capture.nn.init import init_weights
from tests.conftest import tiny_config

ARGV = ("--body_parts", "3", "--patch", "2", "--attn_rows", "output", "--dec_config.t", "0.07")


def seen(part: torch.Tensor, parts: int = 3) -> Seen:
    """What a reader that is sure would see: part numbers (H, W), and x, y as the first two features."""
    logits = 40 * F.one_hot(part, parts + 1).permute(2, 0, 1)[None].float()
    features = torch.zeros(1, FEATURES, *part.shape)
    features[0, :2] = grid(part)
    return Seen(logits, features)


def rectangle(top: int, left: int, side: int = 16) -> torch.Tensor:
    part = torch.zeros(side, side, dtype=torch.long)
    part[top : top + 4, left : left + 6] = 2
    return part


def test_moments_are_those_of_the_positions_of_a_part():
    told, placed = moments(seen(rectangle(3, 5)))
    xs, ys = (grid(torch.zeros(16, 16))[k][3:7, 5:11].flatten().numpy() for k in (0, 1))
    believed = 24 / 24.5
    mass, middle, spread = told[0, 1, 0], told[0, 1, 1:3], told[0, 1, 3:6] / believed / 20
    assert abs(mass - np.log1p(24) / 3) < 1e-4
    torch.testing.assert_close(placed[0, 1], torch.tensor([xs.mean(), ys.mean()]), atol=1e-4, rtol=0)
    torch.testing.assert_close(middle, believed * placed[0, 1], atol=1e-4, rtol=0)
    covariance = np.cov(xs, ys, bias=True)
    expected = torch.tensor([covariance[0, 0], covariance[0, 1], covariance[1, 1]], dtype=torch.float32)
    torch.testing.assert_close(spread, expected, atol=1e-4, rtol=0)
    along = told[0, 1, 6 + FEATURES :].unflatten(0, (FEATURES, 2)) / believed / 5  # features x and y, along x and y
    torch.testing.assert_close(along[:2].flatten(), expected[[0, 1, 1, 2]], atol=1e-4, rtol=0)
    torch.testing.assert_close(placed[0, 0], placed[0, 1], atol=1e-3, rtol=0)  # nothing of it: where the body is


def test_at_first_the_pose_stays_and_the_identitys_parts_are_brought_to_it():
    motion = BodyMotion(3)
    init_weights(motion)
    maps = motion(seen(rectangle(2, 1)), seen(rectangle(9, 7)))
    points = grid(torch.zeros(16, 16))
    torch.testing.assert_close(apply(maps.to_pose, points)[0, 1], points)
    brought = apply(maps.to_identity, points)[0, 1]
    torch.testing.assert_close(brought[:, 9:13, 7:13], points[:, 2:6, 1:7], atol=1e-4, rtol=0)


def test_every_pixel_comes_from_where_its_own_part_says():
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 2, 3)
    part = torch.randint(3, (2, 8, 8))
    everywhere = apply(maps, grid(part))  # (2, 3, 2, 8, 8)
    expected = everywhere.gather(1, part[:, None, None].expand(-1, 1, 2, -1, -1))[:, 0]
    torch.testing.assert_close(part_places(maps, part, grid(part)[None]), expected)


def test_a_picture_sampled_at_its_own_places_is_itself_and_a_step_aside_is_a_step_aside():
    x = torch.rand(1, 2, 8, 8)
    at = grid(x)[None]
    torch.testing.assert_close(sample(x, at), x)
    aside = at + torch.tensor([2 / 8, 0]).view(1, 2, 1, 1)
    torch.testing.assert_close(sample(x, aside)[..., :-1], x[..., 1:])


def test_places_beside_a_place_are_so_many_positions_away():
    x = torch.rand(1, 2, 8, 8)
    middle, left, right, above, below = (sample(x, at)[0, :, 4, 4] for at in beside(grid(x)[None], 2))
    for found, (row, column) in zip((middle, left, right, above, below), ((4, 4), (4, 2), (4, 6), (2, 4), (6, 4))):
        torch.testing.assert_close(found, x[0, :, row, column])


def test_places_follow_the_likeliest_part_of_each_pixel():
    layout = BodyLayout(2, patch=2)
    fine = torch.full((1, 3, 8, 8), -20.0)
    fine[:, 1, :, :4], fine[:, 2, :, 4:] = 20.0, 20.0  # left half part 1, right half part 2
    still = torch.eye(2, 3).expand(1, 2, 2, 3).clone()
    shifted = still.clone()
    shifted[0, 1, :, 2] = torch.tensor([0.5, -0.25])
    still_there = torch.zeros(1, 4, 4, 4)
    found = Layout(torch.zeros(1, 3, 4, 4), F.pixel_unshuffle(fine, 2), still_there, torch.zeros(1, 32, 4, 4))
    right = seen(torch.ones(4, 4, dtype=torch.long), parts=2)  # the identity shows part 1 everywhere
    places = layout.places(right, Motion(to_pose=still, to_identity=shifted, tokens=torch.zeros(1, 2, TOKEN)), found)
    points = grid(fine)
    torch.testing.assert_close(places.in_identity[0, :, :, :4], points[:, :, :4])
    aside = torch.tensor([0.5, -0.25])[:, None, None]
    torch.testing.assert_close(places.in_identity[0, :, :, 4:], points[:, :, 4:] + aside)
    torch.testing.assert_close(places.in_pose[0], grid(torch.zeros(4, 4)))
    torch.testing.assert_close(places.shown[0, 0], (points[0] < 0).float())


def body_and_pictures() -> tuple[Body, torch.Tensor]:
    torch.manual_seed(0)
    body = Body(3, 2)
    init_weights(body)
    torch.nn.init.normal_(body.motion.move.weight, std=0.01)
    pictures = torch.rand(2, 12, 32, 32)
    return body, pictures


def test_all_of_a_body_learns_from_what_is_laid_out():
    body, pictures = body_and_pictures()
    (one, other) = (body.read(picture[None]) for picture in pictures)
    motion, layout = body(one, other)
    (layout.fine.square().mean() + layout.draft.square().mean() + layout.mend.square().mean()).backward()
    assert motion.to_pose.shape == motion.to_identity.shape == (1, 3, 2, 3) and motion.tokens.shape == (1, 3, TOKEN)
    assert layout.state.shape == (1, LAYOUT, 32, 32)
    assert layout.draft.shape == (1, 4, 32, 32) and layout.fine.shape == (1, 16, 32, 32)
    for name, parameter in body.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0 or "bias" in name, name


def test_a_share_of_what_motion_and_layout_would_change_reaches_the_reader():
    body, pictures = body_and_pictures()

    def taught(share: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        body.zero_grad()
        body.to_reader = share
        one, other = (body.read(picture[None]) for picture in pictures)
        motion, layout = body(one, other)
        (layout.fine.square().mean() + motion.to_identity.square().mean() + one.logits.square().mean()).backward()
        return layout.fine.detach(), {
            name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in body.named_parameters()
        }

    outputs, grads = zip(*map(taught, (1.0, 0.25, 0.0)))
    torch.testing.assert_close(outputs[1], outputs[0], rtol=0, atol=0)
    for name in grads[0]:
        whole, quarter, none = (found[name] for found in grads)
        if name.startswith("reader."):  # `none` is what reading itself teaches
            torch.testing.assert_close(quarter - none, (whole - none) / 4, rtol=1e-3, atol=1e-6)
        else:
            torch.testing.assert_close(quarter, whole)
    assert (grads[0]["reader.last.weight"] - grads[2]["reader.last.weight"]).abs().max() > 1e-3
    assert grads[2]["reader.last.weight"].abs().max() > 1e-3


def generator() -> tuple[Generator, dict]:
    config = tiny_config(*ARGV, "--image_size", "64")
    torch.manual_seed(0)
    made = Generator(config["generator_config"])
    init_weights(made)
    return made, config


def test_the_pictures_losses_reach_all_but_the_body():
    made, _ = generator()
    pictures = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    made(*pictures, torch.zeros(2, 2, made.code_width)).square().mean().backward()
    for name, parameter in made.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert learns != name.startswith("body.") or "bias" in name or name.endswith(("alpha", "beta")), name


def test_they_reach_a_layout_that_is_tuned_and_no_more_of_the_body():
    made, _ = generator()
    made.body.watched = True
    made.body.tune_layout()
    pictures = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    made(*pictures, torch.zeros(2, 2, made.code_width)).square().mean().backward()
    body = dict(made.body.named_parameters())
    learns = {name for name, parameter in body.items() if parameter.grad is not None and parameter.grad.abs().sum() > 0}
    assert all(name.startswith("layout.") for name in learns)
    assert {"layout.join.conv.weight", "layout.fine.weight", "layout.mend.weight"} <= learns
    assert made.body.seen[3].draft.requires_grad and not made.body.seen[2].to_identity.requires_grad


@pytest.mark.parametrize("precision", ("fp32", "bf16"))
def test_pictures_are_the_same_whole_or_encoded_once(precision):
    made, config = generator()
    transfer = PoseTransfer(made, config, torch.device("cpu"), precision)
    identity, pose = torch.rand(2, 3, 3, 64, 64) * 2 - 1
    whole = transfer.transfer(identity[:1].expand(3, -1, -1, -1), pose)
    once = transfer.decode(transfer.encode_identity(identity[:1]), transfer.encode_pose(pose))
    torch.testing.assert_close(once, whole, atol=1e-3 if precision == "fp32" else 0.05, rtol=0)
    if precision == "fp32":
        torch.testing.assert_close(
            made(identity[:1], pose[:1], torch.zeros(1, 2, made.code_width)), whole[:1], atol=1e-3, rtol=0
        )
    assert not torch.equal(whole[:1], transfer.transfer(identity[1:2], pose[:1]))
