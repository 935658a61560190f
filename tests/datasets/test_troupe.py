"""Drawings used more than once: which pictures make a sample, and that they are what a stream of shots says."""

from __future__ import annotations

import torch

from datasets.toon import ToonStream
from datasets.toon.held_out import held_out_batch
from datasets.toon.render import render
from datasets.toon.troupe import BLOCK, PER_TROUPE, PORTRAITS, SCENES, casting
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

    monkeypatch.setattr("datasets.toon.dataset.render", counting)
    ToonStream(16, 2**62, seed=1, reuse=True).__getitems__(range(BLOCK * PER_TROUPE))
    assert sum(drawn) == 2 * SCENES * BLOCK < 4 * BLOCK * PER_TROUPE / 8


def test_views_and_motions_that_the_configuration_chooses():
    from datasets import open_data

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
