"""Drawings used more than once: which pictures make a sample, and that they are what a stream of shots says."""

from __future__ import annotations

import os
import signal
from itertools import islice

import pytest
import torch
from capture.config.rules import AT_MOST

from capture.common.errors import CaptureError
from capture.data.loading import make_loader
from capture.data.open_data import open_data
from capture.data.sampling import EndlessBatches
from capture.data.toon.dataset import ToonStream
from capture.data.toon.held_out import held_out_batch
from capture.data.toon.prefetch import DrawnAhead
from capture.data.toon.render_groups import BLOCK, PER_TROUPE, PORTRAITS, SCENES, casting
from capture.data.toon.rendering.render import render
from tests.conftest import tiny_config


def test_every_sample_of_a_block_comes_once():
    seen = [casting(3, 0, i) for i in range(2 * BLOCK * PER_TROUPE)]
    first, second = seen[: BLOCK * PER_TROUPE], seen[BLOCK * PER_TROUPE :]
    keys = {(c.troupe, c.who, c.identity, c.pose) for c in first}
    assert len(keys) == len(first) == BLOCK * PER_TROUPE
    assert {c.troupe for c in first} == set(range(BLOCK)) and min(c.troupe for c in second) == BLOCK
    assert all(c.identity < PORTRAITS and c.pose != c.identity != c.real and c.real < SCENES for c in seen)
    assert len({c.troupe for c in first[:8]}) > 4  # neighbours are of different troupes
    assert casting(3, 0, 5) == seen[5] and any(casting(4, 0, i) != seen[i] for i in range(5))


def test_ten_samples_of_a_troupe_pose_each_picture_once():
    seen = [casting(3, 0, i, 10) for i in range(BLOCK * 10)]
    assert len({(c.troupe, 1 - c.who, c.pose) for c in seen}) == BLOCK * 2 * SCENES == len(seen)
    drawn = open_data(tiny_config("--dataset_path", "toon", "--reuse_drawings", "true", "--reuse_samples", "10")).train
    assert drawn.shots(BLOCK * 10)[0] != ToonStream(32, 9, reuse=True).shots(BLOCK * 10)[0]
    identity, _, pose, target = drawn.shots(7)
    assert target == pose.of(identity.character_seed)
    assert AT_MOST["dataset_config.reuse_samples"] == PER_TROUPE
    with pytest.raises(CaptureError, match="reuse_samples: .* set reuse_drawings true"):
        open_data(tiny_config("--dataset_path", "toon", "--reuse_samples", "10"))


def test_pictures_are_those_of_the_shots_in_any_order_and_process():
    stream = ToonStream(32, 2**62, seed=1, reuse=True, uv=True)
    samples = stream.__getitems__([700, 3, 2, 701])
    again = ToonStream(32, 2**62, seed=1, reuse=True, uv=True)
    for index, sample in zip((2, 3), (samples[2], samples[1])):
        drawn = render(stream.shots(index), 32, outputs=("rgb", "iuv"))
        for k, role in enumerate(("identity", "real", "pose", "target")):
            assert torch.equal(sample[role], drawn["rgb"][k]) and torch.equal(sample[f"{role}_uv"], drawn["iuv"][k])
        assert all(torch.equal(value, sample[name]) for name, value in again[index].items())
    identity, real, pose, target = stream.shots(3)
    assert identity.character_seed == real.character_seed == target.character_seed != pose.character_seed
    assert target == pose.of(identity.character_seed) and len({identity, real, target}) >= 2
    assert len(stream._drawn) <= 2 * BLOCK


def test_fewer_pictures_are_drawn_than_samples_have(monkeypatch):
    drawn = []

    def counting(shots, *args):
        drawn.append(len(shots))
        return render(shots, *args)

    monkeypatch.setattr("capture.data.toon.dataset.render", counting)
    ToonStream(16, 2**62, seed=1, reuse=True).__getitems__(range(BLOCK * PER_TROUPE))
    assert sum(drawn) == 2 * SCENES * BLOCK < 4 * BLOCK * PER_TROUPE / 8


def _numbered(number: int) -> dict[str, torch.Tensor]:
    return {"drawn": torch.tensor([number, os.getpid()])}


def test_every_troupe_is_drawn_once_whoever_draws_it():
    """Two processes share the work; what has gone by, and what is far ahead, is drawn again or at once."""
    ahead = DrawnAhead(_numbered, 2, kept=8)
    order = [2, 0, 3, 1, 5, 7, 4, 6, 9, 8, 11, 10]  # blocks of kept / 2, each shuffled
    found = {number: ahead(number)["drawn"].tolist() for number in order}
    assert [number for number, _ in found.values()] == order
    assert len({process for _, process in found.values()} - {os.getpid()}) == 2
    kept = list(ahead._drawn)
    assert kept == list(range(4, 12))  # each came once, in the order of its number
    for number in (1, 1003, 2):
        assert ahead(number)["drawn"][0] == number
    assert list(ahead._drawn) == [0, 1, 2]


def test_a_loaders_processes_draw_no_troupe_twice(monkeypatch, tmp_path):
    """Samples are the same from no process, one and two; a troupe's pictures are drawn in one of them."""

    def noting(shots, *args):
        with open(tmp_path / "drawn.txt", "a") as file:
            file.write(f"{shots[0].character_seed} {shots[0].clip_style_seed}\n")
        return render(shots, *args)

    monkeypatch.setattr("capture.data.toon.dataset.render", noting)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    batches = []
    for processes in (0, 1, 2):
        stream = ToonStream(16, 2**62, seed=1, reuse=True, uv=True)
        loader = make_loader(stream, EndlessBatches(8, 3), processes, torch.device("cpu"), progress=False)
        batches.append(list(islice(loader, 6)))
        assert (stream._ahead is not None) == (processes > 0)
        del loader, stream
        drawn = (tmp_path / "drawn.txt").read_text().split("\n")[:-1]
        assert len(set(drawn)) == len(drawn) >= BLOCK / 2
        (tmp_path / "drawn.txt").unlink()
    for other in batches[1:]:
        assert all(torch.equal(a[name], b[name]) for a, b in zip(batches[0], other) for name in a)


def test_a_process_that_draws_and_dies_is_one_line():
    ahead = DrawnAhead(_dying, 1, kept=8)
    with pytest.raises(CaptureError, match="one of the 1 loader processes was killed"):
        [ahead(number) for number in range(8)]


def _dying(number: int) -> dict[str, torch.Tensor]:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return _numbered(number)


def test_views_and_motions_that_the_configuration_chooses():
    config = tiny_config("--dataset_path", "toon", "--toon_views", "front", "--toon_test_clips", "4")
    data = open_data(config)
    shots = [shot for i in range(60) for shot in data.train.shots(i)]
    assert max(abs(shot.view.azimuth_degrees) for shot in shots) < 150
    assert not {shot.clip for shot in shots} & {"clap", "kneel", "fly", "sit_chair"}
    plain = open_data(tiny_config("--dataset_path", "toon")).train
    assert {"clap", "kneel", "fly", "sit_chair"} < {shot.clip for i in range(60) for shot in plain.shots(i)}
    few = open_data(tiny_config("--dataset_path", "toon", "--toon_characters", "2", "--reuse_drawings", "true")).train
    both = {tuple(sorted({shot.character_seed for shot in few.shots(i)})) for i in range(60)}
    assert both == {(10000, 10001)}
    pairs = data.test_batch(3)
    assert torch.equal(pairs["pose"], held_out_batch(3, 32, views="front")["pose"])
    assert not torch.equal(pairs["pose"], held_out_batch(3, 32)["pose"])
