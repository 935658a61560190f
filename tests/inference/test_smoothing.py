"""Motions averaged over the frames of a video."""

from __future__ import annotations

import numpy as np
import torch

from capture.inference.smoothing import smooth, window_weights


def frames(values):
    return [{"x": torch.tensor([[float(value)]]), "y": torch.full((1, 2, 3), float(-value))} for value in values]


def values(made):
    return [round(float(one["x"]), 5) for one in made]


class TestSmoothing:
    def test_weights_are_those_of_savitzky_and_golay(self):
        assert np.allclose(window_weights(2, 2), np.array([-3, 12, 17, 12, -3]) / 35)
        assert np.allclose(window_weights(1, 1), np.full(3, 1 / 3)) and np.allclose(window_weights(0), [1])

    def test_a_steady_movement_stays_as_it_is(self):
        steady = [0.5 * i for i in range(9)]
        assert values(smooth(frames(steady), 2, 1)) == steady

    def test_a_frame_that_stands_out_is_drawn_to_its_neighbours(self):
        made = values(smooth(frames([0, 0, 0, 3, 0, 0, 0]), 1, 1))
        assert made == [0, 0, 1, 1, 1, 0, 0]  # the same before it as after it: no lag

    def test_without_a_radius_nothing_changes(self):
        assert values(smooth(frames([3, 1, 2]), 0)) == [3, 1, 2]

    def test_nothing_is_averaged_across_the_cut_from_one_sequence_to_the_next(self):
        """Two directions of a walk, one after another, are smoothed as two videos are."""
        one, other = [3, 1, 4, 1, 5], [90, 20, 60, 50, 30, 80]
        apart = values(smooth(frames(one), 2)) + values(smooth(frames(other), 2))
        together = values(smooth(frames(one + other), 2, starts=(0, len(one))))
        assert together == apart != values(smooth(frames(one + other), 2))

    def test_sequences_of_single_frames_stay_as_they_are(self):
        assert values(smooth(frames([3, 1, 2, 7]), 3, starts=(0, 1, 2, 3))) == [3, 1, 2, 7]

    def test_short_videos(self):
        for count in range(4):
            assert len(list(smooth(frames(range(count)), 3))) == count

    def test_no_more_frames_are_read_ahead_than_the_window_needs(self):
        read = []

        def counted():
            for i, frame in enumerate(frames(range(10))):
                read.append(i)
                yield frame

        made = smooth(counted(), 2)
        next(made)
        assert len(read) == 3
