"""Sound of a driver in .mp4 and .webm: what is heard comes when it comes in the driver, and pauses are kept."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from capture.inference.formats.base import Timeline
from capture.inference.formats.mp4 import mp4_file
from capture.inference.formats.webm import webm_file
from capture.io.video import VideoReader
from tests.helpers.make_animations import write_all
from tests.helpers.make_videos import numbered

RATE, BLOCK = 48_000, 1024
LOUD = 0.05  # of a tone whose peak is 0.3
WRITERS = {"mp4": mp4_file, "webm": webm_file}
FORMS = pytest.mark.parametrize("form", list(WRITERS))
NEAR = 0.03  # s; a block of sound is 21 ms


def make_film(path: Path, codec: str, tones: Sequence[tuple[float, float]], first: float = 0.0) -> Path:
    """Three seconds of pictures from `first` on, and a tone between each two times; all times in seconds."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = file.add_stream(codec, rate=RATE, layout="stereo")
        for i in range(75):
            picture = av.VideoFrame.from_ndarray(numbered(i, 64, 48), format="rgb24")
            picture.pts, picture.time_base = round(25 * first) + i, Fraction(1, 25)
            file.mux(video.encode(picture))
        file.mux(video.encode(None))
        resampler = av.AudioResampler(audio.codec_context.format, "stereo", RATE)
        for begin, end in tones:
            for at in range(round(begin * RATE), round(end * RATE), BLOCK):
                tone = np.sin(np.arange(at, at + BLOCK) * (440 * 2 * np.pi / RATE)).astype(np.float32) * 0.3
                frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
                frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
                for part in resampler.resample(frame):
                    file.mux(audio.encode(part))
        file.mux(audio.encode(None))
    return path


def converted(source: Path, form: str) -> Path:
    """A film of `form` with the sound of `source`, whose first picture is shown at once."""
    out = source.with_name(f"out.{form}")
    with VideoReader(source) as reader:
        timeline = Timeline(reader.times, (), source, reader.start)
        write_all(WRITERS[form](out, timeline), [numbered(i, 64, 48) for i in range(len(reader))])
    with VideoReader(out) as made:
        assert abs(float(made.start)) < 0.001 and len(made) == 75
    return out


def heard(path: Path) -> list[float]:
    """When a file is loud, in seconds: begin, end, begin, end and so on."""
    edges: list[float] = []
    step = RATE // 200
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            samples = frame.to_ndarray()[0]
            for i in range(0, len(samples), step):
                if np.sqrt(np.mean(samples[i : i + step] ** 2)) < LOUD:
                    continue
                begin = float(frame.pts * frame.time_base) + i / RATE
                if not edges or begin > edges[-1] + NEAR:
                    edges += [begin, begin]
                edges[-1] = begin + step / RATE
    return edges


@FORMS
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "pcm_s16le"), ("a.mov", "pcm_s16le")])
def test_sound_that_begins_later_than_the_pictures(tmp_path, form, name, codec):
    source = make_film(tmp_path / name, codec, [(1.0, 2.5)])
    assert heard(converted(source, form)) == pytest.approx([1.0, 2.5], abs=NEAR)


@FORMS
@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_a_pause_stays_as_long_as_it_is(tmp_path, form, codec):
    source = make_film(tmp_path / "a.mkv", codec, [(0.25, 1.0), (2.0, 2.75)])
    assert heard(converted(source, form)) == pytest.approx([0.25, 1.0, 2.0, 2.75], abs=NEAR)


@pytest.mark.parametrize(("form", "codec"), [("mp4", "pcm_s16le"), ("webm", "pcm_s16le"), ("webm", "flac")])
def test_what_comes_before_the_pictures_does_not_delay_the_rest(tmp_path, form, codec):
    source = make_film(tmp_path / "a.mkv", codec, [(0.0, 2.0)], first=0.8)
    assert heard(converted(source, form)) == pytest.approx([0, 1.2], abs=NEAR)


def test_damaged_sound_leaves_a_pause(tmp_path):
    source = make_film(tmp_path / "a.mp4", "aac", [(0.0, 2.5)])
    with av.open(str(source)) as file:
        audio = file.streams.audio[0]
        packets = [(p.pos, p.size) for p in file.demux(audio) if p.size and 1 <= p.pts * p.time_base < 1.5]
    data = bytearray(source.read_bytes())
    for pos, size in packets:
        data[pos : pos + size] = b"\xff" * size
    source.write_bytes(data)
    assert len(packets) > 20
    assert heard(converted(source, "webm")) == pytest.approx([0, 1.0, 1.5, 2.5], abs=2 * NEAR)
