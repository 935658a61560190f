"""Dense correspondence by IUV maps: distances, location, flow and resizing."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from capture.nn.geometry import coordinate_grid, warp
from capture.nn.iuv import (
    PAIRS_AT_ONCE,
    correspondence_flow,
    gather_positions,
    locate_surface_points,
    resize_flow,
    sample_positions,
    surface_distance,
    surface_weights,
)

SIZE = 32


def figure(left: int, top: int = 6, size: int = SIZE) -> torch.Tensor:
    """uint8 (1, 3, size, size): parts 1 and 2 beside each other, 8 x 12 each; u runs to the right, v down."""
    uv = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    for part in (1, 2):
        at = slice(left + 8 * (part - 1), left + 8 * part)
        uv[0, 0, top : top + 12, at] = part
        uv[0, 1, top : top + 12, at] = torch.arange(8, dtype=torch.uint8) * 16
        uv[0, 2, top : top + 12, at] = torch.arange(12, dtype=torch.uint8)[:, None] * 20
    return uv


def random_maps(count: int, size: int, seed: int = 0) -> torch.Tensor:
    """Maps of noise: every part, every code, a third background."""
    generator = torch.Generator().manual_seed(seed)
    part = torch.randint(0, 8, (count, 1, size, size), generator=generator) * 4  # 0, 4, ..., 28: some do not exist
    codes = torch.randint(0, 256, (count, 2, size, size), generator=generator)
    return torch.cat([part, codes], dim=1).to(torch.uint8)


def flow_by_the_book(reference, source, radius, neighbours, fill):
    """The definition of `correspondence_flow`, pixel by pixel, for single maps (3, H, W)."""
    flow = torch.full((*reference.shape[1:], 2), -2.0)
    pixels = [(*(int(n) for n in source[:, y, x]), x, y) for y, x in (source[0] > 0).nonzero().tolist()]
    for y, x in (reference[0] > 0).nonzero().tolist():
        part, u, v = (int(n) for n in reference[:, y, x])
        nearby = []
        for other, u2, v2, column, row in pixels:
            if other == part <= 25:
                a, b = 2 * math.pi * u / 255, 2 * math.pi * u2 / 255
                chord = (math.cos(a) - math.cos(b)) ** 2 + (math.sin(a) - math.sin(b)) ** 2
                nearby.append((math.sqrt(chord / (4 * math.pi**2) + ((v - v2) / 255) ** 2), column, row))
        nearby = sorted(nearby)[:neighbours]
        if not nearby or (nearby[0][0] > radius and fill == "none"):
            continue
        close = [n for n in nearby if n[0] <= radius and math.dist(n[1:], nearby[0][1:]) <= 2.83] or nearby[:1]
        weights = [1 / (d + 0.004) for d, _, _ in close]
        place = [sum(w * n[k] for w, n in zip(weights, close)) / sum(weights) for k in (1, 2)]
        flow[y, x] = 2 * torch.tensor(place) / (source.shape[-1] - 1) - 1
    return flow


class TestSurfaceDistance:
    def test_distance_is_the_difference_of_neighbours(self):
        point = torch.tensor([[3.0, 100, 50]]).view(1, 3, 1)
        others = torch.tensor([[3.0, 101, 50], [3, 100, 53], [3, 100, 50]]).T[None]
        wanted = torch.tensor([1, 3, 0]) / 255
        torch.testing.assert_close(surface_distance(point, others)[0, 0], wanted, rtol=0, atol=1e-6)

    def test_u_is_cyclic_and_v_is_not(self):
        points = torch.tensor([[1.0, 0, 0], [1, 255, 0], [1, 0, 255]]).T[None]
        distance = surface_distance(points, points)[0]
        assert distance[0, 1] < 1e-6
        assert distance[0, 2] == pytest.approx(1)

    def test_the_arc_is_the_difference_of_u_the_shorter_way_around(self):
        points = torch.tensor([[1.0, 0, 0], [1, 204, 0], [1, 51, 51], [2, 0, 0], [0, 0, 0]]).T[None]
        distance = surface_distance(points, points, metric="arc")[0]
        wanted = torch.tensor([0, 0.2, 0.2 * 2**0.5, math.inf, math.inf])
        torch.testing.assert_close(distance[0], wanted, rtol=0, atol=1e-6)
        assert distance[4].isinf().all()
        chord = surface_distance(points, points)[0, 0, 1].item()
        assert chord == pytest.approx(math.sin(0.2 * math.pi) / math.pi, abs=1e-6)

    def test_half_a_turn_is_the_longest_way_around(self):
        points = torch.tensor([[1.0, 0, 0], [1, 127.5, 0]]).T[None]
        assert surface_distance(points, points)[0, 0, 1] == pytest.approx(1 / math.pi)

    def test_parts_the_background_and_unknown_parts_are_infinitely_far(self):
        points = torch.tensor([[1.0, 9, 9], [2, 9, 9], [0, 9, 9], [26, 9, 9]]).T[None]
        distance = surface_distance(points, points)[0]
        assert torch.equal(distance.isfinite(), torch.diag(torch.tensor([True, True, False, False])))


class TestSurfaceWeights:
    def test_rows_are_a_gaussian_of_the_distance(self):
        maps = random_maps(2, 6).flatten(2)
        points, candidates = maps[:1], maps[1:]
        weights, distance = surface_weights(points, candidates, 0.08, 0.2), surface_distance(points, candidates)
        shown = distance.amin(-1) <= 0.2
        gaussian = (-distance.square() / (2 * 0.08**2)).exp()
        wanted = gaussian / gaussian.sum(-1, keepdim=True).clamp(min=1e-30)
        torch.testing.assert_close(weights[shown], wanted[shown], rtol=1e-4, atol=1e-6)
        assert 0 < shown.float().mean() < 1
        assert (weights[~shown] == 0).all()

    def test_background_belongs_to_background_where_asked(self):
        points = torch.tensor([[0.0, 0, 0], [1, 5, 5]]).T[None]
        candidates = torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 5, 5]]).T[None]
        weights = surface_weights(points, candidates, 0.1, 0.1, background=True)
        assert weights[0].tolist() == [[0.5, 0.5, 0], [0, 0, 1]]
        assert surface_weights(points, candidates, 0.1, 0.1)[0, 0].sum() == 0


class TestLocateSurfacePoints:
    @pytest.mark.parametrize("align_corners", [True, False])
    def test_points_are_found_where_the_picture_shows_them(self, align_corners):
        here, there = figure(3), figure(9, top=11)
        rows, columns = (there[0, 0] > 0).nonzero().T
        points = there[:, :, rows, columns]
        positions, visible = locate_surface_points(points, here, align_corners=align_corners)
        assert visible.all()
        pixels = (positions + 1) / 2 * (SIZE - 1) if align_corners else (positions + 1) / 2 * SIZE - 0.5
        wanted = torch.stack([columns - 6, rows - 5])[None].float()
        torch.testing.assert_close(pixels, wanted, rtol=0, atol=0.2)

    def test_points_that_are_not_shown(self):
        points = figure(9)[:, :, 8:10, 10:14].flatten(2).clone()
        points[:, 0] = torch.tensor([0, 3, 3, 26, 1, 1, 1, 1])
        points[0, 2, 4:] = torch.tensor([0, 0, 0, 250])
        points[0, 1, 4:] = torch.tensor([0, 90, 200, 0])
        positions, visible = locate_surface_points(points, figure(3))
        assert visible[0].tolist() == [False, False, False, False, True, True, False, False]
        assert (positions[0, :, ~visible[0]] == -2).all()

    def test_candidates_are_capped_and_strided(self):
        here = figure(3)
        points = figure(9)[:, :, 6:18, 9:17].flatten(2)
        exact, _ = locate_surface_points(points, here, max_distance=0.2)
        for cap in ({"max_candidates": 60}, {"stride": 2}, {"stride": 2, "max_candidates": 30, "start": 0.3}):
            positions, visible = locate_surface_points(points, here, max_distance=0.2, **cap)
            error = (positions - exact)[:, :, visible[0]] * SIZE / 2
            assert visible.float().mean() > 0.9
            assert error.abs().max() > 0 and error.abs().mean() < 1

    def test_u_is_cyclic(self):
        here = figure(3)
        here[:, 1] = torch.where(here[:, 0] > 0, 252, 0).to(torch.uint8)
        points = torch.tensor([[1.0, 1, 60]]).T[None]
        assert locate_surface_points(points, here)[1].all()
        points[0, 1] = 128
        assert not locate_surface_points(points, here)[1].any()

    def test_positions_keep_their_precision_under_autocast(self):
        points = figure(9)[:, :, 6:18, 9:17].flatten(2)
        exact, _ = locate_surface_points(points, figure(3))
        with torch.autocast("cpu", torch.bfloat16):
            positions, _ = locate_surface_points(points, figure(3))
        assert torch.equal(positions, exact)

    def test_no_figure_to_look_in(self):
        _, visible = locate_surface_points(figure(3)[:, :, 8], torch.zeros_like(figure(3)), max_candidates=10)
        assert not visible.any()


class TestSamplePositions:
    def test_the_mask_comes_first_and_another_start_chooses_others(self):
        mask = figure(4)[:, 0].flatten(1) > 0
        first, second = (sample_positions(mask, 50, start) for start in (0.0, torch.tensor(0.4)))
        assert mask[0, first[0]].all() and mask[0, second[0]].all()
        assert len(set(first[0].tolist())) == 50
        assert not torch.equal(first, second)
        assert sample_positions(mask, 10**6).shape == (1, SIZE * SIZE)
        assert mask[0, sample_positions(mask, 200)[0, : mask.sum()]].all()

    def test_gather_takes_the_columns(self):
        x = torch.arange(12).view(1, 2, 6)
        assert gather_positions(x, torch.tensor([[4, 0]])).tolist() == [[[4, 0], [10, 6]]]


class TestCorrespondenceFlow:
    @pytest.mark.parametrize("fill", ["none", "nearest"])
    @pytest.mark.parametrize("neighbours", [1, 4])
    def test_flow_agrees_with_its_definition(self, neighbours, fill):
        reference, source = random_maps(2, 12, seed=1), random_maps(2, 12, seed=2)
        flow = correspondence_flow(reference, source, 0.15, neighbours, fill)
        wanted = torch.stack([flow_by_the_book(*pair, 0.15, neighbours, fill) for pair in zip(reference, source)])
        torch.testing.assert_close(flow, wanted, rtol=0, atol=1e-4)
        valid = (wanted > -2).all(-1)[reference[:, 0] > 0].float().mean()
        assert 0.2 < valid < 0.9

    def test_a_map_onto_itself_is_the_identity_grid(self):
        uv = figure(5)
        on = uv[0, 0] > 0
        grid = coordinate_grid(SIZE, SIZE)
        torch.testing.assert_close(correspondence_flow(uv, uv, neighbours=1)[0][on], grid[on], rtol=0, atol=1e-6)
        off = (correspondence_flow(uv, uv)[0] - grid)[on].abs().max() * (SIZE - 1) / 2
        assert off < 1

    def test_flow_is_exactly_minus_two_off_the_figure(self):
        reference, source = figure(5), figure(9)
        for fill in ("none", "nearest"):
            flow = correspondence_flow(reference, source, fill=fill)
            assert (flow[0][reference[0, 0] == 0] == -2).all()
            assert (flow[0][reference[0, 0] > 0] > -1.01).all()

    def test_a_shift_of_the_picture_and_its_map_leaves_the_warped_picture(self):
        picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))
        reference, source = figure(5), figure(9)
        warped = []
        for shift in ((0, 0), (0, 1), (1, -1)):
            flow = correspondence_flow(reference, source.roll(shift, (2, 3)))
            warped.append(warp(picture.roll(shift, (2, 3)), flow, True))
        for other in warped[1:]:
            torch.testing.assert_close(other, warped[0], rtol=0, atol=1e-4)
        assert warped[0].abs().sum() > 0

    def test_the_other_convention_samples_the_same_pixels(self):
        picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))
        reference, source = figure(5), figure(9)
        both = [
            warp(picture, correspondence_flow(reference, source, align_corners=convention), convention)
            for convention in (True, False)
        ]
        torch.testing.assert_close(*both, rtol=0, atol=1e-4)

    def test_points_beyond_the_radius_are_invalid_or_filled(self):
        reference, source = figure(5), figure(5)
        source[:, 2] = (source[:, 2].int() // 2 + 127).to(torch.uint8) * (source[:, 0] > 0)
        flow = correspondence_flow(reference, source)
        on = reference[:, 0] > 0
        invalid = (flow == -2).all(-1) & on
        assert 0.2 < invalid.sum() / on.sum() < 0.8
        filled = correspondence_flow(reference, source, fill="nearest")
        assert torch.equal(filled[~invalid], flow[~invalid])
        assert (filled[invalid] >= -1).all()

    def test_a_part_that_the_source_lacks_is_invalid_even_when_filled(self):
        source = figure(9)
        source *= source[:, :1] == 1
        flow = correspondence_flow(figure(5), source, fill="nearest")
        assert torch.equal((flow > -2).all(-1), figure(5)[:, 0] == 1)

    def test_samples_do_not_mix_and_pieces_do_not_matter(self, monkeypatch):
        reference, source = random_maps(3, 16, seed=1), random_maps(3, 16, seed=2)
        whole = correspondence_flow(reference, source)
        for i in range(3):
            assert torch.equal(correspondence_flow(reference[i : i + 1], source[i : i + 1])[0], whole[i])
        monkeypatch.setitem(PAIRS_AT_ONCE, "cpu", 50)
        torch.testing.assert_close(correspondence_flow(reference, source), whole)

    def test_maps_of_two_sizes(self):
        reference, source = figure(5), figure(20, 30, size=64)
        flow = correspondence_flow(reference, source, neighbours=1)
        assert flow.shape == (1, SIZE, SIZE, 2)
        at = (flow[0, 6, 5] + 1) / 2 * 63
        torch.testing.assert_close(at, torch.tensor([20.0, 30.0]), rtol=0, atol=1e-4)

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    def test_another_device_gives_the_same_flow(self):
        reference, source = figure(5), figure(9)
        flow = correspondence_flow(reference.cuda(), source.cuda())
        torch.testing.assert_close(flow.cpu(), correspondence_flow(reference, source), rtol=0, atol=1e-4)

    def test_maps_without_a_figure(self):
        empty = torch.zeros_like(figure(5))
        for pair in ((empty, figure(5)), (figure(5), empty), (empty, empty)):
            assert (correspondence_flow(*pair, fill="nearest") == -2).all()


class TestResizeFlow:
    def test_bilinear_is_that_of_a_plain_map(self):
        flow = correspondence_flow(figure(5), figure(9))
        wanted = F.interpolate(flow.permute(0, 3, 1, 2), (8, 8), mode="bilinear", align_corners=True)
        torch.testing.assert_close(resize_flow(flow, 8), wanted.permute(0, 2, 3, 1))
        assert torch.equal(resize_flow(flow, SIZE), flow)

    def test_masked_mixes_no_sentinel_into_places(self):
        flow = correspondence_flow(figure(5), figure(9))
        valid = flow[flow[..., 0] > -2]
        small = {mode: resize_flow(flow, 16, mode) for mode in ("bilinear", "masked")}
        mixed = (small["bilinear"] > -2).all(-1) & (small["bilinear"] < valid.amin(0) - 1e-5).any(-1)
        assert mixed.any()
        kept = small["masked"][(small["masked"] != -2).any(-1)]
        assert len(kept) > 20
        assert (kept >= valid.amin(0) - 1e-5).all() and (kept <= valid.amax(0) + 1e-5).all()
