"""Garment transfer: parts of one character's texture on another; and rendering from uint8 to uint8."""

from __future__ import annotations

import pytest
import torch

from capture.common.errors import CaptureError
from capture.io.images import denormalise
from capture.io.iuv import PARTS
from capture.methods.coord_inpainting.garment import GROUPS, parse_parts, texels_of_parts, transfer_garment
from capture.methods.coord_inpainting.render import render
from tests.helpers.coord_inpainting import DEPARTURES, SIZE, tiny_generator, toon_batch

EXACT = {name: DEPARTURES[name] for name in ("texture_size", "separate_cells", "keep_known", "fill", "mask_source")}


@pytest.fixture
def batch():
    return toon_batch()


def inputs_of(batch):
    return {name: batch[name] for name in ("identity", "identity_uv", "target_uv")}


class TestParts:
    def test_groups_hold_known_parts_and_no_part_twice(self):
        named = [part for parts in GROUPS.values() for part in parts]
        assert set(named) <= set(PARTS) and len(set(named)) == len(named)

    def test_names(self):
        assert parse_parts("torso, legs,l_hand") == ("torso", "legs", "l_hand")
        assert parse_parts("torso", "smpl") == ("torso",)

    @pytest.mark.parametrize("text, atlas", [("", "toon"), ("torso,trousers", "toon"), ("skirt", "smpl")])
    def test_other_names_are_refused(self, text, atlas):
        with pytest.raises(CaptureError, match="choose from"):
            parse_parts(text, atlas)

    def test_texels_of_a_part(self):
        mask = texels_of_parts(("chest",), 40)[0, 0]
        row, column = divmod(PARTS.index("chest"), 5)
        assert mask.sum() == 64 and mask[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].all()

    def test_boxes_of_smpl_do_not_overlap(self):
        total = sum(texels_of_parts((name,), 200, "smpl") for name in ("head", "torso", "arms", "hands"))
        assert total.max() == 1


@pytest.mark.parametrize("stage, departures", [("texture", EXACT), ("picture", {}), ("picture", DEPARTURES)])
class TestTransferGarment:
    def test_ones_own_garment_changes_nothing(self, batch, stage, departures):
        generator, inputs = tiny_generator(stage=stage, **departures), inputs_of(batch)
        worn = transfer_garment(generator, inputs, batch["identity"], batch["identity_uv"], ("torso", "legs"))
        assert torch.allclose(worn, generator(inputs), atol=1e-5)

    def test_another_garment_changes_the_picture(self, batch, stage, departures):
        generator, inputs = tiny_generator(stage=stage, **departures), inputs_of(batch)
        worn = transfer_garment(generator, inputs, batch["pose"], batch["pose_uv"], ("torso",))
        assert worn.isfinite().all() and not torch.allclose(worn, generator(inputs), atol=1e-4)


class TestGarmentColours:
    def test_only_the_chosen_parts_come_from_the_other_picture(self, batch):
        generator, inputs = tiny_generator(stage="texture", **EXACT), inputs_of(batch)
        red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand_as(batch["pose"])
        worn = transfer_garment(generator, inputs, red, batch["pose_uv"], ("torso",))
        part = batch["target_uv"][:, 0].long()
        torso = torch.isin(part, torch.tensor([PARTS.index(name) + 1 for name in GROUPS["torso"]]))
        rest = (~torso).unsqueeze(1).expand_as(worn)
        assert torso.any() and torch.equal(worn[rest], generator(inputs)[rest])
        assert torch.allclose(worn.permute(0, 2, 3, 1)[torso], torch.tensor([1.0, -1.0, -1.0]), atol=1e-4)


class TestRender:
    def test_batches_and_bytes(self, batch):
        generator = tiny_generator(stage="picture")
        pictures = [denormalise(batch["identity"]), batch["identity_uv"], batch["target_uv"]]
        made = render(generator, *pictures, batch_size=1)
        with torch.no_grad():
            whole = denormalise(generator(inputs_of(batch)))
        assert made.dtype == torch.uint8 and (made.int() - whole.int()).abs().max() <= 1

    def test_a_single_garment_for_all(self, batch):
        generator = tiny_generator(stage="picture")
        garment = denormalise(batch["pose"][:1]), batch["pose_uv"][:1]
        made = render(
            generator, denormalise(batch["identity"]), batch["identity_uv"], batch["target_uv"], garment, ("torso",)
        )
        assert made.shape == (2, 3, SIZE, SIZE)

    def test_maps_of_another_size_or_number(self, batch):
        generator, picture = tiny_generator(), denormalise(batch["identity"])
        for driving_map in (batch["target_uv"][:1], batch["target_uv"][..., :20]):
            with pytest.raises(CaptureError, match="target_uv"):
                render(generator, picture, batch["identity_uv"], driving_map)
