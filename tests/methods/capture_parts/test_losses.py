"""What segmentation, part motion and layout are taught: the truth costs nothing, a wrong answer what it is wrong by."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from capture.methods.capture_parts.layout import Layout
from capture.methods.capture_parts.losses import (
    BACKGROUND_WEIGHT,
    EPE_WEIGHT,
    correspondence_loss,
    layout_loss,
    locate_surface_points,
    part_cross_entropy,
    segmentation_loss,
)
from capture.methods.capture_parts.part_motion import PartMotion
from capture.methods.capture_parts.segmenter import FEATURES, Segmentation

SIDE = 32
SEED = torch.tensor(0.3217)
NO_TOKENS = torch.zeros(0)  # no loss looks at them


def figure(left: int, top: int = 6, u_step: int = 30, v_step: int = 20) -> torch.Tensor:
    """uint8 (1, 3, S, S): two parts of 8 x 12 pixels, side by side; u rises to the right in each, v downwards.

    With the usual steps no two pixels of a part show the same surface point.
    """
    uv = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    for part in (1, 2):
        columns = slice(left + 8 * (part - 1), left + 8 * part)
        uv[0, 0, top : top + 12, columns] = part
        uv[0, 1, top : top + 12, columns] = torch.arange(8, dtype=torch.uint8) * u_step
        uv[0, 2, top : top + 12, columns] = torch.arange(12, dtype=torch.uint8)[:, None] * v_step
    return uv


def true_layout(uv: torch.Tensor) -> Layout:
    """The layout that is sure of the parts of a map, without residual flow."""
    fine = 30 * F.one_hot(uv[:, 0].long(), 3).permute(0, 3, 1, 2).float()
    nothing = torch.zeros(len(uv), 4, SIDE // 2, SIDE // 2)
    return Layout(fine[..., 1::2, 1::2], F.pixel_unshuffle(fine, 2), nothing, nothing)


def shift(x: float, y: float = 0) -> torch.Tensor:
    """Affine maps (1, 2, 2, 3) of both parts that move by so many pixels."""
    return torch.tensor([[1, 0, 2 * x / SIDE], [0, 1, 2 * y / SIDE]]).expand(1, 2, 2, 3)


def located(points_of: torch.Tensor, uv: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where points of one figure are in another: pixels (2, M), whether found (M,), and the points' pixels."""
    drawn = points_of[0, 0] > 0
    ys, xs = drawn.nonzero().T
    place, found = locate_surface_points(points_of[:, :, drawn].float(), uv, SEED)
    return (place[0] + 1) / 2 * SIDE - 0.5, found[0], torch.stack([xs, ys])


class TestLocateSurfacePoints:
    def test_points_on_the_searched_pixels_are_found_exactly_and_no_others(self):
        """Every other pixel is searched, the odd ones; here neighbours show other points."""
        pixels, found, own = located(figure(9), figure(3))
        expected = own - torch.tensor([[6], [0]])
        assert torch.equal(found, (expected % 2 == 1).all(0)) and found.sum() == 48
        torch.testing.assert_close(pixels[:, found], expected[:, found].float(), atol=1e-3, rtol=0)

    def test_points_between_the_searched_pixels_are_interpolated(self):
        fine = dict(u_step=4, v_step=4)  # neighbours within the standard deviation
        pixels, found, own = located(figure(9, **fine), figure(3, **fine))
        expected = own - torch.tensor([[6], [0]])
        assert found.all()
        x, y = expected[0] - 3, expected[1] - 6
        inside = ((x % 8 >= 3) & (x % 8 <= 4)) & ((y >= 4) & (y <= 7))  # far from the edges of a part
        off = (pixels - expected)[:, inside].abs()
        assert inside.sum() == 16 and off.max() < 0.15

    def test_parts_that_the_picture_lacks_and_background_are_not_found(self):
        points = figure(9)
        points[:, 0] = 3
        assert not locate_surface_points(points.flatten(2).float(), figure(3), SEED)[1].any()
        assert not locate_surface_points(torch.zeros(1, 3, 5), figure(3), SEED)[1].any()


def epe(pixels: float) -> float:
    """The end-point error of points that are off by so many pixels; half a pixel is added, by Pythagoras."""
    return math.hypot(pixels, 0.5)


