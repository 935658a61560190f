"""The page of an evaluation: complete, self-contained, and safe from what names hold."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from PIL import Image

from capture.evaluation.evaluation import tabulate
from capture.evaluation.learning_curves import read_curves, read_staged_curves
from capture.evaluation.measure import Row, measure
from capture.evaluation.page.curve_drawing import curves_section, short, ticks
from capture.evaluation.page.examples import LARGEST, data_url
from capture.evaluation.page.page import page
from capture.evaluation.parallel import Workers
from capture.io.images import png_bytes
from capture.io.pairs import Pair

N, SIZE = 6, 32
HOSTILE = "<script>alert('1')</script>\"&"


class Reader(HTMLParser):
    """Collects the tags, and fails where they are not nested."""

    VOID = {"meta", "img", "input", "br", "line", "circle", "path"}

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def write_metrics(folder: Path) -> Path:
    folder.mkdir(parents=True)
    rows = [(1, 100, 10.0, 0.3), (2, 200, 20.0, 0.2), (3, 300, 20.0, 0.1)]
    (folder / "metrics.jsonl").write_text(
        "".join(
            f'{{"epoch": {e}, "step": {e}, "samples": {n}, "samples_per_second": {r}, "val_L1": {v}}}\n'
            for e, n, r, v in rows
        )
    )
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of two floors and a method with a hostile name, on targets with hostile names."""
    folder, random = tmp_path_factory.mktemp("page"), torch.Generator().manual_seed(0)
    files: dict[str, list[Path]] = {"target": [], "made": []}
    for i in range(N):
        for name in files:
            path = folder / f"<b>hero{i % 2}&__walk'\"__{name}{i}.png"
            path.write_bytes(png_bytes(torch.randint(0, 256, (3, SIZE, SIZE), generator=random, dtype=torch.uint8)))
            files[name].append(path)
    pairs = [(10 + i, Pair(files["made"][i], files["made"][i], files["target"][i])) for i in range(N)]
    rows = [
        Row("pose returned", "floor", files["made"], framed=True),
        Row("answer", "result", files["target"]),
        Row(HOSTILE, "prediction", files["made"], note="see <there>"),
    ]
    measured, _ = measure(rows, files["target"], SIZE, None, None, Workers())
    table = tabulate(rows, measured, None, {"samples": "6 <of> 6"}, {"lpips": "get <it>"}, intervals=True)
    run = write_metrics(folder / "run")
    return page(table, folder, pairs, rows, measured, SIZE, [(HOSTILE, run), ("none", folder)])


@pytest.fixture(scope="module")
def read(made: str) -> Reader:
    reader = Reader()
    reader.feed(made)
    reader.close()
    assert reader._open == []
    return reader


class TestPage:
    def test_all_sections_are_there(self, read: Reader) -> None:
        sections = [attrs["id"] for attrs in read.named("section")]
        assert sections == ["table", "intervals", "curves", "pairs", "groups", "protocol"]
        assert [attrs["href"] for attrs in read.named("a")] == [f"#{name}" for name in sections]

    def test_the_page_asks_for_nothing(self, made: str, read: Reader) -> None:
        sources = [
            value for _, attrs in read.tags for name, value in attrs.items() if name in ("src", "href", "srcset")
        ]
        assert sources and all(value.startswith(("data:image/webp;base64,", "#")) for value in sources)
        assert not re.search(r"https?://|@import|url\(", made)
        assert any("default-src 'none'" in (attrs.get("content") or "") for attrs in read.named("meta"))

    def test_names_are_escaped(self, made: str, read: Reader) -> None:
        assert len(read.named("script")) == 1 and read.named("b")
        assert "<script>alert" not in made and "<b>hero" not in made and "<it>" not in made and "<there>" not in made
        text = "".join(read.text)
        assert HOSTILE in text and "<b>hero0&" in text and "walk'\"" in text and "6 <of> 6" in text

    def test_every_method_has_random_best_and_worst_pairs(self, read: Reader) -> None:
        buttons = read.named("button")
        compared = [attrs["aria-label"] for attrs in buttons if attrs.get("class") == "compare"]
        for name in ("answer", HOSTILE):  # 6 random pairs, 4 best ones and the 2 that are left
            assert sum(label.startswith(f"compare {name}, pair") for label in compared) == 12
        assert not any("pose returned" in label for label in compared)
        assert all(attrs["alt"] for attrs in read.named("img"))

    def test_numbers_of_the_table_and_their_marks(self, made: str) -> None:
        assert "<b>0.0000</b>" in made  # the answer beats the other rows in L1
        assert made.count('<span class="pm"> ±') == 6  # L1 and SSIM of three rows

    def test_slider_is_an_input_that_keys_move(self, read: Reader) -> None:
        (slider,) = read.named("input")
        assert slider["type"] == "range" and slider["aria-label"]


