"""Several pictures of one identity, and the picture in layers."""

from __future__ import annotations

import pytest
import torch

from capture.methods.capture_parts.identity_pictures import choose_pictures, pack, unpack
from tests.helpers.parts import SIZE, moving_parts, random_pair, tiny_generator


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


class TestChoosePictures:
    part = torch.tensor([[[0, 0], [1, 1]]])

    def choose(self, first, second, margin=0.15):
        visibility = torch.tensor([first, second]).view(1, 2, 2, 2)
        return choose_pictures(self.part, visibility, 3, margin).tolist()

    def test_each_part_comes_from_the_picture_that_shows_it(self):
        assert self.choose([0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]) == [[0, 1, 0]]

    def test_the_first_picture_has_a_margin(self):
        assert self.choose([0.5, 0.5, 0.5, 0.5], [0.6, 0.6, 0.7, 0.7]) == [[0, 1, 0]]

    def test_one_choice_a_part(self):
        """By the mean of its pixels, so that no part is patched together from two pictures."""
        assert self.choose([1.0, 0.0, 0.5, 0.5], [0.0, 0.6, 0.5, 0.5]) == [[0, 0, 0]]
