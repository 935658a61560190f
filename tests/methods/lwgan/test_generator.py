"""The generator: three streams, the liquid warping block, inputs and their faults, features computed once."""

from __future__ import annotations

import pytest
import torch

from capture.common.errors import CaptureError
from capture.methods.lwgan.liquid_warping import LiquidWarping
from capture.methods.lwgan.networks import ResUnet
from capture.methods.lwgan.stream_inputs import border_median, erode, hole_kernel
from tests.helpers.tiny_lwgan import SIZE, figure_map, tiny_batch, tiny_generator

VARIANTS = [
    {},
    {"drive": "pose_uv"},
    {"background": "constant"},
    {"condition": "parts"},
    {"flow_resize": "masked", "flow_fill": "nearest"},
    {"align_corners": False},
]


def roles(generator, batch) -> dict[str, torch.Tensor]:
    return {role: batch[role] for role in generator.inputs}


class TestLiquidWarping:
    def test_invalid_flow_leaves_a_plain_resunet(self):
        torch.manual_seed(0)
        network, x = ResUnet(6, 4, 2), torch.randn(1, 6, SIZE, SIZE)
        source = [10 * torch.randn_like(feature) for feature in network.encode(x)]
        warping = LiquidWarping([source], [torch.full((1, SIZE, SIZE, 2), -2.0)])
        for plain, warped in zip(network.encode(x), network.encode(x, warping)):
            assert torch.equal(plain, warped)

    def test_features_are_warped_after_every_module_but_the_first_encoder(self):
        torch.manual_seed(0)
        network, x, called = ResUnet(6, 4, 2), torch.randn(1, 6, SIZE, SIZE), []

        def warping(feature, index):
            called.append((index, feature.shape[-1]))
            return feature

        network.encode(x, warping)
        assert called == [(1, 16), (2, 8), (3, 4), (4, 4), (5, 4)]

    def test_the_sum_is_what_the_next_module_and_the_skip_connections_see(self):
        torch.manual_seed(0)
        network, x = ResUnet(6, 4, 1), torch.randn(1, 6, SIZE, SIZE)
        features = network.encode(x, lambda feature, index: feature + 3 if index == 1 else feature)
        plain = network.encode(x)
        torch.testing.assert_close(features[1], plain[1] + 3)
        torch.testing.assert_close(features[2], network.encoders[2](plain[1] + 3))

    def test_identity_flow_adds_the_source(self):
        y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
        feature, source = torch.randn(2, 1, 5, 8, 8)
        warping = LiquidWarping([{1: source}], [torch.stack([x, y], dim=-1)[None]])
        torch.testing.assert_close(warping(feature, 1), feature + source, rtol=0, atol=1e-4)


class TestGenerator:
    @pytest.mark.parametrize("changes", VARIANTS)
    def test_picture_and_details(self, changes):
        generator, batch = tiny_generator(**changes), tiny_batch()
        inputs = roles(generator, batch)
        image, details = generator(inputs), generator(inputs, details=True)
        assert image.shape == (2, 3, SIZE, SIZE) and image.dtype == torch.float32
        assert torch.equal(image, details.image)
        assert image.abs().max() <= 1 and details.reconstruction.abs().max() <= 1
        assert details.mask.shape == details.reconstruction_mask.shape == (2, 1, SIZE, SIZE)
        assert details.mask.min() >= 0 and details.mask.max() <= 1
        assert details.condition.shape[1] == (28 if changes.get("condition") == "parts" else 3)

    @pytest.mark.parametrize("changes", VARIANTS)
    def test_features_encoded_once_give_the_same_picture(self, changes):
        generator, batch = tiny_generator(**changes), tiny_batch()
        inputs, noise = roles(generator, batch), torch.zeros(2, 2, 0)
        identity = generator.encode_identity(
            {role: inputs[role] for role in inputs if role.startswith("identity")}, noise[:, 0]
        )
        assert all(len(feature) == 2 for feature in identity.values())
        pose = generator.encode_pose({generator.drive: inputs[generator.drive]})
        assert torch.equal(generator.decode(identity, pose, noise), generator(inputs, noise))

    def test_the_driving_map_alone_drives(self):
        batch = tiny_batch()
        for drive, other in (("target_uv", "pose_uv"), ("pose_uv", "target_uv")):
            generator = tiny_generator(drive=drive)
            assert generator.inputs == ("identity", "identity_uv", drive)
            image = generator(roles(generator, batch))
            assert not torch.equal(generator({**roles(generator, batch), drive: batch[other]}), image)
            assert torch.equal(generator({**batch, other: batch["identity_uv"]}), image)

    @pytest.mark.parametrize(
        "changes",
        [
            {"background": "constant"},
            {"condition": "parts"},
            {"flow_radius": 0.0},
            {"flow_fill": "nearest"},
            {"flow_resize": "masked"},
            {"align_corners": False},
            {"kernels": {"background": 9}},
            {"kernels": {"figure": 7}},
            {"repeat_num": 2},
            {"conv_dim": 6},
        ],
    )
    def test_every_option_changes_the_picture(self, changes):
        batch = tiny_batch()
        batch["target_uv"][:, 1] = batch["target_uv"][:, 1] // 2 * 3  # some points that the identity does not show
        images = [generator(roles(generator, batch)) for generator in (tiny_generator(), tiny_generator(**changes))]
        assert (images[0] - images[1]).abs().max() > 1e-5

    def test_the_streams_share_no_weights(self):
        generator = tiny_generator()
        own = [{id(parameter) for parameter in stream.parameters()} for stream in generator.children()]
        assert len(own) == 3 and sum(map(len, own)) == len(set().union(*own))

    def test_sizes(self):
        generator = tiny_generator()
        generator.check_size(64)
        for size in (60, 8, 100):
            with pytest.raises(ValueError, match=f"image_size {size} must be a multiple of 8"):
                generator.check_size(size)

    def test_bfloat16(self):
        generator, batch = tiny_generator(), tiny_batch()
        exact = generator(roles(generator, batch))
        with torch.autocast("cpu", torch.bfloat16):
            mixed = generator(roles(generator, batch))
        rounded = generator.bfloat16()(roles(generator, batch))
        for image in (mixed, rounded):
            assert image.dtype == torch.float32
            torch.testing.assert_close(image, exact, rtol=0, atol=0.1)


