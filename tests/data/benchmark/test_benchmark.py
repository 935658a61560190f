"""CaPTURe-Bench: its plan, the digest of a small part of it, and what changes the digest."""

import csv
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.benchmark.digest import digest_pairs
from capture.data.benchmark.drawing import OTHERS, STYLES, draw_pairs
from capture.data.benchmark.plan import (
    CHARACTERS,
    CLOSE,
    COUPLES,
    FAR,
    HELD_OUT_CLIPS,
    KINDS,
    PAIRS,
    TRAINING_CLIPS,
    partner,
    plan_pairs,
    proportions,
)
from capture.data.benchmark.write import write_archive, write_benchmark
from capture.data.open_data import open_data
from capture.data.toon.dataset import HELD_OUT_SEEDS
from capture.data.toon.plan import plan_clips
from capture.io.pairs import read_pairs
from tests.conftest import tiny_config

PART = {  # style -> digest of three pairs of each kind
    "shaded": "1801ec8770fbb31d94a6cd0c283326d9d084ae079b114b1196eec60ddd53f079",
    "flat": "d86e4671bb8b316d9f21d6549906a28b2966731f53c9a7fec5332cc58eabfd53",
    "outlined": "46c75a66faa7d4b2b5220bba0fdae2f67dd4cae17d3d2ed49a96075fd93dc969",
    "pixel": "0fb0d0475fb3c5f54e831f977ed6ca9676b6e2a2fd4dc544b76297ac8814ad63",
}


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark") / "part"
    manifest = write_benchmark(folder, pairs=3, workers=1, progress=False)
    assert manifest["digests"] == PART
    return folder


