"""The lines that the method stands on, each checked by hand. `reliability/mutations.py` breaks them one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from capture.data.index.catalog import scan
from capture.data.sampling import draw
from capture.io.images import image_to_tensor, to_square
from capture.methods import build_method
from capture.methods.capture.encoders import IdentityEncoder
from capture.methods.capture.losses import discriminator_loss, generator_loss
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import ResBlock, adain
from capture.training.averages import EMA
from tests.conftest import tiny_config


def batch(count: int = 2, size: int = 32) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return {name: torch.rand(count, 3, size, size) * 2 - 1 for name in ("identity", "real", "pose", "target")}


@pytest.mark.parametrize("rows", ("identity", "pose"))
def test_reverse_attention_by_loops(rows):
    torch.manual_seed(0)
    module = ReverseAttention(8, t=3.0, alpha=0.3, beta=0.6, rows=rows).double()
    f_in, f_i, f_p = torch.randn(3, 1, 8, 2, 3, dtype=torch.float64)
    flat = lambda x: x.flatten(2)[0]  # noqa: E731  (C, N)
    query, key, value = module.query_conv, module.key_conv, module.value_conv

    def weights(rows_of, columns_of):
        return F.softmax(flat(query(rows_of)).T @ flat(key(columns_of)) / 3.0, dim=1)  # a row for each query

    a = weights(f_i, f_p) if rows == "identity" else weights(f_p, f_i)
    b = weights(f_p, f_i)
    h = flat(adain(f_in, f_i))
    f_a = 0.4 * flat(f_i) + 0.6 * flat(value(f_i)) @ a.T
    reverse = torch.stack([sum(h[:, j] * (1 - b[i, j]) for j in range(6)) for i in range(6)], dim=1)
    f_ra = 0.7 * reverse + 0.3 * h
    expected = module.conv_comp(torch.cat([f_a, f_ra]).reshape(1, 16, 2, 3))
    torch.testing.assert_close(module(f_in, f_i, f_p), expected, rtol=1e-6, atol=1e-8)


def test_adain_by_hand():
    content, style = torch.tensor([0.0, 2.0]), torch.tensor([10.0, 16.0])
    unbiased = (content - 1.0) / math.sqrt(2.0 + 1e-5) * math.sqrt(18.0 + 1e-5) + 13.0
    made = adain(content.reshape(1, 1, 1, 2), style.reshape(1, 1, 1, 2))
    torch.testing.assert_close(made.flatten(), unbiased)


def test_the_code_is_noise_and_mean_times_sigma():
    torch.manual_seed(0)
    encoder = IdentityEncoder(downs=2, c=4, min_ch=16)
    eps = torch.randn(1, 64)
    features = encoder(torch.rand(1, 3, 32, 32), eps)
    mu, sigma = features[6].flatten(1).chunk(2, dim=1)
    torch.testing.assert_close(features[0].flatten(1), (eps + mu) * sigma)


def test_a_residual_blocks_sum_is_divided_by_the_root_of_two():
    block = ResBlock(2, 2)
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)  # nothing but the skip is left
    image = torch.rand(1, 2, 4, 4)
    torch.testing.assert_close(block(image), image / math.sqrt(2))


def test_who_is_drawn_in_whose_pose():
    """fusion = G(x, p); reconstruction = G(y, x), which is to be x."""
    method, given, seen = build_method(tiny_config()), batch(), []

    def generator(identity, pose, noise):
        seen.append((identity, pose))
        return method.networks["gen"](identity, pose, noise)

    method.trained["gen"] = generator
    random = method.draw_randomness(2, torch.Generator().manual_seed(0))
    loss, parts = method.loss("gen", given, random, None)
    ((identity, pose),) = seen
    assert torch.equal(identity, torch.cat([given["identity"], given["real"]]))
    assert torch.equal(pose, torch.cat([given["pose"], given["identity"]]))


def test_losses_compare_with_the_right_picture():
    given, config = batch(), tiny_config("--gen_targetLoss_weight", "2")["loss_config"]
    loss, parts = generator_loss(None, given["target"], given["identity"], given, config)
    assert loss.item() == 0
    loss, parts = generator_loss(None, given["pose"], given["real"], given, config)
    recon = (given["real"] - given["identity"]).abs().mean()
    target = (given["pose"] - given["target"]).abs().mean()
    torch.testing.assert_close(loss, 15 * recon + 2 * target)


def test_the_discriminator_learns_real_from_fake():
    real, fake, config = torch.full((1, 1), 2.0), torch.full((1, 1), -1.0), tiny_config()["loss_config"]
    loss, _ = discriminator_loss(real, [fake, fake], config)
    torch.testing.assert_close(loss, torch.tensor(math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))))


def test_the_discriminators_update_leaves_the_generator_alone():
    method = build_method(tiny_config())
    random = method.draw_randomness(2, torch.Generator().manual_seed(0))
    kept = {}
    loss, _ = method.loss("disc", batch(), random, kept)
    loss.backward()
    assert all(p.grad is None for p in method.networks["gen"].parameters())
    assert all(p.grad is not None for p in method.networks["disc"].parameters())
    method.networks["disc"].zero_grad(set_to_none=True)
    loss, _ = method.loss("gen", batch(), random, kept)  # the same pictures can still be learnt from
    loss.backward()
    assert all(p.grad is not None for p in method.networks["gen"].parameters())
    assert all(p.grad is None for p in method.networks["disc"].parameters())


def test_the_moving_average_by_hand():
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    ema = EMA(network, 0.5)
    torch.nn.init.ones_(network.weight)
    ema.update(network, 0)  # min(0.5, 1 / 10)
    assert ema.average.weight.item() == pytest.approx(0.9)
    ema.update(network, 1000)
    assert ema.average.weight.item() == pytest.approx(0.95)


def test_frames_are_padded_with_white_and_resized_bilinearly():
    image = Image.fromarray(np.array([[[0, 0, 0], [90, 90, 90]]] * 4, np.uint8))  # 2 wide, 4 high
    wide = image_to_tensor(to_square(image, 4))
    assert wide[0, 0].tolist() == [255, 0, 90, 255]
    twice = image_to_tensor(to_square(image, 8))
    # centres of the new pixels lie a quarter of an old one from the old centres
    assert twice[0, 3, 2].item() == pytest.approx(0.75 * 0 + 0.25 * 255, abs=1)
    assert twice[0, 3, 3].item() == pytest.approx(0.75 * 0 + 0.25 * 90, abs=1)


def test_the_target_is_the_first_character_in_the_seconds_pose(mixamo_tree):
    catalog = scan(mixamo_tree)
    for index in range(20):
        drawn = draw(catalog, 5, index)
        identity, real, pose, target = (catalog.frame(number)[0] for number in drawn)
        who = next(part for part in identity.parts if part.startswith("character_"))
        assert who in real.parts and who in target.parts and who not in pose.parts
        inside = lambda path: path.parts[path.parts.index("train") + 2 :]  # noqa: E731  clip and frame
        assert inside(target) == inside(pose) and inside(real)[0] != inside(identity)[0]
