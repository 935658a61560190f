"""Heads as they look from behind: no face, and hair of the colour that the drawing's hair has."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from scipy import ndimage

from capture.inference.drawing import cut_drawing
from capture.inference.kept_parts.head import HeadKeeper
from capture.inference.kept_parts.head_from_behind import without_face
from capture.inference.window import Window
from capture.io.iuv import PART
from tests.helpers.layouts import GROUND, SIZE, drawing_of, labels_of, layers_of, logits_of, output, shown
from tests.helpers.make_figures import person

SKIN, HAIR, INK = (240, 200, 170), (90, 40, 20), (20, 20, 20)


def head(hair: bool) -> tuple[Image.Image, np.ndarray]:
    """A head of 128 x 128 pixels with black lines around skin and hair, two eyes, and its parts."""
    picture = Image.new("RGBA", (SIZE, SIZE))
    draw, labels = ImageDraw.Draw(picture), Image.new("L", (SIZE, SIZE))
    draw.ellipse((24, 24, 104, 104), fill=SKIN, outline=INK)
    ImageDraw.Draw(labels).ellipse((24, 24, 104, 104), fill=PART["head"] + 1)
    if hair:
        for shape in (draw, ImageDraw.Draw(labels)):
            fill = HAIR if shape is draw else PART["hair"] + 1
            shape.chord((24, 24, 104, 104), 190, 350, fill=fill, outline=INK if shape is draw else fill)
    for x in (48, 74):
        draw.rectangle((x, 66, x + 6, 74), fill=INK)
    return picture, np.asarray(labels)


def vector(degrees: float) -> torch.Tensor:
    return 9 * torch.tensor([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])


class TestWithoutFace:
    @pytest.mark.parametrize("size", [SIZE, 3 * SIZE])
    def test_a_face_has_the_colour_of_the_hair_and_no_line_is_left(self, size):
        picture, labels = head(hair=True)
        drawn = picture.resize((size, size), Image.Resampling.NEAREST)
        made = without_face(cut_drawing(drawn, Window.whole(size, size), size), logits_of(labels)[0].softmax(0), None)
        before, after = np.asarray(drawn)[..., :3].astype(int), made.figure[..., :3].astype(int)
        skin = np.kron(labels == PART["head"] + 1, np.ones((size // SIZE,) * 2)) > 0
        inside = ndimage.binary_erosion(skin, iterations=2 * size // SIZE, border_value=1)
        assert inside.sum() > 0.8 * skin.sum() and np.abs(after[inside] - HAIR).max() < 8
        edge = ndimage.binary_dilation(np.asarray(drawn)[..., 3] == 0, iterations=size // (2 * SIZE) + 1) & skin
        assert np.median(np.abs(after[edge] - INK).max(-1)) < 8  # the line around the figure
        crown = (slice(size // 4, size // 3), slice(size // 2, size // 2 + 5))
        assert np.array_equal(after[crown], before[crown])

    def test_the_band_of_a_hat_is_no_hair(self):
        """Between the hat and the face there are a line, a yellow band and another line."""
        picture, labels = head(hair=True)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((26, 50, 102, 51), fill=INK)
        draw.rectangle((26, 45, 102, 49), fill=(250, 220, 60))
        made = without_face(drawing_of(picture), logits_of(labels)[0].softmax(0), None).figure
        assert np.abs(made[62:90, 45:84, :3].astype(int) - HAIR).max() < 8
        assert np.abs(made[46, 64, :3].astype(int) - (250, 220, 60)).max() < 8

    def test_a_bald_head_keeps_its_outline_and_has_no_eyes(self):
        picture, labels = head(hair=False)
        made = without_face(drawing_of(picture), logits_of(labels)[0].softmax(0), None).figure
        assert np.abs(made[60:80, 40:90, :3].astype(int) - SKIN).max() < 8
        assert np.abs(made[24, 64, :3].astype(int) - INK).max() < 60 and made[10, 64, 3] == 0

    def test_a_head_without_a_face_stays_as_it_is(self):
        picture, labels = head(hair=True)
        drawing = drawing_of(picture)
        all_hair = np.where(labels > 0, PART["hair"] + 1, 0)
        assert without_face(drawing, logits_of(all_hair)[0].softmax(0), None) is drawing


def test_a_driver_from_behind_shows_the_drawings_head_from_behind(monkeypatch):
    """The hair of the person has its own colour, and the layout shows hair alone."""
    drawn = person(SIZE)
    monkeypatch.setattr("capture.inference.kept_parts.head.head_directions", lambda pictures, logits: [vector(20)])
    keeper = HeadKeeper(F.avg_pool2d(logits_of(labels_of()), 2), [drawing_of(drawn)], shown(drawn))
    layers = layers_of(labels_of(back=True))
    made, placed = keeper(layers, GROUND, vector(200))
    assert placed is not None and float(torch.linalg.det(placed.source[:, :2])) < 0  # mirrored
    labels = labels_of()
    hair = np.asarray(drawn)[labels == PART["hair"] + 1][:, :3]
    face = output(made)[30:40, 58:70]
    assert np.abs(face - np.median(hair, axis=0)).mean() < 12
    assert np.abs(np.asarray(drawn)[30:40, 58:70, :3].astype(int) - np.median(hair, axis=0)).mean() > 40
