"""Flicker: zero for what only moves, and as large as the difference that is put in."""

import pytest
import torch

from capture.metrics.flicker import flicker, warp_error

T, SIZE = 4, 24


@pytest.fixture
def video() -> tuple[torch.Tensor, torch.Tensor]:
    """A noise picture that moves by 2 pixels to the right and 1 down each frame, and its flows."""
    wide = torch.rand(3, SIZE + 2 * T, SIZE + 2 * T, generator=torch.Generator().manual_seed(0))
    frames = [wide[:, T - t : T - t + SIZE, 2 * (T - t) : 2 * (T - t) + SIZE] for t in range(T)]
    flows = torch.zeros(T - 1, 2, SIZE, SIZE)
    flows[:, 0], flows[:, 1] = 2, 1
    return torch.stack(frames), flows


class TestWarpError:
    def test_known_motion_is_no_error(self, video) -> None:
        frames, flows = video
        assert warp_error(frames, flows).max() < 1e-5
        assert warp_error(frames, -flows).min() > 0.2

    def test_a_frame_that_is_lighter_differs_by_as_much(self, video) -> None:
        frames, flows = video
        lighter = frames.clone()
        lighter[2] += 0.1
        assert warp_error(lighter, flows).tolist() == pytest.approx([0, 0.1, 0.1], abs=1e-5)

    def test_hidden_points_do_not_count(self, video) -> None:
        frames, flows = video
        frames = frames.clone()
        frames[1, :, :, :12] = 1
        valid = torch.ones(T - 1, SIZE, SIZE, dtype=torch.bool)
        valid[0, :, :12] = False
        valid[1, :, :12] = False
        assert warp_error(frames, flows, valid).max() < 1e-5
        assert warp_error(frames, flows, torch.zeros_like(valid)).isnan().all()

    def test_shapes_that_do_not_fit(self, video) -> None:
        with pytest.raises(ValueError, match="need flows of"):
            warp_error(video[0], video[1][:-1])


class TestFlicker:
    def test_the_truth_has_none_and_noise_has_its_own(self, video) -> None:
        frames, flows = video
        noisy = frames + 0.05 * torch.tensor([1.0, -1.0, 1.0, -1.0]).view(T, 1, 1, 1)
        assert flicker(frames, frames, flows) == 0
        assert flicker(noisy, frames, flows) == pytest.approx(0.1, abs=1e-5)
        with pytest.raises(ValueError, match="different sizes"):
            flicker(frames[:2], frames, flows)
