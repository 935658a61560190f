"""IUV maps from segmentations: parts from the logits, u and v from reference pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.capture_parts.coordinates import apply_affine
from capture.methods.capture_parts.part_motion import TOKEN, PartMotion, PartMotionTransformer
from capture.methods.capture_parts.segmenter import FEATURES, Segmentation
from capture.methods.capture_parts.surface_prediction import (
    References,
    between_pictures,
    elect,
    map_of_segmentation,
    segment_references,
)
from capture.nn.iuv import surface_distance
from tests.helpers.parts import SIZE, tiny_generator

PARTS, SIDE = 3, 32


def two_rectangles(right: int = 0, down: int = 0) -> Tensor:
    """A map (3, SIDE, SIDE): part 1 above part 2, whose u runs to the right and v down; part 3 is not shown."""
    uv = torch.zeros(3, SIDE, SIDE)
    ramp = torch.arange(10.0) * 8 + 60
    for part, top in ((1, 4), (2, 14)):
        place = uv[:, top + down : top + down + 10, 8 + right : 18 + right]
        place[0], place[1], place[2] = part, ramp, ramp[:, None]
    return uv


def segmentation_of(uv: Tensor) -> Segmentation:
    """The segmentation (1, ...) that is sure of the parts of a map."""
    logits = 30 * F.one_hot(uv[0].long(), PARTS + 1).permute(2, 0, 1).float()
    return Segmentation(logits[None], torch.zeros(1, FEATURES, *uv.shape[1:]))


def predicted(uv: Tensor, reference: Tensor, side: int = SIDE) -> Tensor:
    """The predicted map of a picture with the map `uv`; parts move as fresh weights have them, by their centres."""
    torch.manual_seed(0)
    motion = PartMotionTransformer(PARTS)
    motion.init_own()
    references = References(segmentation_of(reference), reference[None])
    return map_of_segmentation(motion, segmentation_of(uv), references, side)


class TestMapOfSegmentation:
    def test_parts_are_the_likeliest_ones_and_coordinates_come_from_where_the_part_is(self):
        uv = two_rectangles(right=5, down=3)
        found = predicted(uv, two_rectangles())
        assert found.dtype == torch.uint8 and torch.equal(found[0].float(), uv[0])
        shown = uv[0] > 0
        assert (found[:, ~shown] == 0).all()
        inner = F.max_pool2d(-shown.float()[None], 5, 1, 2)[0] == -1  # votes are one-sided along the border
        assert inner.sum() == 16 * 6
        far = surface_distance(found[:, inner].T[..., None].float(), uv[:, inner].T[..., None])
        assert far.max() < 0.08 and far.mean() < 0.03  # a pixel of the ramp is 0.03 of u or v

    def test_a_map_may_be_larger_than_the_segmentation(self):
        uv = two_rectangles()
        found = predicted(uv, uv, 2 * SIDE)
        assert found.shape == (3, 2 * SIDE, 2 * SIDE)
        same = found[0].float() == uv[0].repeat_interleave(2, 0).repeat_interleave(2, 1)
        assert same.float().mean() > 0.97

    def test_a_part_that_no_reference_shows_is_background(self):
        uv = two_rectangles()
        uv[0] = torch.where(uv[0] == 2, 3, uv[0])
        assert set(predicted(uv, two_rectangles())[0].unique().tolist()) == {0, 1}


class TestBetweenPictures:
    def test_a_point_of_the_output_leads_from_its_place_in_the_pose_to_its_place_in_the_identity(self):
        torch.manual_seed(0)
        to_pose, to_identity = (torch.eye(2, 3) + 0.2 * torch.randn(2, PARTS, 2, 3) for _ in range(2))
        maps = between_pictures(PartMotion(to_pose, to_identity, torch.zeros(2, PARTS, TOKEN)))
        point = torch.rand(2, 4, 5) - 0.5
        in_pose = apply_affine(to_pose, point).flatten(3)  # (2, parts, 2, 20)
        there = maps[..., :2] @ in_pose + maps[..., 2:]
        torch.testing.assert_close(there, apply_affine(to_identity, point).flatten(3), atol=1e-5, rtol=0)

    def test_a_part_seen_edge_on_stays_finite(self):
        flat = torch.tensor([[1.0, 0.0, 0.1], [0.0, 0.0, 0.2]]).expand(1, PARTS, 2, 3)
        assert between_pictures(PartMotion(flat, flat, torch.zeros(1, PARTS, TOKEN))).isfinite().all()


class TestElect:
    def test_the_majority_wins_and_no_mean_of_two_cells(self):
        votes = torch.tensor([[[4.0, 60, 100], [4, 62, 100], [4, 64, 100], [4, 180, 100], [4, 182, 100]]])
        assert elect(votes).tolist() == [[4, 64, 100]] or elect(votes).tolist() == [[4, 62, 100]]

    def test_u_is_cyclic(self):
        votes = torch.tensor([[[4.0, 254, 100], [4, 0, 100], [4, 2, 100], [4, 128, 100]]])
        assert elect(votes)[0, 1] in (254, 0, 2)


class TestSegmentReferences:
    def test_maps_are_read_at_the_middle_of_positions(self):
        torch.manual_seed(1)
        generator = tiny_generator()
        uv = torch.randint(0, 4, (2, 3, SIZE, SIZE), dtype=torch.uint8)
        references = segment_references(generator, torch.rand(2, 3, SIZE, SIZE) * 2 - 1, uv)
        side = SIZE // generator.patch
        assert references.segmentation.logits.shape == (2, PARTS + 1, side, side)
        assert torch.equal(references.uv, uv[:, :, 1::2, 1::2].float())
