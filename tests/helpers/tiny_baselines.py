"""Tiny networks of FOMM and MRAA that have every part, their configurations, and pictures to move."""

from __future__ import annotations

import copy
import zlib
from typing import Any

import torch
from torch import Tensor, nn

from capture.common.registry import method_class, method_options
from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.network import Fomm
from capture.methods.mraa.avd import AvdNetwork
from capture.methods.mraa.network import Mraa
from capture.nn.perceptual import Features, PerceptualLoss
from tests.helpers.change_options import change_options

SIZE = 32
PREDICTOR = {"block_expansion": 4, "max_features": 16, "num_blocks": 2, "scale_factor": 0.5}
MOTION = {"block_expansion": 4, "max_features": 16, "num_blocks": 2, "scale_factor": 0.25}
AUTOENCODER = {"block_expansion": 4, "max_features": 8, "num_down_blocks": 1, "num_bottleneck_blocks": 1}
TINY = {
    "fomm": {
        "num_kp": 3,
        "kp_detector": PREDICTOR,
        "generator": AUTOENCODER,
        "dense_motion": MOTION,
        "discriminator": {"scales": [1.0, 0.5], "block_expansion": 4, "max_features": 16, "num_blocks": 2},
        "loss_weights": {"generator_gan": 1.0, "feature_matching": [10.0, 10.0]},
    },
    "mraa": {
        "num_regions": 3,
        "mode": "absolute",
        "region_predictor": PREDICTOR,
        "background": {"block_expansion": 4, "max_features": 16, "num_blocks": 3},
        "generator": AUTOENCODER,
        "pixelwise_flow": MOTION,
    },
}
PIXELS = {"perceptual": "none", "scales": [1.0, 0.5]}  # for both: compare pixels, at two scales


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested dictionaries with the values of `changes` in place of its own."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        result[key] = merged(result[key], value) if isinstance(value, dict) else copy.deepcopy(value)
    return result


def tiny_options(method: str, **changes: Any) -> dict[str, Any]:
    """The section of method fomm or mraa, tiny, with keys changed: key=value or section__key=value."""
    options = merged(method_options(method)().model_dump()[f"{method}_config"], {**TINY[method], **PIXELS})
    return change_options(options, **changes)


def tiny_baseline_config(method: str, **changes: Any) -> dict[str, Any]:
    """A whole configuration of method fomm or mraa, as far as the method reads it. Changes as in tiny_options."""
    options = {"mode": "avd", "avd__id_bottle_size": 8, "avd__pose_bottle_size": 8} if method == "mraa" else {}
    return {
        "main_config": {"method": method},
        "dataset_config": {"image_size": SIZE, "batch_size": 2},
        "train_config": {"lr_G": 2e-4, "lr_D": 2e-4},
        f"{method}_config": tiny_options(method, **{**options, **changes}),
    }


def tiny_method(method: str, **changes: Any) -> Any:
    """The Method of fomm or mraa with tiny networks, freshly initialised."""
    built = method_class(method)(tiny_baseline_config(method, **changes))
    torch.manual_seed(0)
    built.init_weights()
    return built


def tiny_fomm(**changes: Any) -> Fomm:
    torch.manual_seed(0)
    return Fomm(tiny_options("fomm", **changes))


def tiny_mraa(avd: bool = False, **changes: Any) -> Mraa:
    torch.manual_seed(0)
    return Mraa(tiny_options("mraa", **changes), AvdNetwork(3, 8, 8, revert_axis_swap=True) if avd else None)


def tiny_discriminator(**changes: Any) -> MultiScaleDiscriminator:
    options = tiny_options("fomm", **{f"discriminator__{key}": value for key, value in changes.items()})
    torch.manual_seed(0)
    return MultiScaleDiscriminator(num_kp=options["num_kp"], **options["discriminator"])


def inputs(identity: Tensor, pose: Tensor) -> dict[str, Tensor]:
    """What a generator reads."""
    return {"identity": identity, "pose": pose}


def moving_batch(batch: int = 2, known: bool = True) -> dict[str, Tensor]:
    """A training batch: two frames of one character, another character's pose, and (`known`) its true target."""
    x, y = two_frames(batch)
    given = {"identity": x, "real": y, "pose": -x.flip(3), "target": x.flip(3)}
    return {**given, "has_target": torch.full((batch,), known)}


