"""FID's features: torch-fidelity's network, our weights loading, torchmetrics' statistics."""

import io
from pathlib import Path

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchmetrics.image.fid import FrechetInceptionDistance

from capture.common.errors import CaptureError
from capture.metrics.frechet import frechet_distance
from capture.metrics.inception import WIDTH, InceptionFeatures


class Untrained(FeatureExtractorInceptionV3):
    """The network as it initialises itself: the published weights aren't needed to check the plumbing."""

    def load_state_dict(self, *_args, **_kwargs) -> None:
        pass


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    return Untrained("untrained", ["2048"], nothing).state_dict()


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, 3, 48, 48), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


class TestInceptionFeatures:
    def test_features_and_distance_are_the_libraries_own(self, weights, pictures, tmp_path: Path) -> None:
        path = tmp_path / "weights.pth"
        torch.save(weights, path)
        library = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path))
        inception = InceptionFeatures(weights, path)
        real, fake = (inception(batch) for batch in pictures)
        assert real.shape == (3, WIDTH) and real.dtype == torch.float32
        torch.testing.assert_close(real, library(pictures[0])[0])

        class Module(torch.nn.Module):
            num_features = 64  # of all; torchmetrics takes the eigenvalues of a matrix of so many rows

            def forward(self, images: torch.Tensor) -> torch.Tensor:
                return library(images)[0][:, :64].double()

        metric = FrechetInceptionDistance(feature=Module())
        metric.update(pictures[0], real=True)
        metric.update(pictures[1], real=False)
        assert frechet_distance(real[:, :64], fake[:, :64]) == pytest.approx(
            metric.compute().item(), rel=1e-4, abs=1e-6
        )

    def test_weights_of_another_network_are_refused(self, weights) -> None:
        incomplete = dict(list(weights.items())[1:])
        with pytest.raises(CaptureError, match="x.pth: not the weights of FID's Inception"):
            InceptionFeatures(incomplete, "x.pth")
