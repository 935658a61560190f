"""Every configuration key does something, every size that the rule allows works, every parameter learns."""

from __future__ import annotations

import copy

import pytest
import torch

from capture.methods.capture.discriminator import Discriminator
from capture.methods.capture.generator import Generator
from capture.nn.init import init_weights
from capture.nn.spectral_norm import SpectralNormConv2d
from tests.conftest import tiny_config


def tiny_generator(**changes) -> Generator:
    """A tiny generator with keys changed: section__key=value."""
    config = copy.deepcopy(tiny_config()["generator_config"])
    for name, value in changes.items():
        *section, key = name.split("__")
        (config[section[0]] if section else config)[key] = value
    torch.manual_seed(0)
    return Generator(config)


def both(key, value):
    return {f"idenE_config__{key}": value, f"poseE_config__{key}": value}


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, 32),
        ({}, 48),
        ({**both("downs", 3), "dec_config__dec_adain_layers": [1, 2]}, 64),
        ({**both("downs", 4), "dec_config__dec_adain_layers": [1, 2, 3]}, 128),
        ({"poseE_config__res2": True, "dec_config__res2": True}, 64),
        ({"poseE_config__enc_adain_layers": [1, 3, 5]}, 32),
        ({"poseE_config__enc_attn_layers": [2, 4]}, 32),
        ({"dec_config__dec_attn_layers": [0, 1], "dec_config__dec_adain_layers": [0, 1]}, 32),
        ({"dec_config__dec_attn_layers": [-1], "dec_config__dec_adain_layers": [-1]}, 32),
        ({"dec_config__t": None}, 32),
        ({"dec_config__alpha_init": 0.0}, 32),
        ({"dec_config__attn_rows": "output"}, 32),
        ({"dec_config__attn_rows": "output", "dec_config__attn_width": 6}, 32),
        ({"dec_config__attn_rows": "output", "dec_config__carry": True}, 32),
        ({"dec_config__attn_rows": "output", "dec_config__carry": True, "patch": 2}, 64),
        ({"dec_config__pose_skip": True}, 32),
        ({"dec_config__retarget": True}, 32),
        ({"patch": 2}, 64),
        ({"code_ch": 8}, 48),
        (both("pad_type", "reflect"), 32),
        (both("pad_type", "replicate"), 32),
        ({"idenE_config__in_norm": True}, 32),
        ({"poseE_config__in_norm": False}, 16),
    ],
)
def test_each_option_changes_the_picture_and_every_parameter_learns(changes, size):
    generator = tiny_generator(**changes)
    generator.check_size(size)
    torch.manual_seed(1)
    identity, pose = torch.rand(2, 2, 3, size, size) * 2 - 1
    out = generator(identity, pose, torch.zeros(2, 2, generator.code_width))
    assert out.shape == (2, 3, size, size) and out.abs().max() <= 1
    out.square().mean().backward()
    closed = ("alpha",)  # its own gradient is zero only by chance; the others' are through (1 - a) = 0
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        if not name.endswith(closed):
            assert parameter.grad.abs().sum() > 0 or "bias" in name, name
    if changes and size == 32:
        plain = tiny_generator()
        own = plain.state_dict()
        same_weights = {
            k: v for k, v in generator.state_dict().items() if k in own and own[k].shape == v.shape and "alpha" not in k
        }
        plain.load_state_dict(same_weights, strict=False)
        assert not torch.equal(plain(identity, pose, torch.zeros(2, 2, plain.code_width)), out)


