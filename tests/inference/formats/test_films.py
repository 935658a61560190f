"""Frames into .mp4 and .webm: their times, their sound, their transparency, and that they are whole."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from capture.inference.formats.base import Timeline
from capture.inference.formats.mp4 import mp4_file
from capture.inference.formats.sound import has_sound
from capture.inference.formats.webm import webm_file
from capture.io.video import VideoReader
from tests.helpers.make_animations import moving_square, write_all
from tests.helpers.make_videos import make_film_with_sound, number, numbered

UNEVEN = [Fraction(v, 1000) for v in (0, 33, 66, 99, 132, 932, 1732, 2532, 2600)]
WRITERS = {"mp4": mp4_file, "webm": webm_file}
FORMS = pytest.mark.parametrize("form", list(WRITERS))


def write(context, count: int, size: tuple[int, int] = (64, 48)) -> None:
    write_all(context, [numbered(i, *size) for i in range(count)])


def sound_of(path) -> tuple[str, float, float]:
    """Codec, when its sound begins, and how long it is, in seconds."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        frames = list(file.decode(stream))
        begins = float(frames[0].pts * frames[0].time_base)
        return (
            stream.codec_context.codec.canonical_name,
            begins,
            sum(frame.samples for frame in frames) / frames[0].sample_rate,
        )


class TestTimes:
    @FORMS
    def test_frame_times_are_kept(self, tmp_path, form):
        path = tmp_path / f"a.{form}"
        write(WRITERS[form](path, Timeline(UNEVEN)), 8)
        with VideoReader(path) as reader:
            shown = [float(t) for t in reader.times]
            assert shown[:8] == pytest.approx([float(t) for t in UNEVEN[:8]], abs=0.001)
            assert [number(reader.read(i)) for i in range(8)] == list(range(8))
            if form == "mp4":
                assert shown[8] == pytest.approx(float(UNEVEN[8]), abs=0.001)

    @pytest.mark.parametrize("rate", [Fraction(12), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)])
    def test_common_rates_are_exact(self, tmp_path, rate):
        write(mp4_file(tmp_path / "a.mp4", Timeline([i / rate for i in range(11)])), 10)
        with VideoReader(tmp_path / "a.mp4") as reader:
            assert reader.rate == rate and len(reader) == 10

    def test_one_frame(self, tmp_path):
        write(mp4_file(tmp_path / "a.mp4", Timeline([Fraction(0), Fraction(2)])), 1)
        with VideoReader(tmp_path / "a.mp4") as reader:
            assert len(reader) == 1 and float(reader.times[-1]) == pytest.approx(2, abs=0.01)


class TestSound:
    @pytest.mark.parametrize(
        ("form", "name", "codec", "kept"),
        [("mp4", "a.mp4", "aac", "aac"), ("mp4", "a.mov", "pcm_s16le", "aac"), ("mp4", "a.mkv", "flac", "flac"),
         ("mp4", "a.mkv", "libopus", "opus"), ("mp4", "a.mp4", "libmp3lame", "mp3"),
         ("mp4", "a.avi", "pcm_s16le", "aac"), ("webm", "a.mp4", "aac", "opus"), ("webm", "a.mkv", "libopus", "opus"),
         ("webm", "a.mov", "pcm_s16le", "opus")],
    )  # fmt: skip
    def test_sound_is_kept_or_encoded(self, tmp_path, form, name, codec, kept):
        source = make_film_with_sound(tmp_path / name, codec, seconds=1.0)
        out = tmp_path / f"out.{form}"
        assert has_sound(source)
        with VideoReader(source) as reader:
            write(WRITERS[form](out, Timeline(reader.times, (), source, reader.start)), len(reader))
        found, begins, length = sound_of(out)
        assert found == kept
        assert abs(begins) < 0.06 and length == pytest.approx(1.0, abs=0.12)
        with VideoReader(out) as made:  # the pictures are not shifted by the sound
            assert abs(float(made.start)) < 0.001 and len(made) == 25

    @FORMS
    def test_longer_sound_ends_with_the_pictures(self, tmp_path, form):
        source = make_film_with_sound(tmp_path / "a.mp4", "aac", seconds=3.0)
        with VideoReader(source) as reader:
            timeline = Timeline(reader.times, (), source, reader.start)
            write(WRITERS[form](tmp_path / f"out.{form}", timeline), len(reader))
        assert sound_of(tmp_path / f"out.{form}")[2] < 1.2

    def test_films_without_sound(self, tmp_path):
        write(mp4_file(tmp_path / "a.mp4", Timeline([Fraction(i, 25) for i in range(5)])), 4)
        assert not has_sound(tmp_path / "a.mp4") and not has_sound(tmp_path / "gone.mp4")


