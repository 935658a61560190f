"""The weights in result/Styles256: a refiner for 256x256 over result/Styles, as fine as that size allows."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open

from capture.checkpoints.checkpoint import EXPORTED
from capture.data.toon.held_out import held_out_batch
from capture.inference.transfer import PoseTransfer
from capture.metrics.image import l1
from tests.conftest import ROOT

WEIGHTS = ROOT / "result" / "Styles256"
COUNT = 8


@pytest.fixture(scope="module")
def held_out() -> dict[str, torch.Tensor]:
    """Pairs of toon characters that nobody trained on, uint8 (8, 3, 256, 256), and what the weights make of them."""
    pairs = held_out_batch(COUNT, 256, seed=4, views="front")
    return {**pairs, "output": PoseTransfer.load(WEIGHTS, "cpu").render(pairs["identity"], pairs["pose"])}


def edges(pictures: torch.Tensor) -> float:
    """How much neighbouring pixels differ, on average: much in fine pictures, little in enlarged ones."""
    pictures = pictures.float()
    return (pictures[..., 1:] - pictures[..., :-1]).abs().mean().item()


class TestStyles256Weights:
    def test_hold_the_refiner_alone(self):
        with safe_open(str(WEIGHTS / EXPORTED), "pt") as file:
            names, metadata = set(file.keys()), file.metadata()
        assert names and all(name.startswith("refiner.") for name in names) and metadata["base"] == "Styles"

    def test_all_weights_in_the_box_have_at_most_32_mib(self):
        files = [ROOT / "result" / name / EXPORTED for name in ("Toon", "Styles", "Styles256")]
        assert sum(file.stat().st_size for file in files) <= 32 * 2**20

    def test_pictures_are_as_fine_as_the_truth(self, held_out):
        """Those of result/Styles, enlarged, are not."""
        small = {role: F.avg_pool2d(held_out[role].float(), 2).round().byte() for role in ("identity", "pose")}
        rendered = PoseTransfer.load(ROOT / "result" / "Styles", "cpu").render(small["identity"], small["pose"])
        enlarged = F.interpolate(rendered.float(), scale_factor=2, mode="bilinear")
        truth = edges(held_out["target"])
        assert edges(enlarged) < 0.75 * truth and abs(edges(held_out["output"]) - truth) < 0.15 * truth

    def test_pictures_are_closer_to_the_truth_than_either_input(self, held_out):
        target = held_out["target"].float() / 255
        errors = {role: l1(held_out[role].float() / 255, target).mean() for role in ("output", "identity", "pose")}
        assert errors["output"] < 0.9 * min(errors["identity"], errors["pose"])
