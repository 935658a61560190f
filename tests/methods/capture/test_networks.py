"""Every key of the networks does something, every size that the rule allows works, every parameter learns."""

from __future__ import annotations

import copy

import pytest
import torch

from capture.methods.capture.discriminator import Discriminator
from capture.methods.capture.generator import CaPTUReGenerator
from capture.nn.blocks import ConvBlock, InstanceNorm
from capture.nn.init import init_weights
from tests.conftest import tiny_config

SIZE = 64


def tiny_generator(**changes) -> CaPTUReGenerator:
    """A tiny generator with keys changed: section__key=value."""
    config = copy.deepcopy(tiny_config()["generator_config"])
    for name, value in changes.items():
        section, key = name.split("__")
        config[section][key] = value
    torch.manual_seed(0)
    return CaPTUReGenerator(config)


def both(key, value):
    return {f"idenE_config__{key}": value, f"poseE_config__{key}": value}


def all_three(key, value):
    return {**both(key, value), f"dec_config__{key}": value}


def pictures(size=SIZE, count=2):
    torch.manual_seed(1)
    identity, pose = torch.rand(2, count, 3, size, size) * 2 - 1
    return {"identity": identity, "pose": pose}


def without_gradient(network: torch.nn.Module) -> set[str]:
    """Biases whose gradient is zero by construction: before an instance norm, and of keys (softmax is shift-free)."""
    normalised = {
        f"{name}.conv.bias"
        for name, module in network.named_modules()
        if isinstance(module, ConvBlock) and isinstance(module.norm, InstanceNorm)
    }
    return normalised | {name for name, _ in network.named_parameters() if name.endswith("key_conv.bias")}


OPTIONS = [
    {**both("downs", 3), "dec_config__dec_adain_layers": [1, 2]},
    {**both("c", 8), **all_three("min_ch", 32)},
    {**all_three("min_ch", 8), "dec_config__dec_adain_layers": [-1], "dec_config__dec_attn_layers": [0]},
    {"poseE_config__res2": True, "dec_config__res2": True},
    {"poseE_config__enc_adain_layers": [1, 3, 5]},
    {"poseE_config__enc_attn_layers": [2, 4]},
    {"dec_config__dec_attn_layers": [0, 1], "dec_config__dec_adain_layers": [1]},
    {"dec_config__dec_adain_layers": [0, 1]},
    {"dec_config__dec_attn_layers": [-1]},
    {"dec_config__dec_adain_layers": [-1]},
    {"dec_config__t": None},
    {"dec_config__t": 1},
    {"dec_config__alpha_init": 0.0},
    {"idenE_config__pad_type": "reflect"},
    {"poseE_config__pad_type": "replicate"},
    {"poseE_config__pad_type": "circular"},
    {"idenE_config__in_norm": True},
    {"poseE_config__in_norm": False},
]


class TestGeneratorOptions:
    @pytest.mark.parametrize("changes", OPTIONS, ids=lambda changes: "-".join(changes))
    def test_each_option_changes_the_picture(self, changes):
        """Compared with the plain generator, which has the same weights wherever names and shapes are the same."""
        changed, plain = tiny_generator(**changes), tiny_generator()
        for network in (changed, plain):
            torch.manual_seed(5)
            init_weights(network)
        own = changed.state_dict()
        shared = {k: v for k, v in plain.state_dict().items() if k in own and own[k].shape == v.shape}
        start = {k: v for k, v in shared.items() if not ("alpha_init" in str(changes) and k.endswith(".alpha"))}
        changed.load_state_dict(start, strict=False)
        with torch.no_grad():
            assert (changed(pictures()) - plain(pictures())).abs().max() > 1e-5

    @pytest.mark.parametrize("changes", [{}, *OPTIONS], ids=lambda changes: "-".join(changes) or "plain")
    def test_every_parameter_gets_a_gradient(self, changes):
        generator = tiny_generator(**changes)
        generator.check_size(SIZE)
        torch.manual_seed(2)
        for name, parameter in generator.named_parameters():  # both branches of the attention open, no dead ReLU
            if name.endswith((".alpha", ".beta")):
                torch.nn.init.constant_(parameter, 0.5)
        noise = generator.sample_noise(2, generator=torch.Generator().manual_seed(3))
        out = generator(pictures(), noise)
        assert out.shape == (2, 3, SIZE, SIZE) and out.abs().max() <= 1
        (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(4))).sum().backward()
        excused = without_gradient(generator)
        for name, parameter in generator.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
            if name not in excused:
                assert parameter.grad.abs().sum() > 0, name

    def test_conv_num_is_read_by_nothing(self):
        generator, other = tiny_generator(), tiny_generator(poseE_config__conv_num=5)
        assert torch.equal(generator(pictures()), other(pictures()))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"dec_config__min_ch": 32}, "dec_config.min_ch is 32 and idenE_config.min_ch is 16"),
            ({"poseE_config__c": 8}, "idenE_config.c is 4 and poseE_config.c is 8"),
            ({"poseE_config__downs": 3}, "idenE_config.downs is 2 and poseE_config.downs is 3"),
            ({"dec_config__res2": True}, "dec_config.res2 is True and poseE_config.res2 is False"),
            ({"dec_config__dec_attn_layers": [7]}, "dec_attn_layers names level 7; levels here are 0 to 1"),
            ({"poseE_config__enc_adain_layers": [0]}, "enc_adain_layers names level 0; levels here are 1 to 5"),
            ({**both("c", 16), **both("min_ch", 16)}, "min_ch must be 4 times c"),
            (both("pad_type", "mirror"), "pad_type 'mirror' is none of"),
        ],
    )
    def test_keys_that_do_not_fit_each_other_are_named(self, changes, message):
        with pytest.raises(ValueError, match="^.*" + message.replace("(", r"\(")):
            tiny_generator(**changes)