def two_frames(batch: int = 2, size: int = SIZE) -> tuple[Tensor, Tensor]:
    """Two frames (batch, 3, size, size) in [-1, 1] of a bright disc on a pattern, the disc moved in the second."""
    rng = torch.Generator().manual_seed(5)
    grid = (torch.arange(size) - size / 2) / (size / 2)
    pattern = 0.5 * torch.rand(batch, 3, size // 4, size // 4, generator=rng).repeat_interleave(4, 2).repeat_interleave(
        4, 3
    )
    frames = []
    for _ in range(2):
        centre = torch.rand(batch, 2, generator=rng) - 0.5
        distance = (grid - centre[:, :1, None]).square() + (grid[:, None] - centre[:, 1:, None]).square()
        frames.append(torch.where(distance[:, None] < 0.15, torch.tensor(0.9), pattern) * 2 - 1)
    return frames[0], frames[1]


def scrambled(count: int, seed: int) -> Tensor:
    """`count` numbers in [0, 1) that are the same on every machine and in every version of torch."""
    mask = 0xFFFFFFFF
    x = (torch.arange(count, dtype=torch.int64) * 2654435761 + seed) & mask
    for _ in range(2):
        x = ((x ^ (x >> 16)) * 73244475) & mask
    return (x.double() / 2**32).float()


@torch.no_grad()
def fill(network: nn.Module) -> nn.Module:
    """Weights and statistics that depend on names and shapes alone, of sizes that keep every part alive."""
    for name, value in network.state_dict().items():
        numbers = scrambled(value.numel(), zlib.crc32(name.encode())).reshape(value.shape)
        if name.endswith(("num_batches_tracked", "down.weight")):
            continue
        if name.endswith("running_var"):
            value.copy_(0.5 + numbers)
        elif value.dim() > 1:  # convolutions and linear layers
            spread = (0.5 if name.startswith(("kp.", "regions.")) else 2) / value[0].numel() ** 0.5
            value.copy_((2 * numbers - 1) * spread)
        elif name.endswith("weight"):  # norms
            value.copy_(0.5 + numbers)
        elif name.endswith(("weight_u", "weight_v")):
            value.copy_(numbers / numbers.norm())
        else:
            value.copy_(0.4 * (numbers - 0.5))
    return network


def pictures(batch: int = 2, size: int = SIZE) -> tuple[Tensor, Tensor]:
    """Two noisy pictures (batch, 3, size, size) in [-1, 1], the same on every machine."""
    noise = scrambled(2 * batch * 3 * size * size, 1).reshape(2, batch, 3, size, size)
    ramp = torch.linspace(0, 6, size)
    waves = torch.sin(ramp + torch.arange(2 * batch).reshape(2, batch, 1, 1, 1) + 0.7 * ramp[:, None])
    both = 0.6 * waves + 0.8 * (noise - 0.5)
    return both[0], both[1]


def deformation_noise(batch: int = 2) -> Tensor:
    """What makes a Deformation, the same on every machine."""
    return 4 * (scrambled(batch * 31, 2).reshape(batch, 31) - 0.5)


def sample(values: Tensor) -> Tensor:
    """Four values spread over a tensor, its mean and its mean square."""
    flat = values.detach().float().flatten()
    picked = flat[[0, len(flat) // 3, len(flat) // 2, len(flat) - 1]]
    return torch.cat([picked, flat.mean()[None], flat.square().mean()[None]])


@torch.no_grad()
def choose_proposal(network: nn.Module, index: int) -> None:
    """Have a MotionNetwork take the motion proposal `index` at every position."""
    network.mask.weight.zero_()
    network.mask.bias.fill_(-30)
    network.mask.bias[index] = 30


def check_samples(ours: dict[str, Tensor], theirs: dict[str, list[float]]) -> None:
    """Assert that tensors have the samples (see `sample`) that another implementation gave."""
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        torch.testing.assert_close(sample(value), torch.tensor(theirs[name]), atol=1e-4, rtol=1e-4, msg=name)


def filled_vgg19_loss() -> PerceptualLoss:
    """The perceptual loss of a VGG19 with `fill`'s weights."""
    return PerceptualLoss(fill(Features("vgg19")), (10,) * 5, (1, 0.5))


def train_on(method: Any, batch: dict[str, Tensor], steps: int) -> list[dict[str, float]]:
    """Train a method's generator on one batch, with the same noise at every step; the terms of every step."""
    noise = method.sample_noise(len(batch["real"]), torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(method.networks["gen"].parameters(), 5e-3, betas=(0.5, 0.999))
    history = []
    for _ in range(steps):
        loss, terms = method.loss("gen", batch, noise, {})
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append({name: term.item() for name, term in terms.items()})
    return history