class TestColours:
    @pytest.mark.parametrize(("form", "channels"), [("mp4", 3), ("webm", 3), ("webm", 4)])
    @pytest.mark.parametrize("colour", [(30, 200, 40), (200, 30, 30), (30, 60, 200), (255, 255, 255)])
    def test_colours_are_bt709_and_tagged_so(self, tmp_path, form, channels, colour):
        frames = [np.full((64, 64, channels), (*colour, 255)[:channels], np.uint8)] * 3
        write_all(WRITERS[form](tmp_path / f"a.{form}", Timeline([Fraction(i, 12) for i in range(4)])), frames)
        with av.open(str(tmp_path / f"a.{form}")) as file:
            tags = file.streams.video[0].codec_context
            assert (tags.color_primaries, tags.color_trc, tags.colorspace, tags.color_range) == (1, 1, 1, 1)
            frame = next(file.decode(video=0))
            assumed = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
            assert np.abs(assumed.astype(int) - colour).max() <= 3  # by a player that assumes BT.709
            assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - colour).max() <= 3  # by one that reads tags
        with VideoReader(tmp_path / f"a.{form}") as reader:
            assert np.abs(np.asarray(reader.read(0)).astype(int) - colour).max() <= 3


class TestTransparency:
    def test_webm_keeps_alpha(self, tmp_path):
        frames = moving_square(5, alpha=True, width=64, height=48)
        write_all(webm_file(tmp_path / "a.webm", Timeline([Fraction(i, 12) for i in range(6)])), frames)
        with VideoReader(tmp_path / "a.webm") as reader:
            for i in (0, 4):
                image = reader.read_upright(i)
                assert image.mode == "RGBA"
                alpha = np.asarray(image)[..., 3].astype(int)
                assert np.abs(alpha - frames[i][..., 3]).mean() < 4 and alpha[0, 0] < 8
                middle = np.asarray(image)[9, 5 + 3 * i, :3].astype(int)
                assert np.abs(middle - (200, 30, 30)).max() < 40  # colours at half the resolution

    def test_the_edge_of_a_transparent_webm_has_the_figures_colour(self, tmp_path):
        y, x = np.mgrid[:96, :96] + 0.5
        cover = np.clip(30.5 - np.hypot(x - 48, y - 48), 0, 1)[..., None]
        disc = np.concatenate([(cover > 0) * np.array([230, 40, 40]), np.round(cover * 255)], -1).astype(np.uint8)
        frames = [np.roll(disc, 2 * i, 1) for i in range(6)]
        write_all(webm_file(tmp_path / "a.webm", Timeline([Fraction(i, 12) for i in range(7)])), frames)
        with VideoReader(tmp_path / "a.webm") as reader:
            for i in range(6):
                shown = np.asarray(reader.read_upright(i)).astype(int)
                edge = shown[(shown[..., 3] > 20) & (shown[..., 3] < 235)]
                assert len(edge) > 50 and np.abs(edge[:, :3] - (230, 40, 40)).max() < 12

    def test_clear_frames_are_taken(self, tmp_path):
        frames = [np.zeros((48, 64, 4), np.uint8)] * 2
        write_all(webm_file(tmp_path / "a.webm", Timeline([Fraction(i, 12) for i in range(3)])), frames)
        with VideoReader(tmp_path / "a.webm") as reader:
            assert len(reader) == 2 and np.asarray(reader.read_upright(1))[..., 3].max() < 8

    def test_opaque_webm_has_no_alpha(self, tmp_path):
        write(webm_file(tmp_path / "a.webm", Timeline([Fraction(i, 12) for i in range(4)])), 3)
        with VideoReader(tmp_path / "a.webm") as reader:
            assert reader.read_upright(0).mode == "RGB"

    def test_mp4_composites_over_the_ground(self, tmp_path):
        frames = moving_square(3, alpha=True, width=64, height=48)
        write_all(mp4_file(tmp_path / "a.mp4", Timeline([Fraction(i, 12) for i in range(4)]), (10, 200, 90)), frames)
        with VideoReader(tmp_path / "a.mp4") as reader:
            corner = np.asarray(reader.read(1))[2, 60].astype(int)
            assert np.abs(corner - (10, 200, 90)).max() < 8

    @FORMS
    def test_odd_sides_are_taken(self, tmp_path, form):
        write(WRITERS[form](tmp_path / f"a.{form}", Timeline([Fraction(i, 12) for i in range(3)])), 2, (63, 47))
        with VideoReader(tmp_path / f"a.{form}") as reader:
            assert reader.read(1).size == ((64, 48) if form == "mp4" else (63, 47))


@FORMS
def test_nothing_is_left_of_a_film_that_breaks_off(tmp_path, form):
    with pytest.raises(KeyError), WRITERS[form](tmp_path / f"a.{form}", Timeline(UNEVEN)) as add:
        add(numbered(0, 64, 48))
        raise KeyError
    assert not list(tmp_path.iterdir())
