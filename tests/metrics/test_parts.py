"""Pose and identity by parts, on label maps whose answer is known and against scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from capture.metrics.oklab import oklab
from capture.metrics.parts import identity_error, part_areas, part_centres, part_colours, pose_error

SIZE, PARTS = 32, 3


def labels(*boxes: tuple[int, int, int, int, int]) -> torch.Tensor:
    """A label map with boxes (part, top, left, bottom, right)."""
    out = torch.zeros(1, SIZE, SIZE, dtype=torch.long)
    for part, top, left, bottom, right in boxes:
        out[0, top:bottom, left:right] = part
    return out


class TestPartCentres:
    def test_centres_and_areas_are_those_of_scipy(self) -> None:
        maps = torch.randint(0, PARTS + 1, (2, 20, SIZE), generator=torch.Generator().manual_seed(0))
        for b in range(2):
            theirs = np.array(ndimage.center_of_mass(np.ones((20, SIZE)), maps[b].numpy(), [1, 2, 3]))  # row, column
            expected = (theirs[:, ::-1] + 0.5) / (SIZE, 20)
            assert part_centres(maps, PARTS)[b].numpy() == pytest.approx(expected, abs=1e-12)
            counts = np.bincount(maps[b].flatten(), minlength=PARTS + 1)[1:] / (20 * SIZE)
            assert part_areas(maps, PARTS)[b].numpy() == pytest.approx(counts, abs=1e-12)


class TestPoseError:
    def test_a_part_that_moved_by_8_pixels(self) -> None:
        target = labels((1, 2, 2, 10, 10), (2, 20, 20, 26, 26))
        output = labels((1, 2, 10, 10, 18), (2, 20, 20, 26, 26))
        error, missed = pose_error(output, target, PARTS)
        assert error.item() == pytest.approx(8 / SIZE / 2, abs=1e-9) and missed.item() == 0  # one of two parts moved

    def test_a_part_that_is_not_there_is_missed_and_has_no_distance(self) -> None:
        target = labels((1, 2, 2, 10, 10), (2, 20, 20, 26, 26))
        error, missed = pose_error(labels((1, 2, 2, 10, 10), (3, 20, 20, 26, 26)), target, PARTS)
        assert error.item() == 0 and missed.item() == 0.5

    def test_specks_are_no_parts(self) -> None:
        target = labels((1, 2, 2, 10, 10), (2, 30, 30, 31, 32))  # 2 of 1024 pixels are 0.2 %
        error, missed = pose_error(labels((1, 2, 2, 10, 10)), target, PARTS, smallest=0.003)
        assert (error.item(), missed.item()) == (0, 0)

    def test_without_any_part_there_is_no_number(self) -> None:
        error, missed = pose_error(labels((1, 2, 2, 10, 10)), labels(), PARTS)
        assert error.isnan().all() and missed.isnan().all()


class TestIdentityError:
    def test_colours_of_parts_in_any_place(self) -> None:
        target, output = labels((1, 2, 2, 10, 10), (2, 20, 20, 26, 26)), labels((1, 8, 12, 16, 20), (2, 20, 2, 26, 8))
        red, blue, green = (torch.tensor(c).view(3, 1, 1) for c in ((0.8, 0.1, 0.1), (0.1, 0.2, 0.9), (0.1, 0.7, 0.2)))

        def paint(maps: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            return torch.where(maps == 1, first, torch.where(maps == 2, second, torch.ones(3, 1, 1)))[None]

        truth = paint(target, red, blue)
        assert identity_error(paint(output, red, blue), truth, output, target, PARTS).item() == pytest.approx(
            0, abs=1e-7
        )
        error = identity_error(paint(output, red, green), truth, output, target, PARTS).item()
        apart = (oklab(blue.flatten().double()) - oklab(green.flatten().double())).norm().item()
        assert error == pytest.approx(apart / 2, abs=1e-7)  # one of two parts has another colour
        assert identity_error(truth, truth, labels((3, 0, 0, 9, 9)), target, PARTS).isnan().all()

    def test_the_mean_colour_is_that_of_the_part_alone(self) -> None:
        picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
        maps = labels((2, 4, 4, 9, 14))
        expected = oklab(picture.double()[0, :, 4:9, 4:14].permute(1, 2, 0)).mean((0, 1))
        torch.testing.assert_close(part_colours(picture, maps, PARTS)[0, 1], expected, atol=1e-12, rtol=0)
        assert part_colours(picture, maps, PARTS)[0, 0].isnan().all()


class TestOklab:
    def test_published_colours(self) -> None:
        """White, and sRGB red, green and blue, from the author's page and CSS Color 4."""
        srgb = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=torch.float64)
        published = torch.tensor(
            [
                [1, 0, 0],
                [0.62796, 0.22486, 0.12585],
                [0.86644, -0.23389, 0.1795],
                [0.45201, -0.03246, -0.31153],
                [0, 0, 0],
            ],
            dtype=torch.float64,
        )
        torch.testing.assert_close(oklab(srgb), published, atol=1e-4, rtol=0)
