"""The decoder of CaPTURe-Parts and its feature pyramids."""

from __future__ import annotations

import pytest
import torch

from capture.methods.capture_parts.feature_pyramid import FeaturePyramid
from tests.helpers.parts import moving_parts, random_pair, tiny_generator


class TestFeaturePyramid:
    def test_every_level_but_the_smallest_is_returned_and_depends_on_the_smallest(self):
        torch.manual_seed(0)
        pyramid = FeaturePyramid({2: 3, 3: 4, 4: 5}, smallest=4, largest=2, width=6)
        skips = {2: torch.randn(1, 3, 16, 16), 3: torch.randn(1, 4, 8, 8), 4: torch.randn(1, 5, 4, 4)}
        skips[4].requires_grad_()
        made = pyramid(skips)
        assert {level: tuple(x.shape) for level, x in made.items()} == {3: (1, 6, 8, 8), 2: (1, 6, 16, 16)}
        made[2][..., 0, 0].sum().backward()
        assert skips[4].grad[..., 0, 0].any()


class TestPartsDecoder:
    def test_features_have_a_quarter_of_m_channels_at_the_size_of_the_positions(self):
        generator, found = tiny_generator(), []
        generator.decoder.register_forward_hook(lambda module, args, output: found.append(output))
        generator(random_pair())
        state, attention = found[0]
        assert state.shape == (2, 4, 32, 32) and [x.out.shape[-1] for x in attention] == [8, 16]

    def test_only_levels_that_are_read_are_kept(self):
        """Those of AdaIN and of the pyramids, whose extent follows from the attention layers."""
        decoder = tiny_generator().decoder
        assert decoder.identity_levels == {0, 2, 3, 4, 5} and decoder.pose_levels == {0, 1, 2, 3, 4, 5}
        small = tiny_generator(networks__attention_layers=[0], networks__adain_layers=[]).decoder
        assert small.identity_levels == {0, 3, 4, 5} and small.pose_levels == {0, 1, 3, 4, 5}

    def test_the_identity_changes_the_first_convolutions_which_instance_norm_would_otherwise_hide(self):
        generator = moving_parts(tiny_generator())
        inputs = random_pair(1)
        other = {**inputs, "identity": 1 - inputs["identity"]}
        before = [generator(x) for x in (inputs, other)]
        torch.nn.init.zeros_(generator.decoder.modulation.weight)
        after = [generator(x) for x in (inputs, other)]
        assert not torch.allclose(before[0], after[0], atol=1e-5) and not torch.equal(before[0], before[1])

    def test_a_decoder_without_attention_is_refused(self):
        with pytest.raises(ValueError, match="capture_parts_config.networks.attention_layers: name at least one layer"):
            tiny_generator(networks__attention_layers=[])

    @pytest.mark.parametrize(("key", "value"), [("attention_layers", [2]), ("adain_layers", [7])])
    def test_layers_that_do_not_exist_are_refused(self, key, value):
        with pytest.raises(ValueError, match=f"{key} names level {value[0]}; levels here are 0 to 1"):
            tiny_generator(**{f"networks__{key}": value})
