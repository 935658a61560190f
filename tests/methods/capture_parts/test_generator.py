"""The generator of CaPTURe-Parts: a function of its inputs, its options, sizes and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from capture.inference.transfer import PoseTransfer
from capture.methods.capture_parts.generator import PartsDetails, scale_gradient
from tests.conftest import tiny_config
from tests.helpers.parts import (
    SIZE,
    biases_before_instance_norm,
    moving_parts,
    parameters_without_gradient,
    random_pair,
    tiny_generator,
)


def attributes(network: nn.Module) -> dict[str, Any]:
    """All that a network holds: weights and buffers by value, every other attribute of every module by its repr."""
    held: dict[str, Any] = {name: value.clone() for name, value in network.state_dict().items()}
    for name, module in network.named_modules():
        own = {key: repr(value) for key, value in vars(module).items() if not key.startswith("_")}
        held |= {f"{name}:{key}": value for key, value in own.items()}
    return held


def same(one: Any, other: Any) -> bool:
    """Whether two outputs, tensors or nested tuples, lists and Details of them, are equal to the bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, PartsDetails):
        return all(same(value, vars(other)[name]) for name, value in vars(one).items())
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


class TestPartsGenerator:
    def test_pictures_have_the_size_of_the_inputs_and_lie_between_minus_one_and_one(self):
        generator = moving_parts(tiny_generator())
        made = generator(random_pair(), generator.sample_noise(2, generator=torch.Generator().manual_seed(0)))
        assert made.shape == (2, 3, SIZE, SIZE) and made.dtype == torch.float32 and made.abs().max() <= 1

    def test_a_forward_is_a_function_of_its_inputs(self):
        """The same inputs give the same output in any order of calls, and no attribute of any module changes."""
        generator = moving_parts(tiny_generator())
        first, second = random_pair(seed=1), random_pair(seed=2)
        noise = generator.sample_noise(2, generator=torch.Generator().manual_seed(0))
        calls = [
            lambda: generator(first),
            lambda: generator(second, noise),
            lambda: generator(first, noise, details=True),
            lambda: generator(first, until="layout"),
            lambda: generator(second, until="segmentation"),
        ]
        before = attributes(generator)
        alone = [call() for call in calls]
        with torch.no_grad():
            for k in (3, 1, 4, 1, 0, 2, 2, 0):
                assert same(calls[k](), alone[k]), k
        after = attributes(generator)
        assert before.keys() == after.keys() and all(same(value, after[name]) for name, value in before.items())

    def test_details_hold_the_same_picture_and_what_the_losses_look_at(self):
        generator = moving_parts(tiny_generator())
        inputs = random_pair()
        details = generator(inputs, details=True)
        assert torch.equal(details.image, generator(inputs))
        (whole,) = details.laid_out
        assert whole.identity.logits.shape == whole.pose.logits.shape == (2, 4, 32, 32)
        assert whole.motion.to_pose.shape == (2, 3, 2, 3) and len(details.attention) == 2
        (laid_out,) = generator(inputs, until="layout")
        torch.testing.assert_close(laid_out.layout, whole.layout, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(generator(inputs, until="segmentation"), whole.identity)

    def test_both_pictures_and_both_parts_of_the_noise_change_the_picture(self):
        generator = moving_parts(tiny_generator())
        inputs, other, zeros = random_pair(1), random_pair(1, seed=2), torch.zeros(1, 2, generator.noise_dim)
        made = generator(inputs)
        assert torch.equal(made, generator(inputs, zeros))
        for role in ("identity", "pose"):
            assert (generator({**inputs, role: other[role]}) - made).abs().max() > 1e-3, role
        for part in (0, 1):
            noise = zeros.clone()
            noise[:, part] = 3
            assert (generator(inputs, noise) - made).abs().max() > 1e-5, part

    @pytest.mark.parametrize("attention_weight", (0.0, 1.0))
    def test_every_parameter_gets_a_gradient_from_the_picture(self, attention_weight):
        generator = moving_parts(tiny_generator(loss__attention_weight=attention_weight))
        for module in generator.decoder.attention:  # both branches open
            nn.init.constant_(module.alpha, 0.5)
            nn.init.constant_(module.beta, 0.5)
        noise = generator.sample_noise(2, generator=torch.Generator().manual_seed(0))
        made = generator(random_pair(), noise)
        (made * torch.randn(made.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
        excused = biases_before_instance_norm(generator)
        if attention_weight:  # queries, keys and what only keys are made of learn from the attention loss
            of_scores = [f"{name}.{kind}" for name in ("query_conv", "key_conv") for kind in ("weight", "bias")]
            excused |= {f"decoder.attention.{i}.{name}" for i in (0, 1) for name in of_scores}
            excused |= {
                f"decoder.identity_pyramid.{n}" for n, _ in generator.decoder.identity_pyramid.named_parameters()
            }
        assert parameters_without_gradient(generator) <= excused


class TestPartsGeneratorOptions:
    @pytest.mark.parametrize(
        "changes",
        [
            {"num_parts": 5},
            {"patch_size": 1, "networks__downs": 3},
            {"networks__c": 8, "networks__min_ch": 32},
            {"networks__downs": 3},
            {"networks__segmenter_ch": 16},
            {"networks__layout_ch": 24},
            {"networks__code_ch": 8},
            {"networks__adain_layers": []},
            {"networks__attention_layers": [0]},
            {"networks__attention_width": 16},
            {"networks__attention_temperature": 1.0},
        ],
        ids=lambda changes: "-".join(changes),
    )
    def test_each_option_changes_the_picture(self, changes):
        """Compared with a generator that has the same weights wherever names and shapes are the same."""
        changed, plain = moving_parts(tiny_generator(**changes)), moving_parts(tiny_generator())
        own = changed.state_dict()
        shared = {k: v for k, v in plain.state_dict().items() if k in own and own[k].shape == v.shape}
        changed.load_state_dict(shared, strict=False)
        size = 128 if changes.get("networks__downs") == 3 else 64
        pair = random_pair(1, size)
        with torch.no_grad():
            made = changed(pair)
            assert made.shape == (1, 3, size, size)
            assert (made - plain(pair)).abs().max() > 1e-5

    def test_no_attention_temperature_is_the_one_of_cosines(self):
        given = tiny_generator(networks__attention_temperature=0.07)
        assert torch.equal(given(random_pair()), tiny_generator()(random_pair()))

    @pytest.mark.parametrize(
        ("size", "changes", "message"),
        [
            (96, {}, None),
            (64, {}, None),
            (80, {}, r"image_size 80 must be a multiple of 32 = patch_size \* 16, and at least 64"),
            (32, {}, r"image_size 32 must be a multiple of 32 = patch_size \* 16, and at least 64"),
            (96, {"networks__downs": 3}, r"must be a multiple of patch_size \* 2\^\(downs\+2\) = 64.*\(downs is 3\)"),
            (64, {"networks__downs": 3}, "at least 128"),
        ],
    )
    def test_sizes_that_do_not_fit_name_the_rule(self, size, changes, message):
        generator = tiny_generator(**changes)
        if message is None:
            generator.check_size(size)
            assert generator(random_pair(size=size)).shape[-1] == size
        else:
            with pytest.raises(ValueError, match=message):
                generator.check_size(size)


class TestSegmenterGradScale:
    def test_scale_gradient_keeps_the_value(self):
        x = torch.randn(5, requires_grad=True)
        y = scale_gradient(x, 0.25)
        assert torch.equal(y, x)
        y.sum().backward()
        torch.testing.assert_close(x.grad, torch.full((5,), 0.25))

    def test_a_share_of_the_gradient_of_motion_and_layout_reaches_the_segmenter(self):
        def taught(scale: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            generator = moving_parts(tiny_generator(segmenter_grad_scale=scale))
            (made,) = generator(random_pair(), until="layout")
            loss = made.layout.logits.square().mean() + made.motion.to_identity.square().mean()
            (loss + made.identity.logits.square().mean()).backward()
            grads = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in generator.named_parameters()}
            return made.layout.logits.detach(), grads

        outputs, (whole, quarter, none) = zip(*map(taught, (1.0, 0.25, 0.0)))
        assert torch.equal(outputs[0], outputs[1]) and torch.equal(outputs[0], outputs[2])
        for name in whole:
            if name.startswith("segmenter."):  # `none` is what the segmentation's own loss teaches
                torch.testing.assert_close(
                    quarter[name] - none[name], (whole[name] - none[name]) / 4, rtol=1e-2, atol=1e-5
                )
            else:
                torch.testing.assert_close(quarter[name], whole[name])
        weight = "segmenter.head.weight"
        assert (whole[weight] - none[weight]).abs().max() > 1e-3 and none[weight].abs().max() > 1e-3


class TestPartsRendering:
    @pytest.mark.parametrize("precision", ("fp32", "bf16"))
    def test_an_identity_that_is_encoded_once_gives_the_same_pictures(self, precision):
        config = tiny_config("--method", "capture_parts", "--num_parts", "3")
        generator = moving_parts(tiny_generator())
        transfer = PoseTransfer(generator, config, torch.device("cpu"), precision)
        identity, pose = random_pair(3).values()
        whole = transfer.transfer(identity[:1].expand(3, -1, -1, -1), pose)
        once = transfer.decode(transfer.encode_identity(identity[:1]), transfer.encode_pose(pose))
        torch.testing.assert_close(once, whole, atol=1e-3 if precision == "fp32" else 0.05, rtol=0)
        exact = generator({"identity": identity[:1], "pose": pose[:1]})
        assert (whole[:1] - exact).abs().mean() < (1e-4 if precision == "fp32" else 0.02)
        assert not torch.equal(whole[:1], transfer.transfer(identity[1:2], pose[:1]))
