"""Several pictures of one identity, in training and in rendering, and the picture in layers."""

from __future__ import annotations

import pytest
import torch

from capture.checkpoints.checkpoint import latest_path
from capture.common.errors import CaptureError
from capture.data.open_data import open_data
from capture.methods.build import batch_keys, build_method
from capture.methods.capture_parts.identity_pictures import choose_pictures, pack, part_visibility, unpack
from capture.training.trainer import Trainer
from tests.conftest import tiny_config
from tests.helpers.parts import SIZE, moving_parts, random_pair, tiny_generator

TOON = ("--method", "capture_parts", "--dataset_path", "toon", "--validation_pairs", "0")


@pytest.fixture(scope="module")
def generator():
    return moving_parts(tiny_generator()).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def encoded(generator):
    """Features of two identities' pictures, the second one's twice, and of two poses."""
    noise = torch.zeros(2, generator.noise_dim)
    identities = [generator.encode_identity(random_pair(seed=seed), noise) for seed in (1, 2)]
    return identities, generator.encode_pose(random_pair(seed=1)), torch.zeros(2, 2, generator.noise_dim)


def layers_of(generator, identities, pose, noise):
    return generator.decode_layers(identities, pose, generator.estimate_motion(identities, pose), noise)


class TestLayers:
    def test_the_picture_is_that_of_decode_to_the_bit(self, generator, encoded):
        (identity, _), pose, noise = encoded
        layers = layers_of(generator, [identity], pose, noise)
        assert torch.equal(layers.image, generator.decode(identity, pose, noise))
        assert layers.warped_share.shape == (2, 1, SIZE, SIZE) and layers.logits.shape[-1] == SIZE
        assert layers.residual_flow.shape[1] == 1 and not layers.part_source.any()

    def test_the_drivers_parts_are_those_of_the_segmenter(self, generator, encoded):
        (identity, _), pose, noise = encoded
        layers = layers_of(generator, [identity], pose, noise)
        assert torch.equal(layers.pose_logits, generator.segment(random_pair(seed=1)["pose"]))

    def test_the_same_picture_twice_is_as_good_as_once(self, generator, encoded):
        (identity, _), pose, noise = encoded
        layers = layers_of(generator, [identity, identity], pose, noise)
        assert torch.equal(layers.image, generator.decode(identity, pose, noise))

    def test_a_batch_gives_each_picture(self, generator, encoded):
        identities, pose, noise = encoded
        both = layers_of(generator, identities, pose, noise)
        for i in range(2):
            one = [{name: value[i : i + 1] for name, value in features.items()} for features in (*identities, pose)]
            alone = layers_of(generator, one[:2], one[2], noise[i : i + 1])
            assert torch.allclose(alone.image, both.image[i : i + 1], atol=1e-4)
            assert torch.equal(alone.part_source, both.part_source[i : i + 1])

    def test_motions_can_be_packed_and_unpacked(self, generator, encoded):
        identities, pose, _ = encoded
        packed = generator.estimate_motion(identities, pose)
        again = pack(unpack(packed))
        assert packed.keys() == again.keys() and all(torch.equal(packed[name], again[name]) for name in packed)


class TestTrainingForward:
    """A forward of training takes the same pictures as rendering does, and makes the same picture of them."""

    @pytest.fixture
    def generator(self):
        """Sees background where a picture is of one colour, and is sure of the parts in noise."""
        generator = moving_parts(tiny_generator()).eval().requires_grad_(False)
        generator.segmenter.head.weight[:4] *= 1000
        generator.segmenter.head.bias[0] = 10
        return generator

    def several(self, requires_grad=False):
        """The first picture shows nothing, the second one all parts."""
        pair, other = random_pair(), random_pair(seed=2)["identity"].requires_grad_(requires_grad)
        return {"identity": torch.zeros_like(other), "identity_2": other, "pose": pair["pose"]}

    def test_the_picture_is_that_of_the_layers_to_the_bit(self, generator):
        noise = torch.zeros(2, 2, generator.noise_dim)
        inputs = self.several()
        pictures = inputs["identity"], inputs["identity_2"]
        identities = [generator.encode_identity({"identity": picture}, noise[:, 0]) for picture in pictures]
        made = generator(inputs, noise, details=True)
        layers = layers_of(generator, identities, generator.encode_pose(inputs), noise)
        assert layers.part_source.any()
        assert torch.equal(made.image, layers.image) and len(made.laid_out) == 2
        alone = {name: value for name, value in inputs.items() if name != "identity_2"}
        assert not torch.equal(made.image, generator(alone, noise))

    def test_every_picture_is_laid_out(self, generator):
        inputs = self.several()
        laid_out = generator(inputs, until="layout")
        alone = [
            generator({"identity": inputs[role], "pose": inputs["pose"]}, until="layout")[0]
            for role in ("identity", "identity_2")
        ]
        torch.testing.assert_close(laid_out, alone, atol=1e-4, rtol=1e-4)

    def test_the_gradient_of_the_picture_reaches_the_chosen_pictures_pixels(self, generator):
        inputs = self.several(requires_grad=True)
        generator(inputs).square().mean().backward()
        assert inputs["identity_2"].grad.any()

    def test_the_mean_of_the_losses_of_all_pictures_is_the_loss_of_the_stage_layout(self):
        config = tiny_config(*TOON, "--stage", "layout", "--identity_pictures", "4")
        method = build_method(config)
        torch.manual_seed(0)
        method.init_weights()
        batch = next(batch for batch in batches_of(config, 12) if "identity_3" in batch and "identity_4" not in batch)
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        whole = method.loss("gen", batch, noise, None)[0]
        shared = {name: value for name, value in batch.items() if not name.startswith("identity_")}
        each = [
            method.loss("gen", {**shared, "identity": batch[role], "identity_uv": batch[f"{role}_uv"]}, noise, None)[0]
            for role in ("identity", "identity_2", "identity_3")
        ]
        torch.testing.assert_close(whole, torch.stack(each).mean(), atol=1e-3, rtol=1e-3)


