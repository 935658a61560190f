"""Training of the network that says where a head looks."""

from __future__ import annotations

import contextlib
import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from capture.common.errors import CaptureError
from capture.inference.kept_parts.head_direction import SIDE
from tools.train_head_direction import (
    augmented,
    direction_of,
    errors,
    named_pictures,
    negative_log_likelihood,
    train,
)


@pytest.mark.parametrize(
    ("path", "degrees"),
    [
        ("a/train/hero/walk_left/imgs/00.png", 90),
        ("a/train/hero/walk_back_right/imgs/00.png", -135),
        ("a/train/hero/bow_front_left/imgs/01.png", 45),
        ("a/train/hero/Run_a045/imgs/003.png", 45),
        ("a/train/hero/Run_a315/imgs/003.png", -45),
        ("a/test/imgs/hero__back__02.png", 180),
        ("a/test/imgs/hero__slash_front__02.png", 0),
        ("a/train/hero/Death_a045/imgs/003.png", None),
        ("a/train/hero/walk/imgs/00.png", None),
    ],
)
def test_a_clip_names_its_direction(path, degrees):
    assert direction_of(Path(path)) == degrees


def test_pictures_without_a_direction_are_refused(tmp_path):
    (tmp_path / "train" / "hero" / "walk" / "imgs").mkdir(parents=True)
    (tmp_path / "train" / "hero" / "walk" / "imgs" / "0.png").write_bytes(b"")
    with pytest.raises(CaptureError, match="no picture's name says a direction"):
        named_pictures(tmp_path, "train", 5, np.random.default_rng(0))


def test_errors_go_round():
    vectors = torch.tensor([[math.cos(3.1), math.sin(3.1)], [1.0, 0.0]])
    assert errors(vectors, torch.tensor([-3.1, math.pi / 2])).tolist() == pytest.approx([4.77, 90], abs=0.01)


def test_a_mirrored_head_looks_the_other_way():
    """Heads are white on their left half; those that are mirrored have it on the right, and the opposite angle."""
    torch.manual_seed(0)
    heads = torch.zeros(64, 5, SIDE, SIDE)
    heads[:, 3, :, : SIDE // 2] = 1
    made, angles = augmented(heads, torch.full((64,), 0.7))
    known = made[:, 3].flatten(1).amax(1) > 0.5
    left = made[:, 3, :, : SIDE // 2].mean((1, 2)) > made[:, 3, :, SIDE // 2 :].mean((1, 2))
    assert (
        known.sum() > 30
        and torch.equal(left[known], angles[known] > 0)
        and set(angles.abs().tolist()) == {angles[0].abs().item()}
    )


def test_the_likelihood_is_highest_at_the_truth_and_learns_how_sure_to_be():
    angles = torch.tensor([0.5, 0.5])
    truth, wrong = (torch.tensor([[math.cos(a), math.sin(a)]]).repeat(2, 1) for a in (0.5, 1.5))
    assert negative_log_likelihood(4 * truth, angles) < negative_log_likelihood(truth, angles)
    assert negative_log_likelihood(4 * wrong, angles) > negative_log_likelihood(wrong, angles)


@pytest.fixture
def noses():
    """Heads and angles: discs with a dark dot that moves to the side that the head looks to."""
    rng = np.random.default_rng(0)
    angles = torch.from_numpy(rng.uniform(-1.4, 1.4, 256).astype(np.float32))
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    nose = ((x + 0.7 * angles.sin()[:, None, None]) ** 2 + (y - 0.1) ** 2 < 0.05).float()
    disc = (x**2 + y**2 < 0.9).float().expand_as(nose)
    return torch.stack([disc - nose] * 3 + [disc, disc], 1), angles


class TestTraining:
    def test_it_learns_where_a_nose_is(self, noses, tmp_path):
        torch.manual_seed(0)
        network = train(*noses, 24, tmp_path / "out.training.pt")
        with torch.no_grad():
            assert errors(network(noses[0]), noses[1]).median() < 20

    def test_an_interrupted_training_goes_on_to_the_same_weights(self, noses, tmp_path, monkeypatch):
        heads, angles = (values[:32] for values in noses)
        torch.manual_seed(0)
        whole = train(heads, angles, 4, tmp_path / "whole.training.pt")
        state, calls, stopped = tmp_path / "out.training.pt", [], []

        def interrupted(*batch):
            calls.append(batch)
            stopped.extend([signal.SIGINT] * (len(calls) == 2))
            return augmented(*batch)

        with monkeypatch.context() as patched:
            patched.setattr("tools.train_head_direction.stop_on_signal", lambda: contextlib.nullcontext(stopped))
            patched.setattr("tools.train_head_direction.augmented", interrupted)
            torch.manual_seed(0)
            with pytest.raises(KeyboardInterrupt):
                train(heads, angles, 4, state)
        assert len(calls) == 2
        torch.manual_seed(5)
        with pytest.raises(CaptureError, match="an interrupted training of other heads"):
            train(heads, angles, 5, state)
        rest = train(heads, angles, 4, state)
        for name, value in whole.state_dict().items():
            assert torch.equal(value, rest.state_dict()[name]), name
