"""Measuring rows of files: the right picture against the right target, whatever the batches."""

from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image

from capture.common.errors import CaptureError
from capture.evaluation.measure import PER_PAIR, Row, measure
from capture.evaluation.parallel import Workers
from capture.evaluation.report import ranking, write_report
from capture.io.images import load_image, png_bytes
from capture.io.pairs import Pair
from capture.metrics.foreground import load_foreground
from capture.metrics.image import foreground_l1, foreground_ssim, l1, ssim
from capture.metrics.lpips import Perceptual

N, SIZE = 5, 32


@pytest.fixture(scope="module")
def perceptual() -> Perceptual:
    torch.manual_seed(0)
    return Perceptual("squeeze", torchvision.models.squeezenet1_1(weights=None).state_dict())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Targets with a figure on white, and the same ones spoilt more and more."""
    folder, random = tmp_path_factory.mktemp("pictures"), torch.Generator().manual_seed(1)
    out = {"target": [], "made": []}
    for i in range(N):
        target = torch.full((3, SIZE, SIZE), 255, dtype=torch.uint8)
        target[:, 8:24, 10:20] = torch.randint(0, 200, (3, 16, 10), generator=random, dtype=torch.uint8)
        made = target.clone()
        made[:, : 6 * (i + 1)] = made[:, : 6 * (i + 1)] // 2
        for name, picture in (("target", target), ("made", made)):
            path = folder / f"hero{i % 2}__walk__{name}{i}.png"
            path.write_bytes(png_bytes(picture))
            out[name].append(path)
    return out


class TestMeasure:
    def test_every_number_is_that_of_its_own_pair(self, files, perceptual) -> None:
        rows = [Row("copy", "floor", files["target"], framed=True), Row("made", "result", files["made"])]
        (copy, made), features = measure(rows, files["target"], SIZE, perceptual, None, Workers(), batch_size=2)
        assert features is None and made.features is None
        assert copy.values.tolist() == [[0, 1, 0, 0, 1]] * N
        for i in range(N):
            a, b = (load_image(files[name][i], SIZE)[None] / 255 for name in ("made", "target"))
            mask = load_foreground(files["target"][i], SIZE)[None]
            expected = [l1(a, b), ssim(a, b), perceptual(a, b), foreground_l1(a, b, mask), foreground_ssim(a, b, mask)]
            assert made.values[i].tolist() == pytest.approx([value.item() for value in expected], abs=1e-6)

    def test_batch_size_and_order_change_nothing(self, files, perceptual) -> None:
        def values(order: list[int], batch_size: int) -> torch.Tensor:
            made, target = ([files[name][i] for i in order] for name in ("made", "target"))
            (row,), _ = measure([Row("made", "result", made)], target, SIZE, perceptual, None, Workers(), batch_size)
            return row.values

        expected = values([0, 1, 2, 3, 4], 5)
        torch.testing.assert_close(values([0, 1, 2, 3, 4], 1), expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(values([3, 1, 4, 0, 2], 2), expected[[3, 1, 4, 0, 2]], atol=1e-6, rtol=0)

    def test_no_lpips_is_no_number_and_not_a_zero(self, files) -> None:
        (row,), _ = measure([Row("made", "result", files["made"])], files["target"], SIZE, None, None, Workers())
        assert row.values.isnan().all(0).tolist() == [name == "lpips" for name in PER_PAIR]
        assert ranking(row.values) == ("l1", [0, 1, 2, 3, 4])

    def test_dists_has_a_column_of_its_own(self, files) -> None:
        def dists(a, b):
            """In place of the network: what it is given, to see that it is pictures in [0, 1]."""
            assert a.shape == b.shape and a.min() >= 0 and a.max() <= 1
            return (a - b).abs().amax((1, 2, 3))

        row = Row("made", "result", files["made"])
        (made,), _ = measure([row], files["target"], SIZE, None, None, Workers(), batch_size=2, dists=dists)
        assert made.columns == (*PER_PAIR, "dists")
        assert made.column("dists").tolist() == pytest.approx([128 / 255] * N)
        assert made.column("ssim_foreground").isnan().sum() == 0

    def test_a_picture_of_another_size_is_not_resized(self, files, tmp_path: Path) -> None:
        Image.new("RGB", (16, 32)).save(tmp_path / "odd.png")
        with pytest.raises(CaptureError, match="odd.png: 16x32, but this evaluation is at 32x32"):
            measure([Row("x", "prediction", [tmp_path / "odd.png"])], files["target"][:1], SIZE, None, None, Workers())


class TestReport:
    def test_files_rows_and_sheets_of_the_report(self, files, tmp_path: Path) -> None:
        rows = [Row("pose returned", "floor", files["target"], framed=True), Row("my/method", "result", files["made"])]
        measured, _ = measure(rows, files["target"], SIZE, None, None, Workers())
        pairs = [(10 + i, Pair(files["target"][i], files["made"][i], files["target"][i])) for i in range(N)]
        write_report(tmp_path, files["target"][0].parent, pairs, rows, measured, SIZE)
        assert {path.name for path in tmp_path.iterdir()} == {
            "pairs.csv",
            "characters.csv",
            "clips.csv",
            "my_method_best.png",
            "my_method_worst.png",
        }
        lines = (tmp_path / "pairs.csv").read_text().splitlines()
        assert len(lines) == 1 + 2 * N and lines[-1].startswith("my/method,14,hero0,walk,")
        expected = measured[1].values[[1, 3], 0].mean().item()
        characters = (tmp_path / "characters.csv").read_text().splitlines()
        (hero1,) = [line for line in characters if line.startswith("my/method,hero1")]
        assert hero1.split(",")[2:5] == ["2", f"{expected:.6f}", f"{measured[1].values[[1, 3], 1].mean():.6f}"]
        assert len((tmp_path / "clips.csv").read_text().splitlines()) == 1 + 2
        # the worst comes first on its sheet: below the headings, right of the numbers, in the fourth column
        sheet = Image.open(tmp_path / "my_method_worst.png").convert("RGB")
        left, top = 96 + 2 + 3 * (SIZE + 2), 16 + 2
        assert sheet.crop((left, top, left + SIZE, top + SIZE)).tobytes() == Image.open(files["made"][4]).tobytes()
