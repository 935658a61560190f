"""Where published weights come from, and that no others pass for them."""

import shutil
import urllib.request
from pathlib import Path

import pytest
import torch

from capture.common.errors import CaptureError
from capture.common.pretrained import PUBLISHED, WeightsMissing, fingerprint, load_published

WEIGHTS = Path(__file__).resolve().parents[2] / "../shared/weights"


class Hostile:
    """Unpickled without care, it creates a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class TestWeightsFolder:
    @pytest.mark.parametrize("name", list(PUBLISHED))
    def test_a_missing_file_is_named_with_its_address(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(WeightsMissing) as error:
            load_published(name, tmp_path)
        assert PUBLISHED[name].file in str(error.value)
        assert PUBLISHED[name].url in str(error.value)
        assert str(tmp_path) in str(error.value)

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match=r"no such folder of weights; give --weights \(or CAPTURE_WEIGHTS\)"):
            load_published("alex", tmp_path / "none")

    @pytest.mark.parametrize("name", list(PUBLISHED))
    def test_another_file_under_the_published_name(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / PUBLISHED[name].file
        torch.save({"features.0.weight": torch.zeros(1)}, path)
        with pytest.raises(CaptureError, match=f"{path.name}: not the published weights"):
            load_published(name, tmp_path)

    def test_other_convolutions_under_the_published_name(self, tmp_path: Path) -> None:
        torch.save({"features.0.weight": torch.rand(64, 3, 11, 11)}, tmp_path / "alexnet_features.pth")
        with pytest.raises(CaptureError, match="not the published weights"):
            load_published("alex", tmp_path)

    def test_damaged_and_hostile_files(self, tmp_path: Path) -> None:
        path = tmp_path / "alexnet_features.pth"
        path.write_bytes(b"PK\x03\x04 half a file")
        with pytest.raises(CaptureError, match="not a readable weights file"):
            load_published("alex", tmp_path)
        torch.save({"features.0.weight": Hostile(tmp_path / "ran")}, path)
        with pytest.raises(CaptureError, match="not a readable weights file"):
            load_published("alex", tmp_path)
        assert not (tmp_path / "ran").exists()
        torch.save([torch.zeros(1)], path)
        with pytest.raises(CaptureError, match="not a state dict"):
            load_published("alex", tmp_path)

    @pytest.mark.skipif(not WEIGHTS.is_dir(), reason="no published weights beside the repository")
    @pytest.mark.parametrize(
        ("name", "file"), [("alex", "alexnet_features.pth"), ("squeeze", "squeezenet_features.pth")]
    )
    def test_published_convolutions_are_accepted(self, tmp_path: Path, name: str, file: str) -> None:
        shutil.copy(WEIGHTS / file, tmp_path)
        weights, path = load_published(name, tmp_path)
        assert path == tmp_path / file
        assert all(value.dtype == torch.float32 for value in weights.values())


class TestFingerprint:
    def test_the_fingerprint_sees_values_names_and_nothing_else(self) -> None:
        weights = {"features.0.weight": torch.arange(4.0), "features.0.bias": torch.zeros(2)}
        same = {"classifier.1.weight": torch.ones(3), **dict(reversed(weights.items()))}
        assert fingerprint(weights) == fingerprint(same)
        assert fingerprint(weights) != fingerprint({**weights, "features.0.bias": torch.tensor([0.0, 1e-7])})
        assert fingerprint(weights) != fingerprint({name.replace("0", "1"): value for name, value in weights.items()})


class TestFetchedWeights:
    def test_offline_and_not_in_the_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")  # where nobody answers
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first use in any test
        with pytest.raises(WeightsMissing, match="couldn't be fetched .*--weights or CAPTURE_WEIGHTS"):
            load_published("squeeze")
        with pytest.raises(WeightsMissing, match="give its folder with --perceptual_path or CAPTURE_WEIGHTS"):
            load_published("squeeze", option="--perceptual_path")

    def test_a_wrong_file_in_the_librarys_cache_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        cached = tmp_path / "hub" / "checkpoints" / PUBLISHED["squeeze"].file
        cached.parent.mkdir(parents=True)
        torch.save({"features.0.bias": torch.ones(1)}, cached)
        with pytest.raises(CaptureError, match=f"{cached.name}: not the published weights"):
            load_published("squeeze")