class TestHostileMaps:
    @pytest.mark.parametrize("role", ["identity_uv", "target_uv"])
    @pytest.mark.parametrize(
        "uv",
        [
            torch.zeros(2, 3, 16, 16, dtype=torch.uint8),
            torch.zeros(2, 3, SIZE, SIZE),
            torch.zeros(2, 1, SIZE, SIZE, dtype=torch.uint8),
            torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8),
            torch.zeros(3, SIZE, SIZE, dtype=torch.uint8),
        ],
    )
    @pytest.mark.parametrize("details", [True, False])
    def test_maps_of_another_kind_are_refused_in_one_line(self, role, uv, details):
        generator, batch = tiny_generator(), tiny_batch()
        with pytest.raises(CaptureError, match=f"^{role}: .*: give [^\n]*$"):
            generator({**roles(generator, batch), role: uv}, details=details)

    @pytest.mark.parametrize("role", ["identity_uv", "target_uv"])
    @pytest.mark.parametrize("value", [0, 200])
    def test_maps_without_a_figure_or_of_unknown_parts_are_background(self, role, value):
        generator, batch = tiny_generator(), tiny_batch()
        uv = torch.full_like(batch[role], value)
        details = generator({**roles(generator, batch), role: uv}, details=True)
        assert (details.flow == -2).all()
        assert details.image.isfinite().all()
        if value:
            empty = generator({**roles(generator, batch), role: torch.zeros_like(uv)})
            assert torch.equal(details.image, empty)


class TestStreamInputs:
    def test_outside_counts_as_background(self):
        mask = torch.ones(1, 1, 5, 5)
        assert torch.equal(erode(mask, 3), mask)
        mask[..., 2, 2] = 0
        assert erode(mask, 3).sum() == 25 - 9

    def test_the_hole_grows_with_the_picture(self):
        assert [hole_kernel(size) for size in (32, 64, 128, 256)] == [5, 5, 7, 15]

    def test_constant_background_is_the_median_of_the_border(self):
        image = torch.zeros(1, 3, 8, 8)
        image[:, :, 2:, 2:6] = 1  # a figure that touches the lower border
        image[:, 0, :, 0] = 0.5
        assert border_median(image).shape == (1, 3, 1, 1)
        assert border_median(image).abs().sum() == 0

    def test_unknown_background_is_hidden_from_the_background_stream(self):
        generator, batch = tiny_generator(), tiny_batch()
        batch["identity_uv"] = torch.stack([figure_map(4, 6)] * 2)
        seen = []
        generator.bg_model.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
        generator(roles(generator, batch))
        figure = batch["identity_uv"][:, :1] > 0
        assert seen[0].shape[1] == 4
        assert (seen[0] * figure == 0).all()
        assert (seen[0][:, 3:] == 0).sum() == 2 * (16 + 4) * (16 + 4)
