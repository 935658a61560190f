"""The animals of toon: many shapes, on four legs, with the parts of all characters."""

import numpy as np
import pytest
import torch

from capture.data.styles.style import Figure, Style
from capture.data.toon.characters.character import make_character
from capture.data.toon.characters.quadrupeds import FIRST_SEED, make_quadruped
from capture.data.toon.characters.solids import CODES
from capture.data.toon.motion.motions import posture
from capture.data.toon.rendering.camera import Shot, View, place_on_ground
from capture.data.toon.rendering.render import render
from capture.data.toon.skeleton import INDEX
from capture.data.toon.styles.drawing import render_styled
from capture.io.iuv import PART

MOTION = "walk+walk+quadruped"
FEET = ("l_wrist", "r_wrist", "l_ankle", "r_ankle")


def side_view(seed, azimuth=90.0):
    return Shot(FIRST_SEED + seed, MOTION, seed, 0.3, View(azimuth))


class TestMakeQuadruped:
    def test_large_seeds_are_animals(self):
        kinds = [make_character(seed).traits["kind"] for seed in (FIRST_SEED - 1, FIRST_SEED, FIRST_SEED + 7)]
        assert kinds[0] != "quadruped" and kinds[1:] == ["quadruped"] * 2

    def test_every_animal_has_its_parts_within_their_slots(self):
        """The builder refuses a part with more solids than slots."""
        for seed in range(400):
            animal = make_quadruped(FIRST_SEED + seed)
            assert np.isfinite(animal.geometry).all() and np.isfinite(animal.bounds).all()
            parts = set(animal.codes[:, CODES["part"]] - 1)
            limbs = [side + name for side in ("l_", "r_") for name in ("upper_arm", "forearm", "hand", "thigh", "foot")]
            wanted = ("head", "neck", "chest", "belly", "pelvis", "tail", "ears", *limbs)
            assert parts >= {PART[name] for name in wanted}

    def test_shapes_differ_widely(self):
        """From short legs to long ones, from no neck to a long one, from round heads to long ones."""
        builds = [make_quadruped(FIRST_SEED + seed).traits["build"] for seed in range(200)]
        for ratio, spread in (
            (lambda b: (b.leg + b.ankle) / b.torso, 2.0),
            (lambda b: b.neck / b.torso, 4.0),
            (lambda b: b.width / b.head, 1.7),
            (lambda b: b.chest / b.torso, 1.5),
        ):
            values = [ratio(build) for build in builds]
            assert max(values) / min(values) > spread


class TestOnFourLegs:
    def test_feet_are_below_the_trunk_and_the_head_ahead_of_it(self):
        for seed in range(16):
            pose = posture([MOTION], [0.0], [seed])
            frames = place_on_ground(pose, [make_character(FIRST_SEED + seed)])
            heights = frames.origin[0, :, 1]
            trunk = min(heights[INDEX["pelvis"]], heights[INDEX["chest"]])
            assert max(heights[INDEX[joint]] for joint in FEET) < trunk
            chest, pelvis, head = (frames.origin[0, INDEX[name]] for name in ("chest", "pelvis", "head"))
            assert torch.dot(head - chest, chest - pelvis) > 0

    def test_from_the_side_they_are_longer_than_tall(self):
        maps = render([side_view(seed) for seed in range(12)], 64, outputs=("iuv",))["iuv"]
        ratios = []
        for figure in (maps[:, 0] > 0).numpy():
            rows, columns = np.nonzero(figure)
            ratios.append(np.ptp(columns) / np.ptp(rows))
        assert np.median(ratios) > 1.1

    @pytest.mark.parametrize("azimuth", [0.0, 90.0, 180.0, 225.0])
    def test_they_stay_in_the_frame(self, azimuth):
        styles = [Style(figure=Figure(head=1.2, limbs=1.2))] * 8
        maps = render_styled([side_view(seed, azimuth) for seed in range(8)], 64, styles)["iuv"]
        figure = maps[:, 0] > 0
        assert figure.any((1, 2)).all()
        assert not figure[:, [0, -1]].any() and not figure[:, :, [0, -1]].any()

    def test_a_larger_head_does_not_make_the_animal_small(self):
        """The frame is that of an animal on four legs, whatever its head; a body that stood upright would be tall."""
        styles = [Style(), Style(figure=Figure(head=1.05))]
        plain, changed = (render_styled([side_view(seed) for seed in range(8)], 64, [style] * 8) for style in styles)
        areas = [(pictures["iuv"][:, 0] > 0).sum().item() for pictures in (plain, changed)]
        assert 0.9 < areas[1] / areas[0] < 1.15
