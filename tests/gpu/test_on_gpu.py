"""What only a GPU can show: the same results as on a CPU, and a training step that never waits. Skipped without one.

python -m pytest -m gpu
"""

from __future__ import annotations

import copy

import pytest
import torch

from capture.benchmarks.training import ROLES, ours
from capture.data.loading import make_loader
from capture.data.mixed import Mixed
from capture.data.toon.dataset import ToonStream
from capture.data.toon.motion.motions import VARIED
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from tests.conftest import tiny_config

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
METHODS = ["capture", "capture_parts"]


def pictures_of(config, device):
    size = config["dataset_config"]["image_size"]
    rng = torch.Generator().manual_seed(0)
    return {role: (torch.rand(2, 3, size, size, generator=rng) * 2 - 1).to(device) for role in ROLES}


class TestRendering:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
    def test_pictures_equal_those_of_the_processor(self, method, compiled):
        config = tiny_config("--method", method)
        generator, given = build_generator(config), pictures_of(config, CPU)
        near = PoseTransfer(copy.deepcopy(generator), config, CPU).transfer(given["identity"], given["pose"])
        far = PoseTransfer(copy.deepcopy(generator), config, CUDA, compiled=compiled)
        made = far.transfer(given["identity"], given["pose"]).cpu()
        assert (made - near).abs().mean() < 2e-3 and (made - near).abs().max() < 0.1


class TestTraining:
    @pytest.mark.parametrize("method", METHODS)
    def test_no_step_waits_for_the_device(self, method):
        config = tiny_config("--method", method)
        trainer, batch = ours(config, pictures_of(config, CUDA), {"precision": "bf16"})
        for _ in range(2):
            trainer.step(batch)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            trainer.step(batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")


class TestToon:
    def test_batches_rendered_on_the_device_stay_there_beside_those_of_other_sources(self):
        streams = [ToonStream(32, seed=3, on_device=on_device) for on_device in (True, False)]
        found = next(iter(make_loader(Mixed(streams), [[0, 1, 2, 3]], 0, CUDA)))
        expected = ToonStream(32, seed=3).batch([0, 1, 2, 3])
        assert all(value.device.type == "cuda" for value in found.values())
        for name in ("identity", "pose", "target"):
            assert (found[name].cpu() == expected[name]).float().mean() > 0.99, name

    def test_the_renderer_draws_the_same_figures(self):
        shots = [Shot(30_000 + k, VARIED[k % len(VARIED)], k, 0.2, View(30 * k)) for k in range(4)]
        near, far = (render(shots, 64, device, outputs=("rgb", "iuv")) for device in ("cpu", "cuda"))
        for name in ("rgb", "iuv"):
            same = (near[name] == far[name].cpu()).float().mean()
            assert same > 0.99, name
