"""The generator: its contract, its departures, no NaN, and the texture side apart from the picture side."""

from __future__ import annotations

import pytest
import torch

from capture.methods.coord_inpainting.published import SETTINGS
from tests.helpers.coord_inpainting import DEPARTURES, SIZE, tiny_generator, toon_batch


def inputs_of(batch, drive="target_uv"):
    return {name: batch[name] for name in ("identity", "identity_uv", drive)}


@pytest.mark.parametrize("stage", ["texture", "picture", "joint"])
@pytest.mark.parametrize("departures", [{}, DEPARTURES, {"convention": "release", "texture_size": 64}])
class TestCoordinateInpainting:
    def test_pictures_without_nan(self, stage, departures):
        generator = tiny_generator(stage=stage, **departures)
        image = generator(inputs_of(toon_batch()))
        assert image.shape == (2, 3, SIZE, SIZE)
        assert image.isfinite().all() and image.min() >= -1.0001 and image.max() <= 1.0001

    def test_encoded_parts_give_the_same_picture(self, stage, departures):
        generator, batch = tiny_generator(stage=stage, **departures), inputs_of(toon_batch())
        identity = generator.encode_identity({n: batch[n] for n in ("identity", "identity_uv")}, torch.zeros(2, 0))
        pose = generator.encode_pose({"target_uv": batch["target_uv"]})
        assert all(len(value) == 2 for value in identity.values())
        assert torch.equal(generator.decode(identity, pose, torch.zeros(2, 2, 0)), generator(batch))

    def test_inputs_are_left_alone(self, stage, departures):
        generator, batch = tiny_generator(stage=stage, **departures), inputs_of(toon_batch())
        before = {name: value.clone() for name, value in batch.items()}
        generator(batch)
        assert all(torch.equal(batch[name], value) for name, value in before.items())


class TestDepartures:
    @pytest.mark.parametrize("name", [*DEPARTURES, "skips"])
    def test_each_changes_the_picture(self, name):
        batch = inputs_of(toon_batch())
        change = {name: True} if name == "skips" else {name: DEPARTURES[name]}
        common = {"keep_known": True} if name == "mask_source" else {}  # coordinates at the figure's edge
        plain, other = (tiny_generator(stage="picture", **{**common, **options}) for options in ({}, change))
        weights = {k: v for k, v in plain.state_dict().items() if v.shape == other.state_dict()[k].shape}
        other.load_state_dict(weights, strict=False)
        assert not torch.allclose(plain(batch), other(batch), atol=1e-5)

    def test_mirror_changes_the_picture(self):
        batch = inputs_of(toon_batch())
        plain, other = (tiny_generator(**{**DEPARTURES, "mirror": mirror}) for mirror in (False, True))
        assert not torch.allclose(plain(batch), other(batch), atol=1e-5)

    def test_known_texels_keep_their_coordinates(self):
        batch = toon_batch()
        texture = tiny_generator(keep_known=True).make_texture(batch["identity"], batch["identity_uv"])
        known = texture.known.bool().expand_as(texture.xy)
        assert known.any() and torch.equal(texture.xy[known], texture.xy_partial[known])

    def test_the_release_needs_every_departure_off(self):
        assert not any(SETTINGS[name] for name in ("separate_cells", "keep_known", "fill", "mirror", "residual"))

    def test_texture_side_apart_from_picture_side(self):
        texture = tiny_generator(texture_size=64).make_texture(*(toon_batch()[n] for n in ("identity", "identity_uv")))
        assert texture.xy.shape == (2, 2, 64, 64) and texture.uv.shape == (2, 2, SIZE, SIZE)


class TestSourceToSource:
    def test_a_large_texture_returns_the_source(self):
        batch = toon_batch(size=64)
        errors = []
        for size in (40, 320):
            generator = tiny_generator(64, texture_size=size, keep_known=True, separate_cells=True)
            texture = generator.make_texture(batch["identity"], batch["identity_uv"])
            warped = generator.warp_texture(texture, batch["identity_uv"])
            errors.append(((warped.picture - texture.picture).abs() * texture.mask).sum() / texture.mask.sum() / 3)
        assert errors[1] < 0.02 < errors[0]


class TestRoles:
    @pytest.mark.parametrize("drive", ["target_uv", "pose_uv"])
    def test_the_driving_map_is_the_configured_one(self, drive):
        generator = tiny_generator(drive=drive)
        assert generator.inputs == ("identity", "identity_uv", drive)
        assert generator(inputs_of(toon_batch(), drive)).shape == (2, 3, SIZE, SIZE)


class TestCheckSize:
    @pytest.mark.parametrize(
        "changes, words",
        [
            ({"texture_size": 38}, "multiple of 4"),
            ({"texture_size": 32}, "at least 36"),
            ({"mirror": True}, "mirror needs fill"),
            ({"fill": True, "texture_size": 64}, "20 divides"),
            ({"separate_cells": True, "convention": "corners"}, "convention centres"),
            ({"separate_cells": True, "atlas": "smpl"}, "atlas toon"),
        ],
    )
    def test_parts_that_do_not_fit_are_named(self, changes, words):
        with pytest.raises(ValueError, match=words):
            tiny_generator(**changes)

    def test_picture_sides(self):
        with pytest.raises(ValueError, match="image_size 42"):
            tiny_generator(42)


class TestBfloat16:
    def test_coordinates_stay_exact(self):
        batch = inputs_of(toon_batch())
        generator = tiny_generator(stage="picture", **DEPARTURES)
        exact = generator(batch, details=True)
        half = generator.to(torch.bfloat16)(batch, details=True)
        assert half.texture.xy.dtype == torch.float32
        assert torch.equal(half.texture.xy_partial, exact.texture.xy_partial)
        assert (half.image.float() - exact.image).abs().mean() < 0.1
