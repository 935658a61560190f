"""Weights rewritten for larger pictures, whose positions are larger squares of pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from capture.checkpoints.checkpoint import export_generator
from capture.common.errors import CaptureError
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.methods.build import batch_keys, new_method
from capture.methods.capture_parts.patch_size import enlarge_patches
from capture.training.trainer import Trainer
from tests.conftest import tiny_config
from tests.helpers.parts import SIZE, moving_parts, random_pair, tiny_generator

CLOSE = {"atol": 1e-3, "rtol": 0.0}  # the sums have another order, and instance norm divides by small numbers
TOON = ("--method", "capture_parts", "--dataset_path", "toon", "--validation_pairs", "0")


@pytest.fixture
def generators():
    """One with squares of 2 x 2 pixels, and one of the same weights with squares of 4 x 4."""
    small = moving_parts(tiny_generator(networks__figure_alpha=True))
    large = tiny_generator(seed=1, patch_size=4, networks__figure_alpha=True)
    large.load_state_dict(enlarge_patches(small.state_dict(), 2, 4))
    return small, large


def enlarged(x: torch.Tensor) -> torch.Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


class TestEnlargePatches:
    @torch.no_grad()
    def test_an_enlarged_picture_has_the_same_segmentation_and_layout(self, generators):
        small, large = generators
        pair = random_pair()
        here, there = (
            generator(inputs, until="layout")[0]
            for generator, inputs in ((small, pair), (large, {role: enlarged(x) for role, x in pair.items()}))
        )
        torch.testing.assert_close(there.identity, here.identity, **CLOSE)
        torch.testing.assert_close(there.motion, here.motion, **CLOSE)
        torch.testing.assert_close(there.layout.residual_flow, here.layout.residual_flow, **CLOSE)
        logits = [F.pixel_shuffle(made.layout.logits, patch) for made, patch in ((here, 2), (there, 4))]
        torch.testing.assert_close(logits[1], enlarged(logits[0]), **CLOSE)

    @torch.no_grad()
    def test_what_is_painted_is_enlarged(self, generators):
        small, large = generators
        for generator in generators:
            generator.refiner.alpha.conv.bias.fill_(-100.0)
            generator.refiner.figure.conv.bias.fill_(100.0)
        inputs = {role: enlarged(enlarged(enlarged(F.avg_pool2d(x, 8)))) for role, x in random_pair().items()}
        here, there = small(inputs), large({role: enlarged(x) for role, x in inputs.items()})
        assert there.shape[-1] == 2 * SIZE
        assert (there - enlarged(here)).abs().mean() < 0.1 * here.std()

    def test_only_multiples(self):
        with pytest.raises(ValueError, match="patch_size 3 must be a multiple of 2"):
            enlarge_patches({}, 2, 3)


class TestStartFrom:
    def start(self, tmp_path, *more: str):
        config = tiny_config(*TOON)
        export_generator(tmp_path / "generator.safetensors", new_method(config).generator.state_dict(), config)
        (tmp_path / "0config.yaml").write_text(dump_yaml(config))
        config = tiny_config(*TOON, "--start_from", str(tmp_path), *more)
        return Trainer(config, open_data(config, batch_keys(config)), tmp_path / "run")

    def test_a_run_with_larger_squares_starts_from_weights_with_smaller_ones(self, tmp_path):
        trainer = self.start(tmp_path, "--patch_size", "4", "--image_size", "128")
        weight = trainer.method.generator.state_dict()["segmenter.stem.conv.weight"]
        assert weight.shape[1] == 48 and torch.equal(weight[:, 0], weight[:, 5])

    def test_one_with_smaller_squares_does_not(self, tmp_path):
        with pytest.raises(CaptureError, match="patch_size 1 must be a multiple of 2"):
            self.start(tmp_path, "--patch_size", "1", "--image_size", "64")
