"""The flicker of videos."""

from __future__ import annotations

import pytest
import torch

from capture.metrics.flicker import flicker, warp_error


def moving_square(count=4, size=16):
    """A grey ramp that moves by one pixel a frame: video (T, 3, S, S), and its flow, known on the ramp alone."""
    video, flow = torch.zeros(count, 3, size, size), torch.full((count - 1, size, size, 2), -2.0)
    centres = (2 * torch.arange(size) + 1) / size - 1
    for t in range(count):
        video[t, :, 4:12, 2 + t : 8 + t] = torch.linspace(0.2, 0.9, 6)
        if t:
            flow[t - 1, 4:12, 2 + t : 8 + t, 0] = centres[1 + t : 7 + t]
            flow[t - 1, 4:12, 2 + t : 8 + t, 1] = centres[4:12, None]
    return video, flow


class TestFlicker:
    def test_a_video_that_only_moves_has_no_warp_error(self):
        video, flow = moving_square()
        assert warp_error(video[:-1], video[1:], flow).max() < 1e-5

    def test_a_frame_that_differs_is_counted_where_the_flow_is_known(self):
        video, flow = moving_square()
        shown = video.clone()
        shown[2] += 0.1  # everywhere, and the flow is known on the square alone
        error = warp_error(shown[:-1], shown[1:], flow)
        assert torch.allclose(error, torch.tensor([0.0, 0.1, 0.1]), atol=1e-5)
        assert abs(flicker(shown, video, flow).item() - 0.2 / 3) < 1e-5

    def test_the_truth_does_not_flicker(self):
        video, flow = moving_square()
        video = video + 0.1 * torch.rand(4, 1, 1, 1)  # shading that changes is no flicker
        assert flicker(video, video, flow) == 0

    def test_shapes_that_differ_are_refused(self):
        video, flow = moving_square()
        with pytest.raises(ValueError, match="shapes differ"):
            warp_error(video, video[1:], flow)
