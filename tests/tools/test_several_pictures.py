"""Several pictures of a character, measured where they should help."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch

from capture.common.errors import command_line
from capture.data.toon.rendering.camera import Shot, View
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from tests.conftest import tiny_config
from tools import several_pictures
from tools.several_pictures import METRICS, ROWS, TURNED, Drawn, draw, head_yaw, measure, outputs, table

SIZE = 32


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw(3, SIZE)


class TestHeadYaw:
    @pytest.mark.parametrize("azimuth", (0, 90, -90, 45))
    def test_a_camera_that_goes_round_turns_the_head_the_other_way(self, azimuth):
        front = Shot(5, "idle", 1, 0.3, View(0.0))
        start, turned = head_yaw([front, replace(front, view=View(float(azimuth)))]).tolist()
        assert abs(start) < 25  # idle looks about a little
        assert (start - turned) % 360 == pytest.approx(azimuth % 360, abs=6)  # the camera looks down by six degrees

    def test_a_character_from_behind_looks_away(self):
        assert abs(head_yaw([Shot(5, "idle", 1, 0.3, View(180.0))]).item()) > 155


class TestDraw:
    def test_pictures_of_one_character_differ_by_side_alone(self, drawn):
        assert set(drawn.pictures) >= {name for row in ROWS for name in row}
        assert all(pictures.shape == (3, 3, SIZE, SIZE) for pictures in drawn.pictures.values())
        assert not torch.equal(drawn.pictures["front"], drawn.pictures["back"])

    def test_hidden_pixels_are_some_of_the_figure(self, drawn):
        assert (drawn.hidden <= drawn.figure).all()
        assert 0 < drawn.hidden.sum() < drawn.figure.sum()
        assert ((drawn.turn >= 0) & (drawn.turn <= 180)).all()

    def test_only_pairs_with_a_turned_head(self):
        chosen = draw(2, SIZE, turned=True)
        assert len(chosen.pose) == 2 and (chosen.turn > TURNED).all()


class TestOutputs:
    def test_more_pictures_change_the_output_of_a_method_in_layers(self, drawn):
        config = tiny_config("--method", "capture_parts")
        torch.manual_seed(0)
        transfer = PoseTransfer(build_generator(config), config, torch.device("cpu"))
        own = draw(2, transfer.size)
        one, four = (outputs(transfer, own, row) for row in (ROWS[0], ROWS[-1]))
        assert one.shape == four.shape == own.target.shape and one.dtype == torch.uint8


class TestTable:
    def test_rows_have_means_and_the_difference_from_one_picture(self):
        first = torch.tensor([[0.2, 0.1, 0.1, 0.3], [0.4, 0.1, 0.1, torch.nan], [9, 9, 9, 9]]).double()
        better = first - torch.tensor([0.1, 0, 0, 0]).double()
        lines = table({"front": first, "front, back": better}, torch.tensor([True, True, False])).splitlines()
        assert all(name in lines[0] for name in METRICS)
        assert lines[2] == "| front | 0.3000 | 0.1000 | 0.1000 | 0.3000 |  |"
        assert lines[3].startswith("| front, back | 0.2000 | 0.1000 | 0.1000 | 0.3000 | -0.1000 (-0.1000 to -0.1000)")


class TestMeasure:
    def test_an_output_that_is_the_target_has_no_error(self, drawn):
        values = measure(drawn.target, drawn, lambda a, b: (a - b).abs().flatten(1).mean(1))
        assert values.shape == (3, len(METRICS)) and values.nan_to_num(0.0).max() == 0


@pytest.fixture
def program(monkeypatch, capsys, drawn):
    """Run the program on untrained weights, with a stand-in for LPIPS where `lpips`: -> (exit status, stderr)."""

    def load(folder, *_):
        config = tiny_config("--method", "capture_parts")
        torch.manual_seed(0)
        return PoseTransfer(build_generator(config), config, torch.device("cpu"))

    def run(*argv, lpips=False):
        if lpips:
            distance = lambda a, b: (a - b).abs().flatten(1).mean(1)  # noqa: E731
            monkeypatch.setattr(several_pictures, "load_perceptual", lambda folder: distance)
        monkeypatch.setattr(several_pictures.PoseTransfer, "load", load)
        monkeypatch.setattr(sys, "argv", ["several_pictures", "result", *map(str, argv)])
        with pytest.raises(SystemExit) as stop:
            command_line(several_pictures.main)()
        return stop.value.code or 0, capsys.readouterr().err

    return run


def refuse(*_):
    raise AssertionError("it should have ended before this")


class TestProgram:
    def test_missing_weights_are_one_line_before_anything_is_drawn(self, program, tmp_path, monkeypatch):
        monkeypatch.setattr(several_pictures, "draw", refuse)
        status, error = program("--weights", tmp_path)
        assert status == 2 and len(error.splitlines()) == 1
        assert error.startswith(f"error: alexnet-owt-7be5be79.pth is not in {tmp_path}; get it from https://")

    def test_a_file_that_cannot_be_written_is_one_line_before_anything_is_loaded(self, program, tmp_path, monkeypatch):
        monkeypatch.setattr(several_pictures, "load_perceptual", refuse)
        (tmp_path / "file").write_text("")
        for out, problem in (
            (tmp_path, "a folder; name a file in it"),
            (tmp_path / "file" / "x.pt", "can't be written"),
        ):
            status, error = program("--out", out)
            assert status == 2 and len(error.splitlines()) == 1 and problem in error, error

    def test_the_numbers_are_written_whole_or_not_at_all(self, program, tmp_path, monkeypatch):
        out = tmp_path / "new" / "x.pt"
        assert program("--pairs", 2, "--out", out, lpips=True) == (0, "")
        assert set(torch.load(out)["measured"]) == {", ".join(row) for row in ROWS}
        before = out.read_bytes()

        def fail(numbers, file):
            file.write(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(torch, "save", fail)
        status, error = program("--pairs", 2, "--out", out, lpips=True)
        assert status == 2 and "x.pt: can't be written (No space left on device)" in error
        assert [path.name for path in out.parent.iterdir()] == ["x.pt"] and out.read_bytes() == before