def batches_of(config, steps):
    """The batches of the first updates of a run, as its method gets them."""
    from capture.training.batches import to_device

    train, size = open_data(config, batch_keys(config)).train, config["dataset_config"]["batch_size"]
    for step in range(steps):
        yield to_device(train.batch(range(step * size, (step + 1) * size)), torch.device("cpu"))


class TestRuns:
    def test_a_resumed_run_sees_the_same_pictures_and_has_the_same_weights(self, tmp_path):
        config = tiny_config(*TOON, "--stage", "layout", "--identity_pictures", "4", "--share_renders", "true")
        data = open_data(config, batch_keys(config))
        assert "identity_2" in data.train.batch(range(2, 4))  # of the update after the interruption
        whole = Trainer(config, data, tmp_path / "whole")
        whole.run_steps(2)
        first = Trainer(config, data, tmp_path / "parts")
        first.run_steps(1)
        first.save(latest_path(tmp_path / "parts"))
        second = Trainer(config, data, tmp_path / "parts")
        assert second.step_number == 1
        second.run_steps(1)
        ends = [trainer.networks["gen"].state_dict() for trainer in (whole, second)]
        assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())

    def test_a_method_that_takes_one_picture_is_refused_in_one_line(self):
        with pytest.raises(CaptureError, match="identity_pictures 2: FOMM.* takes one picture; set it to 1"):
            build_method(tiny_config("--method", "fomm", "--identity_pictures", "2"))


class TestChoosePictures:
    part = torch.tensor([[[0, 0], [1, 1]]])

    def scores(self, first, second):
        return part_visibility(self.part, torch.tensor([first, second]).view(1, 2, 2, 2), 3)

    def choose(self, first, second):
        return choose_pictures(self.scores(first, second), margin=0.15)[0].tolist()

    def test_weights_are_those_of_the_choice_and_have_a_gradient_towards_the_better_picture(self):
        scores = self.scores([0.9, 0.9, 0.5, 0.5], [0.6, 0.6, 0.7, 0.7]).requires_grad_()
        source, weight = choose_pictures(scores, margin=0.15)
        assert source.tolist() == [[0, 1, 0]] and weight[0].tolist() == [[1, 0, 1], [0, 1, 0]]
        errors = torch.tensor([[[3.0, 1.0, 1.0], [1.0, 1.0, 1.0]]])  # of the first part in the first picture
        (weight * errors).sum().backward()
        assert scores.grad[0, 0, 0] > 0 > scores.grad[0, 1, 0]  # descending, the second picture gets likelier
        torch.testing.assert_close(scores.grad[..., 1:], torch.zeros(1, 2, 2))

    def test_each_part_comes_from_the_picture_that_shows_it(self):
        assert self.choose([0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]) == [[0, 1, 0]]

    def test_the_first_picture_has_a_margin(self):
        assert self.choose([0.5, 0.5, 0.5, 0.5], [0.6, 0.6, 0.7, 0.7]) == [[0, 1, 0]]

    def test_one_choice_a_part(self):
        """By the mean of its pixels, so that no part is patched together from two pictures."""
        assert self.choose([1.0, 0.0, 0.5, 0.5], [0.0, 0.6, 0.5, 0.5]) == [[0, 0, 0]]
