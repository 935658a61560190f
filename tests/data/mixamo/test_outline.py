"""Outlines from a guide: the figure's edge, one part before another, sharp edges; and nothing on a slope."""

from __future__ import annotations

import numpy as np
from PIL import Image

from capture.data.mixamo.outline import INK, ink, outline

FACING = (128, 128)  # red and green of a normal that points at the camera


def guide(depth: np.ndarray) -> np.ndarray:
    """uint8 (32, 32, 4): a square that faces the camera, with this depth (24, 24)."""
    image = np.zeros((32, 32, 4), np.uint8)
    image[4:28, 4:28, :2] = FACING
    image[4:28, 4:28, 2] = depth
    image[4:28, 4:28, 3] = 255
    return image


class TestOutline:
    def test_around_the_figure(self):
        line = outline(guide(np.full((24, 24), 100)))
        assert line.shape == (16, 16) and line.min() == 0 and line.max() <= 1
        assert (line[3:13, 3:13] == 0).all() and (line[:1] == 0).all()  # neither inside nor far outside
        assert (line[5:11, 1:3].sum(1) == 1).all() and (line[5:11, 13:15].sum(1) == 1).all()  # a pixel wide

    def test_where_one_part_is_before_another(self):
        depth = np.full((24, 24), 100)
        depth[:, 12:] = 140
        assert (outline(guide(depth))[3:13, 7:9].sum(1) == 1).all()

    def test_no_line_on_a_slope(self):
        depth = np.broadcast_to(np.arange(24) * 8, (24, 24))
        assert (outline(guide(depth))[3:13, 3:13] == 0).all()

    def test_along_a_sharp_edge(self):
        image = guide(np.full((24, 24), 100))
        image[4:28, 16:28, 0] = 255  # faces the right
        assert (outline(image)[3:13, 7:9].sum(1) == 1).all()

    def test_width(self):
        assert outline(guide(np.full((24, 24), 100)), 2).sum() > 1.5 * outline(guide(np.full((24, 24), 100))).sum()


class TestInk:
    def test_the_line_is_dark_and_opaque_and_the_rest_stays(self):
        picture = np.zeros((16, 16, 4), np.uint8)
        picture[2:14, 2:14] = (200, 150, 100, 255)
        drawn = np.asarray(ink(Image.fromarray(picture), Image.fromarray(guide(np.full((24, 24), 100)))))
        assert (drawn[3:13, 3:13] == picture[3:13, 3:13]).all() and (drawn[0] == 0).all()
        half = (np.array([200, 150, 100]) + INK) / 2
        assert np.abs(drawn[8, 2, :3] - half).max() <= 1 and drawn[8, 2, 3] == 255
        assert 120 <= drawn[8, 1, 3] <= 135  # half of the pixel outside is ink
