"""Pictures that are made on a device: where the processor has to wait for it, and how often."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from capture.data.styles.filters import filter_pictures
from capture.data.styles.style import KINDS, draw_style
from capture.data.toon.motion.motions import VARIED
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from tests.helpers.styles import figure_and_map
from tests.helpers.waits import Waits


class TestStyleFilters:
    @pytest.mark.parametrize("kind", [kind for kind in KINDS["many"] if kind not in ("pixel art", "anything")])
    def test_filters_never_ask_a_device_for_a_value(self, kind):
        """Tensors of the device "meta" have no values: reading one raises. Pixel art counts the pixels of figures."""
        pictures, maps = (x.to("meta") for x in figure_and_map(2, 32))
        drawn, same, *_ = filter_pictures(pictures, maps, draw_style(np.random.default_rng(5), kind=kind))
        assert (drawn.device.type, drawn.shape, drawn.dtype) == ("meta", pictures.shape, torch.uint8)
        assert same.shape == maps.shape


class TestToonRenderer:
    def test_it_waits_as_often_for_many_shots_as_for_one(self):
        """Surfaces are found by their shapes, which the processor must know; the number of waits is that of a chunk."""
        shots = [Shot(30_000 + k, VARIED[0], k, 0.2, View(30 * k)) for k in range(4)]
        found = []
        for some in (shots[:2], shots):
            with Waits() as waits:
                render(some, 32)
            found.append(waits.found.total())
        assert found[0] == found[1] < 400
