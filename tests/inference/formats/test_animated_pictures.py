"""GIF, APNG and WebP, written and read back by Pillow: times, transparency, exact colours, and that they are whole."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from capture.inference.formats.apng import apng_file
from capture.inference.formats.base import Timeline
from capture.inference.formats.gif import gif_file
from capture.inference.formats.webp import webp_file
from capture.io.video import VideoReader
from tests.helpers.make_animations import moving_square, write_all
from tests.helpers.make_videos import number, numbered

WRITERS = {"gif": gif_file, "png": apng_file, "webp": webp_file}
FORMS = pytest.mark.parametrize("form", list(WRITERS))
TIMES = [Fraction(v, 100) for v in (0, 5, 45, 55, 80, 92)]


def read_back(path) -> tuple[list[np.ndarray], list[float]]:
    """Every frame as RGBA, uint8 (H, W, 4), and its duration in ms, by Pillow."""
    frames, durations = [], []
    with Image.open(path) as image:
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            frames.append(np.asarray(image.convert("RGBA")))
            durations.append(image.info["duration"])
    return frames, durations


class TestTimes:
    @FORMS
    def test_frame_times_are_kept(self, tmp_path, form):
        write_all(WRITERS[form](tmp_path / f"a.{form}", Timeline(TIMES)), [numbered(i, 64, 48) for i in range(5)])
        with VideoReader(tmp_path / f"a.{form}") as reader:
            assert [float(t) for t in reader.times] == pytest.approx([float(t) for t in TIMES])
            assert [number(reader.read(i)) for i in range(5)] == list(range(5))

    def test_rounding_to_hundredths_is_carried_over(self, tmp_path):
        timeline = Timeline([Fraction(i, 24) for i in range(25)])
        write_all(gif_file(tmp_path / "a.gif", timeline), moving_square(24, alpha=False, width=100))
        durations = read_back(tmp_path / "a.gif")[1]
        assert sum(durations) == 1000 and set(durations) == {40, 50}

    @pytest.mark.parametrize("rate", [50, 55, 60, 75, 100, 120])
    def test_gif_of_many_frames_a_second_keeps_its_length(self, tmp_path, rate):
        """No frame is shown for less than 20 ms, and what is shown is the frame whose time it is."""
        times = [Fraction(i, rate) for i in range(2 * rate + 1)]
        write_all(gif_file(tmp_path / "a.gif", Timeline(times)), [numbered(i, 64, 48) for i in range(2 * rate)])
        durations = read_back(tmp_path / "a.gif")[1]
        assert len(durations) == 100 and sum(durations) == 2000 and min(durations) == 20
        with VideoReader(tmp_path / "a.gif") as reader:
            for i, begin in enumerate(reader.times[:-1]):
                shown = number(reader.read(i))
                assert times[shown] - Fraction(5, 1000) <= begin <= times[shown + 1] + Fraction(5, 1000)

    def test_gif_keeps_a_long_frame_after_a_short_one(self, tmp_path):
        times = [Fraction(v, 100) for v in (0, 1, 51, 52, 53, 54, 100)]
        write_all(gif_file(tmp_path / "a.gif", Timeline(times)), [numbered(i, 64, 48) for i in range(6)])
        assert read_back(tmp_path / "a.gif")[1] == [20, 490, 20, 20, 450]
        with VideoReader(tmp_path / "a.gif") as reader:
            assert [number(reader.read(i)) for i in range(5)] == [0, 1, 2, 4, 5]

    @pytest.mark.parametrize("form", ["png", "webp"])
    def test_other_animations_keep_all_frames_of_a_fast_film(self, tmp_path, form):
        times = [Fraction(i, 120) for i in range(121)]
        write_all(WRITERS[form](tmp_path / f"a.{form}", Timeline(times)), [numbered(i, 64, 48) for i in range(120)])
        durations = read_back(tmp_path / f"a.{form}")[1]
        assert len(durations) == 120 and sum(durations) == pytest.approx(1000)

    def test_apng_stores_common_rates_exactly(self, tmp_path):
        rate = Fraction(30000, 1001)
        timeline = Timeline([i / rate for i in range(4)])
        write_all(apng_file(tmp_path / "a.png", timeline), moving_square(3, alpha=False))
        assert read_back(tmp_path / "a.png")[1] == pytest.approx([float(1000 / rate)] * 3, abs=1e-9)

    @FORMS
    def test_animations_loop_for_ever(self, tmp_path, form):
        write_all(WRITERS[form](tmp_path / f"a.{form}", Timeline(TIMES[:3])), moving_square(2, alpha=False))
        with Image.open(tmp_path / f"a.{form}") as image:
            assert image.info["loop"] == 0


class TestLeastDurations:
    @pytest.mark.parametrize(
        ("ends", "durations"),
        [((5, 9, 12), [5, 4, 3]), ((1, 2, 3), [3, 0, 0]), ((1, 2, 3, 4), [2, 0, 2, 0]), ((4, 5), [5, 0]), ((1,), [2])],
    )
    def test_frames_that_have_no_time_are_left_out(self, ends, durations):
        timeline = Timeline([Fraction(0), *(Fraction(end, 100) for end in ends)])
        assert timeline.durations_of_at_least(2, per_second=100) == durations

    def test_frames_begin_within_their_own_time_and_the_whole_keeps_its_length(self):
        random = np.random.default_rng(0)
        for _ in range(200):
            ends = np.cumsum(random.choice([1, 1, 2, 3, 20], random.integers(2, 40)))
            timeline = Timeline([Fraction(0), *(Fraction(int(end), 100) for end in ends)])
            durations = timeline.durations_of_at_least(2, per_second=100)
            assert sum(durations) == ends[-1] and all(duration == 0 or duration >= 2 for duration in durations)
            begins = np.cumsum([0, *durations[:-1]])
            for begin, duration, start, end in zip(begins, durations, [0, *ends[:-1]], ends, strict=True):
                assert duration == 0 or start <= begin < end


class TestPictures:
    @pytest.mark.parametrize("alpha", [False, True])
    @pytest.mark.parametrize("form", ["png", "webp"])
    def test_lossless_formats_give_back_what_was_written(self, tmp_path, form, alpha):
        frames = moving_square(5, alpha)
        write_all(WRITERS[form](tmp_path / f"a.{form}", Timeline(TIMES)), frames)
        for got, frame in zip(read_back(tmp_path / f"a.{form}")[0], frames, strict=True):
            cover = frame[..., 3:] if alpha else np.full((*frame.shape[:2], 1), 255, np.uint8)
            assert np.array_equal(got[..., 3:], cover)
            assert np.array_equal(got[..., :3] * (cover > 0), frame[..., :3] * (cover > 0))

    def test_gif_shows_what_is_half_opaque_and_nothing_of_the_frame_before(self, tmp_path):
        frames = moving_square(5, alpha=True)
        write_all(gif_file(tmp_path / "a.gif", Timeline(TIMES)), frames)
        for got, frame in zip(read_back(tmp_path / "a.gif")[0], frames, strict=True):
            shown = frame[..., 3] >= 128
            assert np.array_equal(got[..., 3] == 255, shown) and not got[~shown, 3].any()
            assert np.array_equal(got[shown, :3], frame[shown, :3])

    def test_gif_of_opaque_frames_is_exact_in_few_colours(self, tmp_path):
        frames = moving_square(5, alpha=False)
        write_all(gif_file(tmp_path / "a.gif", Timeline(TIMES)), frames)
        for got, frame in zip(read_back(tmp_path / "a.gif")[0], frames, strict=True):
            assert np.array_equal(got[..., :3], frame)

    def test_gif_of_more_than_256_colours_is_near(self, tmp_path):
        y, x = np.mgrid[:48, :64].astype(np.uint8)
        frame = np.stack([x * 4, y * 5, (x + y) * 2, np.where(x < 32, 255, 0).astype(np.uint8)], -1)
        write_all(gif_file(tmp_path / "a.gif", Timeline([Fraction(0), Fraction(1, 2)])), [frame])
        got = np.asarray(Image.open(tmp_path / "a.gif").convert("RGBA")).astype(int)
        assert np.array_equal(got[..., 3], frame[..., 3])
        assert np.abs(got[:, :32, :3] - frame[:, :32, :3]).mean() < 8

    @FORMS
    @pytest.mark.parametrize("alpha", [False, True])
    def test_equal_and_empty_frames(self, tmp_path, form, alpha):
        frames = [np.zeros((20, 30, 4 if alpha else 3), np.uint8)] * 3
        write_all(WRITERS[form](tmp_path / f"a.{form}", Timeline(TIMES[:4])), frames)
        got, durations = read_back(tmp_path / f"a.{form}")
        assert sum(durations) == 550 and all(one.shape == (20, 30, 4) for one in got)
        assert all(one[..., 3].max() == (0 if alpha else 255) for one in got)

    @FORMS
    def test_one_frame(self, tmp_path, form):
        frame = moving_square(1, alpha=True)[0]
        write_all(WRITERS[form](tmp_path / f"a.{form}", Timeline([Fraction(0), Fraction(1, 12)])), [frame])
        with Image.open(tmp_path / f"a.{form}") as image:
            assert image.size == (40, 30) and np.asarray(image.convert("RGBA"))[9, 5, 3] == 255


@FORMS
def test_memory_does_not_grow_with_the_number_of_frames(tmp_path, form):
    """Frames are compressed as they come: none of the last is alive when the writer has moved on."""
    import gc
    import weakref

    class Frame(np.ndarray):
        """Arrays that can be watched."""

    seen = []
    times = [Fraction(i, 12) for i in range(9)]
    with WRITERS[form](tmp_path / f"a.{form}", Timeline(times)) as write:
        for i in range(8):
            frame = np.full((16, 16, 3), 20 * i, np.uint8).view(Frame)
            seen.append(weakref.ref(frame))
            write(frame)
            del frame
        gc.collect()
        assert sum(ref() is not None for ref in seen) <= 1


@FORMS
def test_nothing_is_left_of_an_animation_that_breaks_off(tmp_path, form):
    (tmp_path / f"a.{form}").write_bytes(b"the older one")
    with pytest.raises(KeyboardInterrupt), WRITERS[form](tmp_path / f"a.{form}", Timeline(TIMES)) as write:
        write(moving_square(1, alpha=True)[0])
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == [f"a.{form}"]
    assert (tmp_path / f"a.{form}").read_bytes() == b"the older one"