class TestPlan:
    def test_characters_are_held_out_and_couples_have_equal_proportions(self) -> None:
        assert set(CHARACTERS) <= set(HELD_OUT_SEEDS) and len(set(CHARACTERS)) == 12
        for a, b in COUPLES:
            assert np.abs(proportions(a) - proportions(b)).max() <= CLOSE
            assert partner(a) == b and partner(b) == a

    @pytest.mark.parametrize("kind", KINDS)
    def test_pairs_of_each_kind(self, kind: str) -> None:
        pairs = plan_pairs(kind)
        assert len({pair.name(role) for pair in pairs for role in pair.shots()}) == 3 * PAIRS
        assert [sum(p.identity.character_seed == c for p in pairs) for c in CHARACTERS] == [PAIRS // 12] * 12
        assert sum(pair.pose.clip in HELD_OUT_CLIPS for pair in pairs) == PAIRS // 2
        for pair in pairs:
            mine, theirs = pair.identity.character_seed, pair.pose.character_seed
            far = np.abs(proportions(mine) - proportions(theirs)).max()
            assert far <= CLOSE if kind == "same_proportions" else far >= FAR
            assert pair.target.character_seed == mine and pair.target.view == pair.pose.view
            assert pair.target.time == pair.pose.time and pair.identity.clip in TRAINING_CLIPS
            turn = abs(pair.pose.view.azimuth_degrees - pair.identity.view.azimuth_degrees)
            assert 60 <= turn <= 150 if kind == "turned_views" else abs(pair.pose.view.azimuth_degrees) <= 30

    def test_training_by_the_protocol_uses_no_held_out_clip_and_no_pair_shows_a_fall(self) -> None:
        """The commands of docs/BENCHMARK.md: prepare.py toon --clips 25 --test_clips 4, and --toon_test_clips 4."""
        trained, _ = plan_clips(25, 4, seed=0, views="all")
        assert not {plan.clip for plan in trained} & set(HELD_OUT_CLIPS)
        config = tiny_config("--dataset_path", "toon", "--toon_test_clips", "4")
        assert not set(open_data(config).train.clips) & set(HELD_OUT_CLIPS)
        shown = {shot.clip for kind in KINDS for pair in plan_pairs(kind) for shot in pair.shots().values()}
        assert not shown & {"fall", "turn"} and set(HELD_OUT_CLIPS) <= shown

    def test_a_smaller_plan_is_the_beginning_of_the_whole(self) -> None:
        assert plan_pairs("turned_views", 5) == plan_pairs("turned_views")[:5]


class TestDrawPairs:
    def test_a_pair_looks_the_same_whatever_is_drawn_with_it(self) -> None:
        """The palette of pixel art is that of the pair alone."""
        pairs = plan_pairs("same_proportions", 2)
        shots = [list(pair.shots().values()) for pair in pairs]
        together, alone = draw_pairs([*shots[0], *shots[1]], 64), draw_pairs(shots[1], 64)
        assert set(together) == {"shaded", *OTHERS}
        for style, drawn in alone.items():
            for output, pictures in drawn.items():
                assert torch.equal(together[style][output][3:], pictures), (style, output)


class TestWriteBenchmark:
    def test_lists_and_files(self, part: Path) -> None:
        for style in (part / name for name in STYLES):
            every = read_pairs(style / "pairs.csv")
            assert every == [pair for kind in KINDS for pair in read_pairs(style / f"{kind}.csv")] and len(every) == 9
            for pair in every:
                assert Image.open(pair.target).size == (128, 128)
                assert pair.identity_uv and pair.pose_uv and pair.target_uv
                assert (style / "mask" / pair.target.name).is_file()

    def test_styles_show_the_same_figures(self, part: Path) -> None:
        names = sorted(path.name for path in (part / "shaded" / "mask").iterdir())
        masks = {style: [np.array(Image.open(part / style / "mask" / name)) > 0 for name in names] for style in STYLES}
        pictures = {style: [np.array(Image.open(part / style / "imgs" / name)) for name in names] for style in STYLES}
        for style in ("flat", "outlined", "pixel"):
            for own, plain in zip(masks[style], masks["shaded"]):
                assert (own & plain).sum() / (own | plain).sum() > 0.75
            different = [(a != b).any(-1).mean() for a, b in zip(pictures[style], pictures["shaded"])]
            assert min(different) > 0.01
        art = pictures["pixel"][0]
        assert (art[::2, ::2] == art[1::2, 1::2]).all() and len(np.unique(art.reshape(-1, 3), axis=0)) <= 18

    def test_a_complete_folder_is_checked_and_another_one_refused(self, part: Path) -> None:
        assert write_benchmark(part, pairs=3, progress=False)["digests"] == PART
        with pytest.raises(CaptureError, match="prepared with other parameters"):
            write_benchmark(part, pairs=4, progress=False)

    def test_other_pixels_are_not_the_benchmark(self, part: Path, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr("capture.data.benchmark.write.PAIRS", 3)
        with pytest.raises(CaptureError, match="not CaPTURe-Bench 2: shaded has the digest"):
            write_benchmark(part, pairs=3, progress=False)

    def test_archives_are_the_same_bytes(self, part: Path, tmp_path: Path) -> None:
        for name in ("a.zip", "b.zip"):
            write_archive(part, tmp_path / name)
        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path)
        assert digest_pairs([tmp_path / "part" / "flat" / "pairs.csv"]) == PART["flat"]

    def test_an_archive_inside_the_benchmark_is_refused(self, part: Path) -> None:
        with pytest.raises(CaptureError, match="lies in .*; name a file beside it"):
            write_archive(part, part / "x.zip")

    def test_hidden_files_are_not_packed(self, part: Path, tmp_path: Path, monkeypatch) -> None:
        copy = shutil.copytree(part, tmp_path / "part")
        (copy / ".DS_Store").write_bytes(b"x")
        monkeypatch.chdir(copy)
        write_archive(Path("."), tmp_path / "b.zip")
        with zipfile.ZipFile(tmp_path / "b.zip") as archive:
            names = archive.namelist()
        assert names and all(name.startswith("part/") and ".DS_Store" not in name for name in names)

    def test_a_digest_writes_nothing_and_says_so(self, tmp_path: Path, bad_input) -> None:
        argv = (str(tmp_path / "out"), "--digest", str(tmp_path / "pairs.csv"))
        assert "--digest: it writes nothing" in bad_input("prepare.py", "benchmark", *argv)


class TestDigest:
    @pytest.fixture
    def copy(self, part: Path, tmp_path: Path) -> Path:
        shutil.copytree(part / "flat", tmp_path / "flat")
        return tmp_path / "flat"

    def test_packing_and_line_ends_change_nothing(self, copy: Path) -> None:
        for path in sorted(copy.glob("imgs/*.png"))[:3]:
            Image.open(path).save(path, compress_level=0)
        (copy / "pairs.csv").write_bytes((copy / "pairs.csv").read_bytes().replace(b"\n", b"\r\n"))
        assert digest_pairs([copy / "pairs.csv"]) == PART["flat"]

    @pytest.mark.parametrize(("mark", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16"), (", ", "cp1252")])
    def test_a_spreadsheets_marks_and_encoding_change_nothing(self, copy: Path, mark: str, encoding: str) -> None:
        text = (copy / "pairs.csv").read_text()
        (copy / "pairs.csv").write_bytes(text.replace(",", mark).encode(encoding))
        assert digest_pairs([copy / "pairs.csv"]) == PART["flat"]

    @pytest.mark.parametrize("kind", ["imgs", "uv", "mask"])
    def test_one_level_of_one_pixel_changes_it(self, copy: Path, kind: str) -> None:
        path = sorted((copy / kind).glob("*.png"))[4]
        pixels = np.array(Image.open(path))
        pixels[5, 7] ^= 1
        Image.fromarray(pixels).save(path)
        assert digest_pairs([copy / "pairs.csv"]) != PART["flat"]

    def test_another_order_of_pairs_changes_it(self, copy: Path) -> None:
        with open(copy / "pairs.csv", newline="") as file:
            header, *rows = csv.reader(file)
        with open(copy / "pairs.csv", "w", newline="") as file:
            csv.writer(file).writerows([header, *rows[::-1]])
        assert digest_pairs([copy / "pairs.csv"]) != PART["flat"]


class TestProgram:
    def test_digest_of_pairs_files(self, part: Path, run_main) -> None:
        assert run_main("prepare.py", "benchmark", "--digest", part / "flat" / "pairs.csv")[:2] == (
            0,
            PART["flat"] + "\n",
        )

    def test_a_folder_or_a_digest_is_asked_for(self, bad_input) -> None:
        assert "give a folder to write" in bad_input("prepare.py", "benchmark")
