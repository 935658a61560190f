"""Eyes and mouth as parts of their own: in the losses, and added to weights that have none."""

from __future__ import annotations

import pytest
import torch

from capture.checkpoints.checkpoint import export_generator
from capture.common.errors import CaptureError
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.io.iuv import PARTS
from capture.methods.build import batch_keys, build_method
from capture.methods.capture_parts.face_parts import ALL_PARTS, HEAD, add_parts, fold_face_parts, merge_face_parts
from capture.methods.capture_parts.losses import part_cross_entropy
from capture.training.trainer import Trainer
from tests.conftest import tiny_config
from tests.helpers.parts import moving_parts, random_pair, tiny_generator

TOON = ("--method", "capture_parts", "--dataset_path", "toon", "--validation_pairs", "0", "--stage", "layout")
FACES = ("--toon_face_parts", "true", "--num_parts", "27")


class TestMerging:
    def test_eyes_and_mouth_count_as_head(self):
        logits = torch.randn(1, ALL_PARTS + 1, 2, 2)
        before, after = logits.softmax(1), merge_face_parts(logits).softmax(1)
        torch.testing.assert_close(after[:, HEAD], before[:, [HEAD, 26, 27]].sum(1))
        torch.testing.assert_close(after[:, 2:26], before[:, 2:26])
        assert not after[:, 26:].any() and merge_face_parts(logits[:, :26]) is not None

    def test_maps_keep_their_coordinates(self):
        uv = torch.tensor([0, 1, 25, 26, 27], dtype=torch.uint8).repeat(3, 1)[None]
        assert fold_face_parts(uv)[0].tolist() == [[0, 1, 25, 1, 1], [0, 1, 25, 26, 27], [0, 1, 25, 26, 27]]

    def test_a_map_without_face_parts_teaches_nothing_about_them(self):
        uv = torch.full((1, 3, 4, 4), HEAD, dtype=torch.uint8)
        logits = torch.zeros(1, ALL_PARTS + 1, 4, 4)
        logits[:, 26] = 20  # sure that all of it is eyes
        assert part_cross_entropy(logits, uv) < 1e-3
        uv[..., 0, 0] = 27  # now the map tells them apart
        assert part_cross_entropy(logits, uv) > 15


class TestAddedParts:
    def test_weights_with_more_parts_lay_a_picture_out_nearly_as_before(self):
        old, new = moving_parts(tiny_generator(num_parts=25)).eval(), tiny_generator(1, num_parts=ALL_PARTS).eval()
        new.load_state_dict(add_parts(old.state_dict(), 25, ALL_PARTS))
        with torch.no_grad():
            (before,), (after,) = (generator(random_pair(), until="layout") for generator in (old, new))
        for name in ("identity", "pose"):
            torch.testing.assert_close(
                getattr(after, name).logits[:, :26], getattr(before, name).logits, atol=1e-4, rtol=1e-4
            )
        difference = (after.layout.coarse_logits[:, :26] - before.layout.coarse_logits).abs().mean()
        assert difference < 0.1 * before.layout.coarse_logits.std()
        twin = after.identity.logits[:, 26] - after.identity.logits[:, HEAD]
        torch.testing.assert_close(twin, torch.full_like(twin, -4.0), atol=1e-4, rtol=1e-4)

    def test_a_run_starts_from_weights_without_face_parts_and_learns_them(self, tmp_path):
        start = tmp_path / "start"
        export_generator(start / "generator.safetensors", tiny_generator(num_parts=25).state_dict(), tiny_config(*TOON))
        (start / "0config.yaml").write_text(dump_yaml(tiny_config(*TOON)))
        config = tiny_config(*TOON, *FACES, "--start_from", str(start))
        trainer = Trainer(config, open_data(config, batch_keys(config)), tmp_path / "run")
        head = trainer.method.generator.segmenter.head
        assert torch.equal(head.weight[26], head.weight[HEAD])
        before = head.weight.detach().clone()
        trainer.run_steps(1)
        assert (head.weight[26:28] != before[26:28]).any()

    def test_weights_with_more_parts_than_asked_for_are_refused(self):
        weights = tiny_generator(num_parts=5).state_dict()
        with pytest.raises(ValueError, match="num_parts 3: the weights to start from have 5"):
            add_parts(weights, 5, 3)

    def test_data_with_face_parts_needs_as_many_parts(self):
        with pytest.raises(CaptureError, match="toon_face_parts needs capture_parts_config.num_parts 27; it is 25"):
            build_method(tiny_config(*TOON, "--toon_face_parts", "true"))

    def test_segmentation_for_others_has_the_parts_of_every_map(self):
        generator = tiny_generator(num_parts=ALL_PARTS)
        generator.segmenter.head.bias.data[27] = 50  # mouth everywhere
        assert generator.segment(random_pair()["identity"]).argmax(1).unique().tolist() == [HEAD]
        assert len(PARTS) == 25
