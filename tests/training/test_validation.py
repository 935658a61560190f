"""The validation at the end of an epoch: its metrics, and LPIPS where it is asked for."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torchvision

from capture.common.errors import CaptureError
from capture.data.open_data import Data
from capture.methods.build import build_generator
from capture.metrics.lpips import Perceptual
from capture.training.validation import Validation
from tests.conftest import tiny_config


class GivenPairs(Data):
    """Held-out pairs of noise in place of a dataset."""

    def __init__(self) -> None:
        random = torch.Generator().manual_seed(0)
        self.pairs = {
            name: torch.randint(0, 256, (5, 3, 32, 32), generator=random, dtype=torch.uint8)
            for name in ("identity", "pose", "target")
        }

    def test_batch(self, count: int) -> dict[str, torch.Tensor]:
        return {name: value[:count] for name, value in self.pairs.items()}


def validation(*argv: str) -> Validation:
    config = tiny_config(*argv)
    return Validation(build_generator(config), config, GivenPairs(), torch.device("cpu"), batch_size=2)


class TestValidation:
    def test_lpips_is_not_measured_unless_it_is_asked_for(self) -> None:
        made = validation("--validation_pairs", "5")
        made.read_pairs()
        assert set(made.metrics()) == {"val_L1", "val_SSIM"}

    def test_lpips_is_that_of_all_pairs(self, tmp_path: Path, monkeypatch) -> None:
        torch.manual_seed(0)
        perceptual = Perceptual("alex", torchvision.models.alexnet(weights=None).state_dict())
        monkeypatch.setattr(Perceptual, "load", lambda *_: perceptual)
        made = validation("--validation_pairs", "5", "--validation_lpips", "true")
        made.read_pairs()
        found = made.metrics()
        output = made.render(made.data.test_batch(5)).float() / 255
        expected = perceptual(output, made.data.pairs["target"].float() / 255).mean().item()
        assert found["val_LPIPS"] == pytest.approx(expected, rel=1e-5) and set(found) == {
            "val_L1",
            "val_SSIM",
            "val_LPIPS",
        }

    def test_pairs_without_a_map_that_the_method_reads_are_left_out_and_said(self, caplog) -> None:
        """Fashion with DensePose maps has identity_uv and real_uv, and LWGAN renders with target_uv."""
        made = validation("--method", "lwgan", "--validation_pairs", "5")
        made.read_pairs()
        assert "the held-out pairs have no identity_uv and no target_uv" in caplog.text
        assert made.metrics() == {}
        logged: list[str] = []
        log = SimpleNamespace(pictures=lambda split, *_: logged.append(split))
        made.draw(log, {name: value.float() / 127.5 - 1 for name, value in made.data.pairs.items()}, 1, 1)
        assert logged == []

    def test_weights_that_are_missing_end_the_run_before_it_begins(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setenv("CAPTURE_WEIGHTS", str(tmp_path))
        with pytest.raises(CaptureError, match="validation_lpips: alexnet-owt-7be5be79.pth is not in"):
            validation("--validation_lpips", "true").read_pairs()
