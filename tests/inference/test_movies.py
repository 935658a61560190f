"""Frames into .mp4, .gif and .png files: their times, their sound, and that they are whole."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from capture.inference.movies import gif_file, has_sound, mp4_file, png_folder
from capture.io.images import open_rgb
from capture.io.video import VideoReader
from tests.helpers.make_videos import make_film_with_sound, number, numbered

UNEVEN = [Fraction(v, 1000) for v in (0, 33, 66, 99, 132, 932, 1732, 2532, 2600)]


def write(context, count: int, size: tuple[int, int] = (64, 48)) -> None:
    with context as add:
        for i in range(count):
            add(numbered(i, *size))


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


class TestMp4:
    def test_frame_times_are_kept(self, tmp_path):
        write(mp4_file(tmp_path / "a.mp4", UNEVEN), 8)
        with VideoReader(tmp_path / "a.mp4") as reader:
            assert [float(t) for t in reader.times] == pytest.approx([float(t) for t in UNEVEN], abs=0.0005)
            assert [number(reader.read(i)) for i in range(8)] == list(range(8))

    @pytest.mark.parametrize("rate", [Fraction(12), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)])
    def test_common_rates_are_exact(self, tmp_path, rate):
        write(mp4_file(tmp_path / "a.mp4", [i / rate for i in range(11)]), 10)
        with VideoReader(tmp_path / "a.mp4") as reader:
            assert reader.rate == rate and len(reader) == 10

    def test_one_frame(self, tmp_path):
        write(mp4_file(tmp_path / "a.mp4", [Fraction(0), Fraction(2)]), 1)
        with VideoReader(tmp_path / "a.mp4") as reader:
            assert len(reader) == 1 and float(reader.times[-1]) == pytest.approx(2, abs=0.01)


class TestSound:
    @pytest.mark.parametrize(
        ("name", "codec", "kept"),
        [("a.mp4", "aac", "aac"), ("a.mov", "pcm_s16le", "aac"), ("a.mkv", "flac", "flac"),
         ("a.mkv", "libopus", "opus"), ("a.mp4", "libmp3lame", "mp3"), ("a.avi", "pcm_s16le", "aac")],
    )  # fmt: skip
    def test_sound_is_kept_or_encoded(self, tmp_path, name, codec, kept):
        source = make_film_with_sound(tmp_path / name, codec, seconds=1.0)
        assert has_sound(source)
        with VideoReader(source) as reader:
            write(mp4_file(tmp_path / "out.mp4", reader.times, source, reader.start), len(reader))
        found, begins, length = sound_of(tmp_path / "out.mp4")
        assert found == kept
        assert abs(begins) < 0.06 and length == pytest.approx(1.0, abs=0.12)

    def test_longer_sound_ends_with_the_pictures(self, tmp_path):
        source = make_film_with_sound(tmp_path / "a.mp4", "aac", seconds=3.0)
        with VideoReader(source) as reader:
            write(mp4_file(tmp_path / "out.mp4", reader.times, source, reader.start), len(reader))
        assert sound_of(tmp_path / "out.mp4")[2] < 1.2

    def test_films_without_sound(self, tmp_path):
        write(mp4_file(tmp_path / "a.mp4", [Fraction(i, 25) for i in range(5)]), 4)
        assert not has_sound(tmp_path / "a.mp4") and not has_sound(tmp_path / "gone.mp4")


class TestOtherForms:
    def test_gif(self, tmp_path):
        times = [Fraction(v, 100) for v in (0, 5, 45, 55, 80)]
        write(gif_file(tmp_path / "a.gif", times), 4)
        with VideoReader(tmp_path / "a.gif") as reader:
            assert [float(t) for t in reader.times] == pytest.approx([float(t) for t in times])
            assert [number(reader.read(i)) for i in range(4)] == [0, 1, 2, 3]

    def test_png(self, tmp_path):
        write(png_folder(tmp_path / "a", [Fraction(i, 25) for i in range(4)]), 3)
        assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["00000.png", "00001.png", "00002.png"]
        assert np.array_equal(np.asarray(open_rgb(tmp_path / "a" / "00002.png")), numbered(2, 64, 48))


def test_nothing_is_left_of_a_film_that_breaks_off(tmp_path):
    with pytest.raises(KeyError), mp4_file(tmp_path / "a.mp4", UNEVEN) as add:
        add(numbered(0, 64, 48))
        raise KeyError
    assert not list(tmp_path.iterdir())
