"""Networks made bfloat16 render alike, and what must stay in float32 does."""

import copy

import pytest
import torch

from capture.nn.precision import BatchNorm
from tests.helpers.tiny_baselines import fill, inputs, tiny_fomm, tiny_mraa, two_frames


@pytest.mark.parametrize("make", (tiny_fomm, lambda: tiny_mraa(avd=True, mode="avd")))
def test_bf16_weights_render_alike(make):
    network, frames = fill(make()).eval(), inputs(*two_frames())
    small = copy.deepcopy(network).to(torch.bfloat16).to(memory_format=torch.channels_last)
    with torch.no_grad():
        exact, rough = network(frames), small({role: frame.bfloat16() for role, frame in frames.items()})
    assert rough.dtype == torch.float32
    assert (rough - exact).abs().mean() < 0.02
    halves = {name for name, value in small.state_dict().items() if value.dtype == torch.bfloat16}
    whole = {name for name, value in small.state_dict().items() if value.dtype == torch.float32}
    assert "generator.final.weight" in halves and "generator.first.norm.running_var" in whole
    assert not any("avd_network" in name or name.endswith("down.weight") or ".norm" in name for name in halves)
    assert all(torch.equal(small.state_dict()[name], network.state_dict()[name]) for name in whole)


def test_other_types_and_devices_are_followed():
    layer = BatchNorm(3)
    assert layer.double().weight.dtype == torch.float64
    assert layer.to("meta").running_var.device.type == "meta"
    assert isinstance(torch.nn.SyncBatchNorm.convert_sync_batchnorm(BatchNorm(3)), torch.nn.SyncBatchNorm)
