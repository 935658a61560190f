"""Textures of parts: their own colours, continued beyond their own pixels."""

from __future__ import annotations

import pytest
import torch

from capture.methods.capture_parts.coordinates import cell_centres
from capture.methods.capture_parts.part_textures import part_textures, sample_textures
from tests.helpers.parts import SIZE, moving_parts, random_pair, tiny_generator

WHITE, RED, BLUE = (torch.tensor(colour).view(3, 1, 1) for colour in ((1.0, 1.0, 1.0), (1.0, -1, -1), (-1.0, -1, 1)))
S = 32
LIMB, BODY, ABSENT = 0, 1, 2  # parts


@pytest.fixture
def drawn():
    """A picture (1, 3, S, S) of a red limb beside a blue body on white, and the logits of its parts."""
    labels = torch.zeros(S, S, dtype=torch.int64)
    labels[8:24, 8:12], labels[8:24, 16:26] = LIMB + 1, BODY + 1
    picture = torch.where(labels == LIMB + 1, RED, torch.where(labels == BODY + 1, BLUE, WHITE))
    logits = 20.0 * torch.nn.functional.one_hot(labels, 4).permute(2, 0, 1)
    return picture[None], logits[None], labels


class TestPartTextures:
    def test_a_part_keeps_its_own_pixels(self, drawn):
        picture, logits, labels = drawn
        textures = part_textures(picture, logits).view(3, 3, S, S)
        for part in (LIMB, BODY):
            own = labels == part + 1
            torch.testing.assert_close(textures[:, part, own], picture[0, :, own])

    def test_beyond_its_own_pixels_a_part_has_its_colour_and_not_that_of_the_ground_or_of_another_part(self, drawn):
        picture, logits, _ = drawn
        textures = part_textures(picture, logits).view(3, 3, S, S)
        for part, colour in ((LIMB, RED), (BODY, BLUE)):
            torch.testing.assert_close(textures[:, part], colour.expand(3, S, S), atol=1e-3, rtol=0)

    def test_a_part_that_the_picture_lacks_takes_the_colours_of_the_figure(self, drawn):
        picture, logits, labels = drawn
        texture = part_textures(picture, logits).view(3, 3, S, S)[:, ABSENT]
        torch.testing.assert_close(texture[:, labels > 0], picture[0][:, labels > 0], atol=1e-3, rtol=0)
        assert (texture[1] < -0.9).all()  # green is high on the white ground alone

    def test_a_picture_without_a_figure_keeps_its_colour(self):
        picture, logits = torch.full((2, 3, S, S), 0.25), torch.zeros(2, 4, S // 2, S // 2)
        logits[:, 0] = 20
        torch.testing.assert_close(part_textures(picture, logits), torch.full((2, 3, 3 * S, S), 0.25))

    def test_textures_have_no_gradient(self, drawn):
        picture, logits, _ = drawn
        assert not part_textures(picture.requires_grad_(), logits.requires_grad_()).requires_grad


class TestSampleTextures:
    def test_positions_of_the_pixels_give_the_pixels_of_the_chosen_textures(self):
        textures = torch.rand(2, 3, 3 * S, S)
        part = torch.randint(3, (2, S, S))
        grid = cell_centres(part)[None].expand(2, -1, -1, -1)
        expected = torch.gather(textures.view(2, 3, 3, S, S), 2, part[:, None, None].expand(-1, 3, 1, -1, -1))[:, :, 0]
        torch.testing.assert_close(sample_textures(textures, part, grid), expected, atol=1e-4, rtol=0)

    def test_positions_outside_of_the_picture_never_reach_the_next_texture(self):
        textures = torch.cat([torch.full((1, 3, S, S), float(part)) for part in range(3)], dim=2)
        part = torch.ones(1, S, S, dtype=torch.int64)
        grid = 3 * cell_centres(part)[None]
        torch.testing.assert_close(sample_textures(textures, part, grid), torch.ones(1, 3, S, S))


class TestGenerator:
    def test_it_has_the_weights_of_a_generator_without_textures(self):
        plain, textured = tiny_generator(), tiny_generator(networks__part_textures=True)
        assert {name: x.shape for name, x in plain.named_parameters()} == {
            name: x.shape for name, x in textured.named_parameters()
        }

    @pytest.mark.parametrize("count", [1, 2])
    def test_cut_into_steps_it_draws_the_same_picture(self, count):
        generator, pair = moving_parts(tiny_generator(networks__part_textures=True)), random_pair()
        pictures = [pair["identity"], pair["pose"]][:count]
        inputs = {"identity": pictures[0], "pose": pair["pose"]} | dict(zip(["identity_2"], pictures[1:]))
        noise = torch.zeros(2, 2, generator.noise_dim)
        with torch.no_grad():
            seen = [generator.encode_identity({"identity": one}, noise[:, 0]) for one in pictures]
            pose = generator.encode_pose(inputs)
            layers = generator.decode_layers(seen, pose, generator.estimate_motion(seen, pose), noise)
            torch.testing.assert_close(layers.image, generator(inputs))
        assert layers.image.shape == (2, 3, SIZE, SIZE)

    def test_textures_change_the_picture(self):
        pair = random_pair()
        with torch.no_grad():
            one, other = (moving_parts(tiny_generator(networks__part_textures=on))(pair) for on in (False, True))
        assert not torch.allclose(one, other)
