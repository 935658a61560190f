"""The refinement network: warped pixels, painted pixels, and the composite of both."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from capture.methods.capture_parts.coordinates import cell_centres, sample_map
from capture.methods.capture_parts.layout import Correspondence
from capture.methods.capture_parts.refiner import Refined, RefinementNetwork, composite, pixel_norm, warp_to_layout
from capture.nn.init import init_weights
from tests.helpers.parts import parameters_without_gradient


def correspondence(shift: float = 0.0) -> Correspondence:
    """Every output pixel of 16 x 16 comes from `shift` to the right in both pictures."""
    torch.manual_seed(0)
    move = torch.tensor([shift, 0.0])[:, None, None]
    grids = [(cell_centres(torch.zeros(side, side)) + move)[None] for side in (16, 8)]
    return Correspondence(torch.randn(1, 4, 16, 16), *grids, torch.rand(1, 1, 16, 16), torch.randn(1, 48, 8, 8))


def tiny_refiner() -> RefinementNetwork:
    refiner = RefinementNetwork(4, 6, 48, patch=2)
    torch.manual_seed(0)
    init_weights(refiner)
    return refiner


def inputs() -> tuple[torch.Tensor, ...]:
    """State, pose and picture."""
    torch.manual_seed(1)
    return torch.randn(1, 4, 8, 8), torch.randn(1, 6, 8, 8), torch.rand(1, 12, 8, 8) * 2 - 1


def refined(
    refiner: RefinementNetwork, state: torch.Tensor, pose: torch.Tensor, picture: torch.Tensor, found: Correspondence
) -> torch.Tensor:
    """The refined picture, as pixel_unshuffle orders pixels, of a picture in that order."""
    warped = sample_map(F.pixel_shuffle(picture, refiner.patch), found.identity_grid)
    return refiner(state, pose, warped, found).picture()


class TestRefinementNetwork:
    def test_where_alpha_is_one_the_picture_is_the_warped_identity(self):
        refiner, (state, pose, picture) = tiny_refiner(), inputs()
        torch.nn.init.constant_(refiner.alpha.conv.bias, 100.0)
        made = F.pixel_shuffle(refined(refiner, state, pose, picture, correspondence(2 / 16)), 2)
        expected = F.pixel_shuffle(picture, 2)
        torch.testing.assert_close(made[..., :-1], expected[..., 1:], atol=1e-5, rtol=0)

    def test_at_first_most_of_a_pixel_is_warped_and_the_painted_part_is_faint(self):
        refiner, (state, pose, picture) = tiny_refiner(), inputs()
        made = refined(refiner, state, pose, picture, correspondence())
        share = torch.sigmoid(torch.tensor(1.0))
        assert (made - share * picture).abs().mean() < 0.3

    def test_colours_are_clamped_and_keep_their_gradient(self):
        refiner, (state, pose, picture) = tiny_refiner(), inputs()
        with torch.no_grad():
            refiner.colour.conv.bias.fill_(100.0)
            refiner.alpha.conv.bias.fill_(-100.0)
        made = refined(refiner, state, pose, picture, correspondence())
        assert (made == 1).all()
        made.sum().backward()
        assert refiner.colour.conv.bias.grad.min() > 0

    def test_sharpened_layers_are_mixed_less(self):
        layers = Refined(torch.full((1, 1, 1, 1), -1.0), torch.full((1, 1, 1, 1), 1.0), torch.tensor(0.5), None)
        shares = [(layers.sharpened(factor).picture().mean().item() + 1) / 2 for factor in (1, 3, 100)]
        assert shares == pytest.approx([0.6225, 0.8176, 1.0], abs=1e-4)

    def test_every_parameter_gets_a_gradient(self):
        refiner = tiny_refiner()
        made = refined(refiner, *inputs(), correspondence())
        (made * torch.randn_like(made)).sum().backward()
        assert parameters_without_gradient(refiner) == set()

    def test_pixel_norm_gives_a_mean_square_of_one(self):
        x = pixel_norm(5 + 3 * torch.randn(2, 7, 4, 4))
        torch.testing.assert_close(x.square().mean(dim=1), torch.ones(2, 4, 4), atol=1e-4, rtol=0)

    def test_composite_mixes_by_the_share_of_each_pixel(self):
        painted, warped, logits = torch.zeros(1, 12, 2, 2), torch.ones(1, 12, 2, 2), torch.randn(1, 4, 2, 2)
        mixed = F.pixel_shuffle(composite(painted, warped, logits), 2)  # (1, 3, 4, 4)
        share = F.pixel_shuffle(torch.sigmoid(logits), 2)
        torch.testing.assert_close(mixed, share.expand(1, 3, 4, 4))

    def test_the_pose_is_warped_by_the_pose_grid(self):
        x = torch.rand(1, 2, 8, 8)
        torch.testing.assert_close(warp_to_layout(x, correspondence(2 / 8))[..., :-1], x[..., 1:])
