"""L1 and SSIM against scikit-image and NumPy."""

import numpy as np
import pytest
import torch

from capture.metrics.image import foreground_l1, foreground_ssim, l1, ssim, ssim_map, window_size


def pictures(kind: str, height: int, width: int, seed: int, n: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches: noise, or 8-bit figures on white that overlap, as cartoon pictures do."""
    random = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, n, 3, height, width, generator=random)
    if kind == "noise":
        return a, b
    out = []
    for shift, noise in ((0, a), (2, b)):
        picture = torch.ones_like(noise)
        box = picture[..., height // 4 + shift : height * 3 // 4, width // 4 : width * 3 // 4 - shift]
        box[:] = torch.rand(n, 3, 1, 1, generator=random) * 0.8 + 0.1 * noise[..., : box.shape[-2], : box.shape[-1]]
        out.append((picture * 255).round() / 255)
    return out[0], out[1]


class TestSSIM:
    @pytest.mark.parametrize("kind", ["noise", "figures"])
    @pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 47), (101, 70)])
    @pytest.mark.parametrize("sigma", [0.8, 1.5, 2.5])
    def test_ssim_is_scikit_images(self, kind: str, height: int, width: int, sigma: float) -> None:
        metrics = pytest.importorskip("skimage.metrics")
        a, b = pictures(kind, height, width, seed=height + width)
        expected = [
            metrics.structural_similarity(
                x.permute(1, 2, 0).double().numpy(),
                y.permute(1, 2, 0).double().numpy(),
                gaussian_weights=True,
                sigma=sigma,
                use_sample_covariance=False,
                data_range=1.0,
                channel_axis=2,
            )
            for x, y in zip(a, b)
        ]
        assert ssim(a.double(), b.double(), sigma).tolist() == pytest.approx(expected, abs=1e-9)
        assert ssim(a, b, sigma).tolist() == pytest.approx(expected, abs=1e-6)

    def test_ssim_is_that_of_torchmetrics_inside_the_border(self) -> None:
        from torchmetrics.functional.image import structural_similarity_index_measure

        a, b = (picture.double() for picture in pictures("figures", 40, 53, 7))
        options = {"sigma": 1.5, "data_range": 1.0, "reduction": "none", "return_full_image": True}
        _, expected = structural_similarity_index_measure(a, b, **options)
        torch.testing.assert_close(ssim_map(a, b), expected[..., 5:-5, 5:-5], atol=1e-9, rtol=0)

    def test_default_window_is_the_published_one(self) -> None:
        assert window_size() == 11

    def test_ssim_of_a_picture_with_itself_is_one(self) -> None:
        a, _ = pictures("figures", 64, 64, 0)
        assert ssim(a, a).tolist() == [1.0, 1.0, 1.0]

    def test_a_picture_smaller_than_the_window(self) -> None:
        with pytest.raises(ValueError, match="11-pixel window"):
            ssim_map(torch.rand(1, 3, 10, 32), torch.rand(1, 3, 10, 32))
        assert ssim_map(torch.rand(1, 3, 11, 32), torch.rand(1, 3, 11, 32)).shape == (1, 3, 1, 22)


class TestL1:
    @pytest.mark.parametrize(("height", "width"), [(64, 64), (5, 9)])
    def test_l1_is_the_mean_difference_on_zero_to_one(self, height: int, width: int) -> None:
        a, b = pictures("noise", height, width, 1)
        expected = np.abs(a.double().numpy() - b.double().numpy()).mean(axis=(1, 2, 3))
        assert l1(a, b).tolist() == pytest.approx(expected.tolist(), abs=1e-6)
        assert l1(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)).item() == 1.0


class TestForegroundMetrics:
    def test_foreground_versions_look_at_the_mask_only(self) -> None:
        metrics = pytest.importorskip("skimage.metrics")
        a, b = pictures("figures", 48, 64, 2)
        mask = torch.rand(3, 1, 48, 64, generator=torch.Generator().manual_seed(0)) > 0.7
        for i in range(3):
            x, y, m = a[i].permute(1, 2, 0).double().numpy(), b[i].permute(1, 2, 0).double().numpy(), mask[i, 0].numpy()
            assert foreground_l1(a, b, mask)[i].item() == pytest.approx(np.abs(x - y)[m].mean(), abs=1e-6)
            _, full = metrics.structural_similarity(
                x,
                y,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=1.0,
                channel_axis=2,
                full=True,
            )
            expected = full[5:-5, 5:-5][m[5:-5, 5:-5]].mean()
            assert foreground_ssim(a, b, mask)[i].item() == pytest.approx(expected, abs=1e-4)

    def test_everything_is_foreground_where_the_mask_is_full(self) -> None:
        a, b = pictures("noise", 32, 32, 3)
        mask = torch.ones(3, 1, 32, 32, dtype=torch.bool)
        torch.testing.assert_close(foreground_l1(a, b, mask), l1(a, b))
        torch.testing.assert_close(foreground_ssim(a, b, mask), ssim(a, b))

    def test_no_foreground_has_no_number(self) -> None:
        a, b = pictures("noise", 32, 32, 4)
        mask = torch.zeros(3, 1, 32, 32, dtype=torch.bool)
        mask[0, 0, 0, 0] = True  # in the corner: a pixel, but no window is centred on it
        assert foreground_l1(a, b, mask).isnan().tolist() == [False, True, True]
        assert foreground_ssim(a, b, mask).isnan().all()


class TestEveryMetric:
    def test_a_batch_is_measured_as_its_pictures_are(self) -> None:
        a, b = pictures("figures", 64, 64, 5, n=5)
        order = [3, 0, 4, 1, 2]
        for metric in (l1, ssim):
            alone = torch.cat([metric(a[i : i + 1], b[i : i + 1]) for i in order])
            torch.testing.assert_close(metric(a, b)[order], alone, atol=1e-6, rtol=0)

    def test_nan_is_not_hidden(self) -> None:
        a, b = pictures("noise", 32, 32, 6)
        a[1, 0, 16, 16] = torch.nan
        assert l1(a, b).isnan().tolist() == ssim(a, b).isnan().tolist() == [False, True, False]

    @pytest.mark.parametrize("metric", [l1, ssim])
    def test_sizes_that_differ(self, metric) -> None:
        with pytest.raises(ValueError, match="different sizes"):
            metric(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 33))
