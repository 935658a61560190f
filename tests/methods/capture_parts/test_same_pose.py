"""Samples whose identity picture is the true target itself."""

from __future__ import annotations

import torch

from capture.methods.build import new_method
from capture.methods.capture_parts.same_pose import with_same_pose
from tests.conftest import tiny_config


def a_batch(**more):
    return {name: torch.full((3, 3, 4, 4), float(k)) for k, name in enumerate(("identity", "target"))} | more


class TestWithSamePose:
    def test_chosen_samples_have_the_target_for_their_identity_and_the_others_stay(self):
        made = with_same_pose(a_batch(), torch.tensor([True, False, True]))
        assert made["identity"][:, 0, 0, 0].tolist() == [1, 0, 1] and (made["target"] == 1).all()

    def test_maps_go_with_their_pictures(self):
        maps = {"identity_uv": torch.full((3, 3, 4, 4), 5.0), "target_uv": torch.full((3, 3, 4, 4), 7.0)}
        made = with_same_pose(a_batch(**maps), torch.tensor([False, False, True]))
        assert made["identity_uv"][:, 0, 0, 0].tolist() == [5, 5, 7]

    def test_samples_without_a_true_target_stay(self):
        batch = a_batch(has_target=torch.tensor([True, False, True]))
        assert with_same_pose(batch, torch.ones(3, dtype=torch.bool))["identity"][:, 0, 0, 0].tolist() == [1, 0, 1]


class TestTraining:
    def test_with_all_samples_in_the_same_pose_the_identity_picture_does_not_matter(self):
        config = tiny_config("--method", "capture_parts", "--same_pose", "1", "--attention_weight", "0")
        config["capture_parts_config"]["stage"], size = "synthesis", config["dataset_config"]["image_size"]
        torch.manual_seed(0)
        method = new_method(config)
        method.init_weights()
        batch = {role: torch.rand(2, 3, size, size) * 2 - 1 for role in ("identity", "real", "pose", "target")}
        noise = method.sample_noise(2, torch.Generator().manual_seed(1))
        losses = [
            method.loss("gen", batch | {"identity": one}, noise, None)[0] for one in (batch["identity"], batch["pose"])
        ]
        assert torch.equal(*losses)
        method.same_pose = 0.0
        assert not torch.equal(method.loss("gen", batch, noise, None)[0], losses[0])