class TestPictures:
    def test_pictures_are_bounded_and_small_ones_are_exact(self) -> None:
        import base64
        import io

        def decoded(image: Image.Image) -> Image.Image:
            return Image.open(io.BytesIO(base64.b64decode(data_url(image).split(",")[1])))

        assert decoded(Image.new("RGB", (900, 300))).size == (LARGEST, round(LARGEST / 3))
        noise = torch.randint(0, 256, (40, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        image = Image.fromarray(noise.numpy())
        assert decoded(image).convert("RGB").tobytes() == image.tobytes()


class TestLearningCurves:
    def test_seconds_follow_from_the_rate_of_each_epoch(self, tmp_path: Path) -> None:
        (curve,) = read_curves([("run", write_metrics(tmp_path / "run")), ("none", tmp_path)], "val_L1")
        assert (curve.name, curve.samples, curve.values) == ("run", [100, 200, 300], [0.3, 0.2, 0.1])
        assert curve.seconds == [10, 15, 20]
        assert curve.clock == "seconds"
        assert read_curves([("run", tmp_path / "run")], "val_LPIPS") == []

    def test_seconds_are_the_processor_s_where_every_run_knows_them(self, tmp_path: Path) -> None:
        runs = [("old", write_metrics(tmp_path / "old")), ("new", write_metrics(tmp_path / "new"))]
        path = tmp_path / "new" / "metrics.jsonl"
        path.write_text(path.read_text().replace('"val_L1"', '"samples_per_cpu_second": 50.0, "val_L1"'))
        assert [(curve.clock, curve.seconds) for curve in read_curves(runs, "val_L1")] == [
            ("seconds", [10, 15, 20])
        ] * 2
        (curve,) = read_curves(runs[1:], "val_L1")
        assert (curve.clock, curve.seconds) == ("processor seconds", [2, 4, 6])
        drawn = curves_section(runs[1:])
        assert "val_L1 against processor seconds" in drawn and "against seconds" not in drawn

    def test_a_later_stage_counts_from_the_end_of_the_one_before(self, tmp_path: Path) -> None:
        stages = [write_metrics(tmp_path / "texture"), tmp_path / "missing", write_metrics(tmp_path / "picture")]
        (curve,) = read_staged_curves([("run", stages)], "val_L1")
        assert curve.samples == [100, 200, 300, 400, 500, 600] and curve.seconds == [10, 15, 20, 30, 35, 40]

    def test_panels_of_a_run(self, tmp_path: Path) -> None:
        drawn = curves_section([("run", write_metrics(tmp_path / "run"))])
        assert "val_L1 against samples" in drawn and "val_L1 against seconds" in drawn and "val_LPIPS" not in drawn
        assert drawn.count("<path") == 2 and "NaN" not in drawn
        assert curves_section([("none", tmp_path)]) == ""

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [(0, 8000, [0, 2000, 4000, 6000, 8000]), (0.011, 0.034, [0.01, 0.02, 0.03, 0.04]), (0.5, 0.5, [0.4, 0.6])],
    )
    def test_ticks_are_round(self, low: float, high: float, expected: list[float]) -> None:
        found = ticks(low, high)
        assert found[: len(expected)] == pytest.approx(expected) and found[0] <= low and found[-1] >= high

    def test_short_numbers(self) -> None:
        assert [short(x) for x in (0, 0.05, 250_000, 1_500_000)] == ["0", "0.05", "250k", "1.5M"]