def test_conv_num_is_read_by_nothing():
    generator, other = tiny_generator(), tiny_generator(poseE_config__conv_num=5)
    images = torch.rand(2, 1, 3, 32, 32)
    noise = torch.zeros(1, 2, generator.code_width)
    assert torch.equal(generator(*images, noise), other(*images, noise))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dec_config__retarget": True, "dec_config__res2": True, "poseE_config__res2": True},
            "dec_config.retarget: identity and pose must be of one size; set res2 false",
        ),
        ({"dec_config__carry": True}, "dec_config.carry: needs dec_attn_layers whose attn_rows are output"),
        ({"dec_config__min_ch": 32}, "dec_config.min_ch is 32 and idenE_config.min_ch is 16"),
        ({"poseE_config__c": 8}, "idenE_config.c is 4 and poseE_config.c is 8"),
        ({"dec_config__res2": True}, "dec_config.res2 is True and poseE_config.res2 is False"),
        ({"dec_config__dec_attn_layers": [7]}, "dec_attn_layers names level 7; levels here are 0 to 1"),
        ({"poseE_config__enc_adain_layers": [0]}, "enc_adain_layers names level 0; levels here are 1 to 5"),
        ({**both("c", 16), **both("min_ch", 16)}, "min_ch must be 4 times c"),
        (both("pad_type", "mirror"), "pad_type 'mirror' is none of"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_key(changes, message):
    with pytest.raises(ValueError, match="^.*" + message.replace("(", r"\(")):
        tiny_generator(**changes)


@pytest.mark.parametrize(
    ("size", "message"), [(40, r"multiple of 2\^\(downs\+2\) = 16"), (16, "at least 32"), (0, "multiple")]
)
def test_sizes_that_do_not_fit_name_the_rule(size, message):
    with pytest.raises(ValueError, match=message):
        tiny_generator().check_size(size)


def test_a_patch_multiplies_the_size():
    generator = tiny_generator(patch=2)
    generator.check_size(96)
    with pytest.raises(ValueError, match=r"must be a multiple of patch \* 2\^\(downs\+2\) = 32 \(downs is 2\)"):
        generator.check_size(48)


def test_noise_is_used_and_zero_noise_repeats():
    generator = tiny_generator().eval()
    images = torch.rand(2, 1, 3, 32, 32)
    zeros = torch.zeros(1, 2, generator.code_width)
    assert torch.equal(generator(*images, zeros), generator(*images, zeros))
    for part in (0, 1):
        noise = zeros.clone()
        noise[:, part] = 1
        assert not torch.allclose(generator(*images, zeros), generator(*images, noise))
    torch.manual_seed(0)
    one = generator(*images)
    assert not torch.equal(one, generator(*images))


@pytest.mark.parametrize("norm", ("none", "in", "bn"))
@pytest.mark.parametrize("w_norm", ("none", "spectral"))
@pytest.mark.parametrize("activ", ("lrelu", "relu"))
def test_discriminator_options(norm, w_norm, activ):
    torch.manual_seed(0)
    network = Discriminator(disc_downs=2, n_res=1, c=4, norm=norm, w_norm=w_norm, activ=activ)
    out = network(torch.randn(2, 6, 32, 32))
    assert out.shape == (2, 1, 8, 8)
    out.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_discriminator_refuses_unknown_names():
    for key in ("norm", "w_norm", "activ", "pad_type"):
        with pytest.raises(ValueError, match="'weird' is none of"):
            Discriminator(disc_downs=1, n_res=1, c=4, **{key: "weird"})


def test_spectral_norm_agrees_with_torch_and_finds_the_largest_singular_value():
    torch.manual_seed(0)
    mine = SpectralNormConv2d(5, 7, 3, padding=1)
    theirs = torch.nn.Conv2d(5, 7, 3, padding=1)
    theirs.load_state_dict({"weight": mine.weight_orig.detach(), "bias": mine.bias.detach()})
    theirs = torch.nn.utils.spectral_norm(theirs)  # what published checkpoints were trained with
    theirs.load_state_dict(mine.state_dict())
    x = torch.randn(2, 5, 6, 6)
    for _ in range(3):
        a, b = mine(x), theirs(x)
        torch.testing.assert_close(a, b)
        a.sum().backward()
        b.sum().backward()
    torch.testing.assert_close(mine.weight_orig.grad, theirs.weight_orig.grad, rtol=1e-4, atol=1e-5)
    for _ in range(200):
        mine(x)
    spectral = torch.linalg.matrix_norm(mine.normalised_weight().flatten(1), 2)
    torch.testing.assert_close(spectral, torch.tensor(1.0), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("init", "spread"), [("xavier", None), ("kaiming", None), ("gaussian", 0.02)])
def test_initialisation(init, spread):
    network = torch.nn.Sequential(torch.nn.Conv2d(32, 64, 3), SpectralNormConv2d(32, 64, 3))
    torch.manual_seed(0)
    init_weights(network, init)
    plain, spectral = network[0].weight, network[1].weight_orig
    fan_in, fan_out = 32 * 9, 64 * 9
    want = {"xavier": (2 * 2 / (fan_in + fan_out)) ** 0.5, "kaiming": (2 / fan_in) ** 0.5, "gaussian": spread}[init]
    for weight in (plain, spectral):
        assert weight.std().item() == pytest.approx(want, rel=0.03)
    if init == "xavier":  # uniform under spectral norm, normal elsewhere
        assert spectral.abs().max() <= 3**0.5 * want < plain.abs().max()
    assert network[0].bias.abs().max() == 0
    with pytest.raises(ValueError, match="none of xavier, kaiming, gaussian"):
        init_weights(network, "orthogonal")