class TestGeneratorSizes:
    @pytest.mark.parametrize("size", (32, 48, 64))
    def test_sizes_that_fit(self, size):
        generator = tiny_generator()
        generator.check_size(size)
        assert generator(pictures(size)).shape == (2, 3, size, size)

    @pytest.mark.parametrize(
        ("size", "message"), [(40, r"multiple of 2\^\(downs\+2\) = 16"), (16, "at least 32"), (0, "multiple")]
    )
    def test_sizes_that_do_not_fit_name_the_rule(self, size, message):
        with pytest.raises(ValueError, match=message):
            tiny_generator().check_size(size)


class TestGeneratorNoise:
    def test_no_noise_is_zero_noise_and_repeats(self):
        generator = tiny_generator().eval()
        zeros = torch.zeros(2, 2, generator.noise_dim)
        assert torch.equal(generator(pictures()), generator(pictures(), zeros))

    @pytest.mark.parametrize("part", (0, 1))
    def test_both_parts_of_the_noise_are_used(self, part):
        generator = tiny_generator().eval()
        noise = torch.zeros(2, 2, generator.noise_dim)
        noise[:, part] = 1
        assert not torch.allclose(generator(pictures()), generator(pictures(), noise))


class TestCachedFeatures:
    @pytest.mark.parametrize("changes", ({}, {"poseE_config__enc_adain_layers": [1, 3]}))
    def test_encoding_once_gives_the_same_picture(self, changes):
        generator, inputs = tiny_generator(**changes).eval(), pictures()
        noise = generator.sample_noise(2, generator=torch.Generator().manual_seed(1))
        identity = generator.encode_identity({"identity": inputs["identity"]}, noise[:, 0])
        pose = generator.encode_pose({"pose": inputs["pose"]})
        torch.testing.assert_close(generator.decode(identity, pose, noise), generator(inputs, noise))


class TestDiscriminator:
    OPTIONS = dict(disc_downs=2, n_res=1, c_in=3, c=4, norm="none", bias=True, w_norm="spectral", activ="lrelu",
                   pad_type="reflect")  # fmt: skip

    @pytest.mark.parametrize("norm", ("none", "in", "bn"))
    @pytest.mark.parametrize("w_norm", ("none", "spectral"))
    @pytest.mark.parametrize("activ", ("lrelu", "relu"))
    def test_scores_have_the_size_of_the_patches(self, norm, w_norm, activ):
        torch.manual_seed(0)
        network = Discriminator(**{**self.OPTIONS, "norm": norm, "w_norm": w_norm, "activ": activ})
        out = network(torch.randn(2, 6, 32, 32))
        assert out.shape == (2, 1, 8, 8)
        out.square().mean().backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())

    @pytest.mark.parametrize("key", ("norm", "w_norm", "activ", "pad_type"))
    def test_unknown_names_are_refused(self, key):
        with pytest.raises(ValueError, match="'weird' is none of"):
            Discriminator(**{**self.OPTIONS, key: "weird"})