class TestCorrespondenceLoss:
    TARGET, IDENTITY, POSE = figure(9), figure(3), figure(12)

    def loss(self, identity: float = 0.0, pose: float = 0.0, flow: torch.Tensor | None = None):
        """The loss of the true layout, whose maps into both pictures are so many pixels wrong."""
        motion = PartMotion(to_pose=shift(3 + pose), to_identity=shift(-6 + identity), tokens=NO_TOKENS)
        layout = true_layout(self.TARGET)
        layout = layout if flow is None else layout._replace(residual_flow=flow)
        return layout_loss(motion, layout, self.IDENTITY, self.POSE, self.TARGET, SEED)

    def test_of_the_truth_is_the_least_end_point_error(self):
        loss, metrics = self.loss()
        assert metrics.pop("layout_ce") < 1e-6 and len(metrics) == 4
        for name, value in metrics.items():
            assert value == pytest.approx(epe(0), abs=1e-3), name
        assert loss.item() == pytest.approx(4 * EPE_WEIGHT * epe(0), abs=1e-3)

    @pytest.mark.parametrize("pixels", (1.0, 4.0, -7.0))
    @pytest.mark.parametrize("picture", ("identity", "pose"))
    def test_end_point_errors_are_those_of_the_maps_in_pixels(self, picture, pixels):
        loss, metrics = self.loss(**{picture: pixels})
        other = "pose" if picture == "identity" else "identity"
        for name, expected in ((picture, epe(pixels)), (other, epe(0))):
            assert metrics[f"{name}_epe"] == pytest.approx(expected, abs=1e-3)
            assert metrics[f"{name}_refined_epe"] == pytest.approx(expected, abs=1e-3)
        assert loss.item() == pytest.approx(EPE_WEIGHT * 2 * (epe(pixels) + epe(0)), abs=1e-3)

    def test_the_residual_flow_counts_from_where_the_maps_lead(self):
        flow = torch.zeros(1, 4, SIDE // 2, SIDE // 2)
        flow[:, 0], flow[:, 3] = 2 * -2 / SIDE, 2 * 3 / SIDE
        _, metrics = self.loss(identity=2.0, flow=flow)
        assert metrics["identity_epe"] == pytest.approx(epe(2), abs=1e-3)
        assert metrics["identity_refined_epe"] == pytest.approx(epe(0), abs=1e-3)
        assert metrics["pose_refined_epe"] == pytest.approx(epe(3), abs=1e-3)  # a flow of three pixels too many

    def test_the_refined_error_teaches_the_flow_and_not_the_maps(self):
        maps = shift(-4.0).clone().requires_grad_()
        flow = torch.zeros(1, 4, SIDE // 2, SIDE // 2, requires_grad=True)
        layout = true_layout(self.TARGET)._replace(residual_flow=flow)
        loss, _ = layout_loss(
            PartMotion(shift(3.0), maps, NO_TOKENS), layout, self.IDENTITY, self.POSE, self.TARGET, SEED
        )
        loss.backward()
        # moving every point by one pixel of x: 2 pixels off, through epe alone
        assert maps.grad[..., 0, 2].sum().item() == pytest.approx(EPE_WEIGHT * 2 / epe(2) * SIDE / 2, rel=1e-3)
        assert flow.grad[:, 0].sum().item() == pytest.approx(EPE_WEIGHT * 2 / epe(2) * SIDE / 2, rel=1e-3)

    @pytest.mark.parametrize("seed", (0.0, 0.3, 0.6, 0.9))
    def test_each_pixel_of_a_patch_has_its_turn(self, seed):
        """A layout that is wrong at one pixel of four costs something in one turn of four."""
        layout = true_layout(self.TARGET)
        wrong = layout.logits.unflatten(1, (3, 4)).clone()
        wrong[:, :, 2] = wrong[:, :, 2].roll(1, dims=1)
        layout = layout._replace(logits=wrong.flatten(1, 2))
        motion = PartMotion(shift(3), shift(-6), NO_TOKENS)
        _, metrics = layout_loss(motion, layout, self.IDENTITY, self.POSE, self.TARGET, torch.tensor(seed))
        assert (metrics["layout_ce"] > 10) == (seed == 0.6)

    def test_samples_without_maps_count_nothing(self):
        torch.manual_seed(0)
        logits = torch.randn(2, 3, SIDE // 2, SIDE // 2, requires_grad=True)
        maps = torch.randn(2, 2, 2, 3, requires_grad=True)
        fine = torch.randn(2, 12, SIDE // 2, SIDE // 2, requires_grad=True)
        nothing = torch.zeros(2, FEATURES, SIDE // 2, SIDE // 2)
        layout, both = Layout(logits, fine, nothing[:, :4], nothing), Segmentation(logits, nothing)
        one_of_two = torch.cat([figure(3), 0 * figure(3)])
        batch = {f"{role}_uv": one_of_two for role in ("identity", "pose", "target")}
        loss, metrics = correspondence_loss(both, both, PartMotion(maps, maps, NO_TOKENS), layout, batch, SEED)
        assert {"segmentation_ce", "layout_ce", "identity_epe", "pose_epe"} <= set(metrics)
        for grad in torch.autograd.grad(loss, (logits, maps, fine)):
            assert grad[0].any() and not grad[1].any()
        batch = {name: 0 * value for name, value in batch.items()}
        assert correspondence_loss(both, both, PartMotion(maps, maps, NO_TOKENS), layout, batch, SEED)[0] == 0


class TestSegmentationLoss:
    def test_is_the_cross_entropy_with_the_parts_where_the_background_weighs_less(self):
        uv = figure(3)
        part = uv[:, 0, 1::2, 1::2].long()  # the positions' middles
        logits = torch.randn(1, 3, SIDE // 2, SIDE // 2, generator=torch.Generator().manual_seed(0))
        each = F.cross_entropy(logits, part, reduction="none")
        weight = torch.where(part > 0, 1.0, BACKGROUND_WEIGHT)
        expected = (each * weight).sum() / weight.sum()
        loss, metrics = segmentation_loss(Segmentation(logits, logits), uv)
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(metrics["segmentation_ce"], expected)

    def test_no_preference_costs_the_logarithm_of_the_number_of_classes(self):
        logits = torch.zeros(1, 3, SIDE // 2, SIDE // 2)
        torch.testing.assert_close(part_cross_entropy(logits, figure(3)), torch.tensor(3.0).log())

    def test_the_true_segmentation_costs_nothing(self):
        logits = true_layout(figure(3)).coarse_logits
        assert part_cross_entropy(logits, figure(3)) < 1e-6
        assert part_cross_entropy(logits, figure(4)) > 1
