"""Pictures from one ray at each point of a lattice."""

from __future__ import annotations

import numpy as np
import pytest

from capture.data.mixamo.in_blender.lattice import MARGIN, Lattice

SIZE = 32
KINDS = (1, 2, 4, 6, 9)


def cast(lattice: Lattice, inside) -> np.ndarray:
    """What rays see of a white shape: inside(x, y) of points in pixels from the upper left corner."""
    right, down = (shift * lattice.size for shift in lattice.shift)
    x = (np.arange(lattice.size * lattice.across) + 0.5) / lattice.across + right
    y = (np.arange(lattice.size * lattice.down) + 0.5) / lattice.down + down
    hit = inside(x[None, :], y[:, None])
    return np.repeat(255 * hit[..., None], 4, 2).astype(np.uint8)


def disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x - SIZE / 2) ** 2 + (y - SIZE / 2) ** 2 < 9.3**2


class TestLattice:
    @pytest.mark.parametrize(
        "samples, across, down",
        [(1, 1, 1), (2, 2, 1), (3, 2, 1), (4, 2, 2), (5, 2, 2), (6, 3, 2), (8, 3, 2), (9, 3, 3)],
    )
    def test_finest_lattice_with_at_most_so_many_points(self, samples, across, down):
        assert Lattice.of(SIZE, samples) == Lattice(SIZE, across, down)

    @pytest.mark.parametrize("samples", KINDS)
    def test_shape_in_the_middle_stays_in_the_middle(self, samples):
        """Would fail if points were not where `shift` says, in the middles of pixels."""
        lattice = Lattice.of(SIZE, samples)
        alpha = lattice.picture(cast(lattice, disc), 0, 0)[..., 3].astype(int)
        assert np.abs(alpha - alpha[::-1]).max() <= 1 and np.abs(alpha - alpha[:, ::-1]).max() <= 1

    def test_more_points_come_nearer_to_the_covered_area(self):
        many = Lattice(SIZE, 17, 17)
        true = many.picture(cast(many, disc), 0, 0)[..., 3].astype(float)
        error = {}
        for samples in KINDS:
            lattice = Lattice.of(SIZE, samples)
            seen = lattice.picture(cast(lattice, disc), 0, 0)[..., 3]
            error[samples] = np.sqrt(((seen - true)[(true > 0) & (true < 255)] ** 2).mean())
        assert error[9] < error[4] < error[2] < error[1] and error[2] < 30 and error[9] < 10

    @pytest.mark.parametrize("samples", KINDS)
    def test_even_colours_keep_their_values(self, samples):
        lattice = Lattice.of(16, samples)
        points = np.full((16 * lattice.down, 16 * lattice.across, 4), 255, np.uint8)
        for value in range(0, 255, 15):
            points[..., :3] = value, 255 - value, value // 2
            picture = lattice.picture(points, 0, 0)[4:-4, 4:-4]
            assert (picture == (value, 255 - value, value // 2, 255)).all()

    @pytest.mark.parametrize("samples", KINDS)
    def test_only_the_box_around_the_figure_needs_rays(self, samples):
        lattice = Lattice.of(SIZE, samples)
        points = cast(lattice, disc)
        reach = 9.3 / (SIZE / 2)
        left, top, width, height = lattice.box(np.array([-reach, -reach]), np.array([reach, reach]))
        assert left == top == 16 - 10 - MARGIN and width == height == 20 + 2 * MARGIN
        part = points[top * lattice.down :, left * lattice.across :][: height * lattice.down, : width * lattice.across]
        assert (lattice.picture(part, left, top) == lattice.picture(points, 0, 0)).all()

    def test_box_ends_with_the_picture(self):
        assert Lattice.of(SIZE, 2).box(np.array([-1.5, -0.999]), np.array([0.999, 1.5])) == (0, 0, SIZE, SIZE)
