"""Which picture answers which pair."""

from pathlib import Path

import pytest

from capture.common.errors import CaptureError
from capture.evaluation.predictions import match_predictions
from capture.io.pairs import Pair


def pairs(*targets: str) -> list[tuple[int, Pair]]:
    return [(i, Pair(Path("x.png"), Path("y.png"), Path("imgs", name))) for i, name in enumerate(targets)]


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def names(found: list[Path]) -> list[str]:
    return [path.name for path in found]


class TestMatchPredictions:
    def test_pictures_named_after_the_place_of_their_pair(self, tmp_path: Path) -> None:
        folder = touch(tmp_path, "00001.png", "00000.jpg", "00002.png", "notes.txt")
        assert names(match_predictions(folder, pairs("a.png", "b.png", "a.png"))) == [
            "00000.jpg",
            "00001.png",
            "00002.png",
        ]
        assert names(match_predictions(folder, pairs("a.png", "b.png", "a.png")[1:])) == ["00001.png", "00002.png"]

    def test_pictures_named_after_their_target(self, tmp_path: Path) -> None:
        assert names(match_predictions(touch(tmp_path, "a.png", "b.jpg"), pairs("b.png", "a.png"))) == [
            "b.jpg",
            "a.png",
        ]

    @pytest.mark.parametrize(
        ("files", "targets", "match"),
        [
            (["00000.png"], ["a.png", "b.png"], "no picture for pair 1; name it 00001.png .* b.png"),
            (["a.png"], ["a.png", "b.png"], "no picture for pair 1"),
            ([], ["a.png"], "no picture for pair 0"),
            (["a.png"], ["a.png", "a.png"], "no picture for pair"),  # one file can't be two answers
            (["00000.png", "00001.png"], ["00001.png", "00000.png"], "places and after their targets"),
            (["a.png", "a.jpg"], ["a.png"], "a.jpg and a.png answer the same pair"),
        ],
    )
    def test_ambiguous_or_missing_pictures_are_refused(
        self, tmp_path: Path, files: list[str], targets: list[str], match: str
    ) -> None:
        with pytest.raises(CaptureError, match=match):
            match_predictions(touch(tmp_path, *files), pairs(*targets))

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="no such folder of pictures"):
            match_predictions(tmp_path / "gone", pairs("a.png"))
