"""What people name on the command line: folders in natural order, animations as identities, drivers, lines."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.common.passed_over import passed_over_line
from capture.inference.inputs import Driver, Listing, Notes, natural_order, open_identity, passed_over_lines
from tests.helpers.make_figures import person, place, save_animation
from tests.helpers.make_videos import make_video, number


def moving(colours=((255, 0, 0), (0, 0, 255))) -> list[Image.Image]:
    return [Image.new("RGB", (16, 12), colour) for colour in colours]


class TestNaturalOrder:
    @pytest.mark.parametrize(
        "names",
        [["frame1", "frame2", "frame10"], ["1", "2", "10", "a"], ["a1b2", "a1b10", "a2b1"], ["007", "8", "09", "010"],
         ["Frame 2", "frame 3", "Frame 10"]],
    )  # fmt: skip
    def test_numbers_count_as_numbers(self, names):
        paths = [Path(f"{name}.png") for name in names]
        assert sorted(reversed(paths), key=natural_order) == paths

    def test_any_names_are_ordered(self):
        sorted((Path(name) for name in ("²", "x", "10", "", "٣", "a.png", "-1")), key=natural_order)


class TestListing:
    def test_pictures_videos_and_the_rest(self, tmp_path):
        for name in ("b10.png", "b2.jfif", "c.avif"):
            Image.new("RGB", (8, 8)).save(tmp_path / name, "JPEG" if name.endswith("jfif") else None)
        make_video(tmp_path / "film.mp4", 2).rename(tmp_path / "film.m4v")
        save_animation(tmp_path / "moving.gif", moving(), 80)
        (tmp_path / "notes.txt").write_text("hello")
        (tmp_path / ".hidden.txt").write_text("hello")
        (tmp_path / "more").mkdir()
        listing = Listing.of(tmp_path)
        assert [p.name for p in listing.pictures] == ["b2.jfif", "b10.png", "c.avif"]
        assert [p.name for p in listing.videos] == ["film.m4v", "moving.gif"]
        assert [p.name for p in listing.passed_over] == ["more", "notes.txt"]
        assert "2 passed over" in passed_over_line(tmp_path, listing.passed_over)
        assert "more/, notes.txt" in passed_over_line(tmp_path, listing.passed_over)

    def test_lines_name_films_among_identities(self, tmp_path):
        make_video(tmp_path / "who" / "film.mp4", 2)
        make_video(tmp_path / "poses" / "film.mp4", 2)
        (line,) = passed_over_lines(tmp_path / "who", tmp_path / "poses", sequence=False)
        assert "who: 1 passed over" in line and "film.mp4" in line
        assert len(passed_over_lines(tmp_path / "who", tmp_path / "poses", sequence=True)) == 2

    def test_many_files_are_counted(self, tmp_path):
        files = [tmp_path / f"{i}.txt" for i in range(12)]
        assert passed_over_line(tmp_path, files).endswith("0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 7 more")
        assert passed_over_line(tmp_path, []) == ""


class TestIdentities:
    def test_the_first_figure_of_an_animation(self, tmp_path):
        figure = place([(person(60), (2, 2))], (255, 255, 255), (64, 64))
        blank = [Image.new("RGB", (64, 64), (level,) * 3) for level in (255, 240)]
        path = save_animation(tmp_path / "a.gif", [*blank, figure, figure.rotate(5)], 80)
        image, note = open_identity(path)
        assert "frame 3" in note and "2 before it are blank" in note and image.convert("L").getextrema()[0] < 100

    @pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
    def test_blank_transparent_frames_are_passed_over(self, tmp_path, name):
        figure, blank = person(64), Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        path = save_animation(tmp_path / name, [blank, figure], 80)
        image, note = open_identity(path)
        assert "frame 2" in note and "one before it is blank" in note and image.size == (64, 64)

    def test_all_blank(self, tmp_path):
        frames = [Image.new("RGB", (16, 16), colour) for colour in ((255, 255, 255), (250, 250, 250))]
        assert "all of them blank" in open_identity(save_animation(tmp_path / "a.gif", frames, 80))[1]

    def test_still_pictures_have_no_note(self, tmp_path):
        person(32).save(tmp_path / "a.gif")
        assert open_identity(tmp_path / "a.gif")[1] == ""


class TestDriver:
    def test_a_film(self, tmp_path):
        path = make_video(tmp_path / "a.mp4", 3, times=[0, 40, 500])
        with Driver(path) as driver:
            assert len(driver) == 3 and driver.sound == path
            assert [float(t) for t in driver.times[:3]] == pytest.approx([0, 0.04, 0.5])
            assert [number(driver.read(i).convert("RGB")) for i in range(3)] == [0, 1, 2]

    def test_a_folder_of_frames_in_natural_order(self, tmp_path):
        for i in (10, 9, 2):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / f"frame{i}.png")
        with Driver(tmp_path) as driver:
            assert [driver.read(i).getpixel((0, 0))[0] for i in range(3)] == [2, 9, 10]
            assert driver.times == [Fraction(i, 25) for i in range(4)] and driver.sound is None

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(CaptureError, match="no pictures in this folder"):
            Driver(tmp_path)


def test_a_note_names_three_files_and_counts_the_others():
    lines: list[str] = []
    notes = Notes(lines.append)
    for i in range(7):
        notes.add(Path(f"{i}.png"), "scaled")
    notes.add(Path("x.png"), "")
    notes.finish()
    assert lines == ["0.png: scaled", "1.png: scaled", "2.png: scaled", "and 4 more files: scaled"]
