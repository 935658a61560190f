"""The metrics that a command line chooses, and what is said where their networks are missing."""

from pathlib import Path

import pytest
import torch

from capture.common.errors import CaptureError
from capture.evaluation.networks import load_networks
from capture.evaluation.parallel import Workers
from capture.evaluation.parts import PartFinder
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from capture.metrics.choice import DEFAULT, METRICS, columns, parse_metrics, per_pair_keys
from tests.conftest import tiny_config


def networks(metrics, tmp_path: Path, require=(), size: int = 64, n: int = 5):
    return load_networks(metrics, require, tmp_path, "alex", tmp_path / "none", Workers(), torch.device("cpu"), size, n)


class TestParseMetrics:
    def test_names_come_in_the_order_of_the_table(self) -> None:
        assert parse_metrics("pose, L1,lpips") == ("l1", "lpips", "pose")
        assert parse_metrics("all") == tuple(METRICS)
        assert parse_metrics(",".join(DEFAULT)) == DEFAULT

    @pytest.mark.parametrize(
        ("text", "match"), [("l1,psnr", "psnr is not a metric"), (" ,", "nothing is not a metric")]
    )
    def test_unknown_names(self, text: str, match: str) -> None:
        with pytest.raises(CaptureError, match=match):
            parse_metrics(text)

    def test_columns(self) -> None:
        assert columns(("lpips", "pose")) == {"lpips": "LPIPS", "pose_error": "Pose", "parts_missed": "Missed"}
        assert per_pair_keys(("lpips", "fid", "kid", "fg")) == ("lpips", "l1_foreground", "ssim_foreground")


class TestLoadNetworks:
    def test_missing_weights_are_named_and_nothing_replaces_them(self, tmp_path: Path) -> None:
        made = networks(("lpips", "kid"), tmp_path)
        assert made.perceptual is made.alex is made.finder is None
        assert set(made.missing) == {"lpips", "kid"}
        assert made.missing["kid"].startswith("KID: alexnet-owt-7be5be79.pth is not in")

    def test_the_weights_of_dists_are_named_with_their_address(self, tmp_path: Path) -> None:
        missing = networks(("dists",), tmp_path).missing["dists"]
        assert missing.startswith("DISTS: vgg16-397923af.pth is not in") and "https://download.pytorch.org" in missing
        assert "at least 32x32" in networks(("dists",), tmp_path, size=16).missing["dists"]

    def test_metrics_that_are_not_chosen_are_not_missed(self, tmp_path: Path) -> None:
        assert networks(("l1", "ssim"), tmp_path).missing == {}

    def test_required_metrics(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="--require kid: KID: alexnet"):
            networks(("kid",), tmp_path, require=("kid",))

    def test_a_segmenter_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="no such result folder"):
            networks(("pose",), tmp_path)

    def test_pictures_and_sets_that_are_too_small(self, tmp_path: Path) -> None:
        assert "at least 32x32" in networks(("kid",), tmp_path, size=16).missing["kid"]
        assert "at least 2 pairs" in networks(("kid",), tmp_path, n=1).missing["kid"]


class TestPartFinder:
    def test_methods_without_a_part_segmenter_are_refused(self) -> None:
        config = tiny_config()
        transfer = PoseTransfer(build_generator(config), config, torch.device("cpu"), source="R")
        with pytest.raises(CaptureError, match="capture has no part segmenter"):
            PartFinder(transfer)

    def test_the_box_s_segmenter_finds_a_figure_that_moved(self) -> None:
        """A toon character, and the same picture shifted by 8 of 128 pixels: every part is 1/16 away, in its colour."""
        from capture.data.toon.held_out import held_out_batch

        finder = PartFinder.load()
        picture = held_out_batch(2, 128)["target"]
        shifted = picture.roll(8, dims=3)
        distance, missed, colour = finder.compare(shifted, picture).unbind(1)
        assert distance.tolist() == pytest.approx([1 / 16] * 2, abs=0.012)
        assert missed.max() < 0.2 and colour.max() < 0.03
        assert finder.compare(picture, picture).abs().max() == 0
        assert len(finder.find(picture).unique()) > 8

    def test_pictures_of_another_size_are_resized(self) -> None:
        finder = PartFinder.load()
        assert finder.find(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape == (1, 64, 64)
