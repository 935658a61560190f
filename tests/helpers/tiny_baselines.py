"""What the tests of the baselines share: the smallest networks that have every part, and pictures to move."""

from __future__ import annotations

import copy
import zlib

import torch
from torch import Tensor, nn

from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.network import Fomm
from capture.methods.mraa.avd import AvdNetwork
from capture.methods.mraa.network import Mraa

SIZE = 32

FOMM = {
    "num_kp": 3,
    "estimate_jacobian": True,
    "align_corners": False,
    "kp_detector": {"block_expansion": 4, "max_features": 16, "num_blocks": 2, "scale_factor": 0.5},
    "generator": {"block_expansion": 4, "max_features": 8, "num_down_blocks": 1, "num_bottleneck_blocks": 1},
    "dense_motion": {"block_expansion": 4, "max_features": 16, "num_blocks": 2, "scale_factor": 0.25},
}
DISCRIMINATOR = {"scales": [1, 0.5], "block_expansion": 4, "max_features": 16, "num_blocks": 2, "num_kp": 3}
MRAA = {
    "num_regions": 3,
    "estimate_affine": True,
    "revert_axis_swap": True,
    "align_corners": False,
    "mode": "absolute",
    "region_predictor": {**FOMM["kp_detector"], "pca_based": True, "pad": 0},
    "background": {"block_expansion": 4, "max_features": 16, "num_blocks": 3, "bg_type": "affine"},
    "generator": {**FOMM["generator"], "skips": True},
    "pixelwise_flow": FOMM["dense_motion"],
}


def changed(config: dict, **changes) -> dict:
    """A copy of a configuration with keys changed: key=value or section__key=value."""
    config = copy.deepcopy(config)
    for name, value in changes.items():
        *sections, key = name.split("__")
        place = config
        for section in sections:
            place = place[section]
        place[key] = value
    return config


def tiny_fomm(**changes) -> Fomm:
    torch.manual_seed(0)
    return Fomm(changed(FOMM, **changes))


def tiny_mraa(avd: bool = False, **changes) -> Mraa:
    torch.manual_seed(0)
    return Mraa(changed(MRAA, **changes), AvdNetwork(MRAA["num_regions"], 8, 8) if avd else None)


def tiny_discriminator(**changes) -> MultiScaleDiscriminator:
    torch.manual_seed(0)
    return MultiScaleDiscriminator(**{**DISCRIMINATOR, **changes})


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
