"""The people of toon: many, unlike each other, and always the same for a seed."""

import hashlib
import pickle
from collections import Counter

import numpy as np
import pytest

from capture.data.toon.characters.character import make_character
from capture.data.toon.characters.palettes import difference, mix, oklab, oklch
from capture.data.toon.characters.quadrupeds import FIRST_SEED
from capture.data.toon.characters.solids import CODES
from capture.io.iuv import PARTS, SLOT_GRID

PEOPLE = 500
SWATCHES = ("skin", "hair", "top", "bottom", "shoes")


@pytest.fixture(scope="module")
def people():
    return [make_character(seed) for seed in range(PEOPLE)]


class TestMakeCharacter:
    def test_seed_gives_the_same_character_in_every_process(self, run_apart):
        code = (
            "import hashlib; from capture.data.toon.characters.character import make_character as m; "
            "seeds = [*range(20), *range(2**40, 2**40 + 20)]; "
            "data = b''.join(m(s).geometry.tobytes() + m(s).face.tobytes() for s in seeds); "
            "print(hashlib.sha256(data).hexdigest())"
        )
        there = run_apart(code)
        cast = [make_character(seed) for first in (0, FIRST_SEED) for seed in range(first, first + 20)]
        here = hashlib.sha256(b"".join(c.geometry.tobytes() + c.face.tobytes() for c in cast)).hexdigest()
        assert there.strip() == here

    def test_characters_can_be_pickled(self):
        character = make_character(3)
        again = pickle.loads(pickle.dumps(character))
        assert np.array_equal(again.geometry, character.geometry) and again.traits == character.traits

    def test_no_two_of_five_hundred_characters_are_alike(self, people):
        """A unit of distance is 0.05 in OKLab in a swatch (0.02 is visible), a tenth in proportions, or a garment."""
        labs = np.array([[oklab(getattr(p.traits["palette"], name)) for name in SWATCHES] for p in people])
        colour = np.sqrt(((labs[:, None] - labs[None]) ** 2).sum(-1)).max(-1)  # (N, N) largest difference of a swatch
        heads = np.array([p.traits["heads_tall"] for p in people])
        shape = np.abs(np.log(heads[:, None] / heads[None]))
        words = (
            "kind",
            "species",
            "outfit",
            "hair",
            "hat",
            "sleeves",
            "legs",
            "shoes",
            "skirt",
            "pattern",
            "eyes",
            "mouth",
        )
        worn = np.array([[str(p.traits.get(word)) for word in words] for p in people])
        other = (worn[:, None] != worn[None]).sum(-1)
        distance = colour / 0.05 + shape / 0.1 + other
        np.fill_diagonal(distance, np.inf)
        assert distance.min() > 3
        assert np.median(distance) > 12

    def test_distribution_of_traits_is_wide(self, people):
        heads = np.array([p.traits["heads_tall"] for p in people])
        assert heads.min() < 2.4 and heads.max() > 5 and heads.std() > 0.7
        girth = np.array([p.traits["build"].belly for p in people])
        assert np.quantile(girth, 0.95) / np.quantile(girth, 0.05) > 1.7
        kinds = Counter(p.traits["kind"] for p in people)
        assert min(kinds["human"], kinds["animal"], kinds["robot"]) > 0.08 * PEOPLE
        assert len({p.traits["hair"] for p in people}) >= 12
        assert len({p.traits["hat"] for p in people}) >= 12
        assert len({p.traits["outfit"] for p in people}) >= 10
        for name in ("top", "bottom", "accent"):
            labs = np.array([oklab(getattr(p.traits["palette"], name)) for p in people])
            hues = np.degrees(np.arctan2(labs[:, 2], labs[:, 1])) // 30
            assert len(set(hues[np.hypot(labs[:, 1], labs[:, 2]) > 0.03])) == 12, (
                name
            )  # every twelfth of the colour wheel

    def test_every_part_occurs_and_slots_are_unique(self, people):
        seen = set()
        for person in people:
            parts, slots = person.codes[:, CODES["part"]], person.codes[:, CODES["slot"]]
            assert len(set(zip(parts, slots, strict=True))) == len(parts)
            assert (slots < SLOT_GRID[parts - 1] ** 2).all()
            assert len(parts) < 256  # the rasteriser's keys hold 8 bits
            seen |= set(parts.tolist())
        assert seen == set(range(1, len(PARTS) + 1))


class TestPalettes:
    def test_neighbouring_colours_differ(self, people):
        apart = [difference(p.traits["palette"].top, p.traits["palette"].bottom) for p in people]
        assert np.quantile(apart, 0.05) > 0.08 and np.median(apart) > 0.2

    def test_oklab_round_trip(self):
        colour = oklch(0.6, 0.1, 200)
        light, a, b = oklab(colour)
        assert light == pytest.approx(0.6, abs=1e-3)
        assert np.degrees(np.arctan2(b, a)) % 360 == pytest.approx(200, abs=0.5)
        assert oklab((1.0, 1.0, 1.0)) == pytest.approx((1, 0, 0), abs=1e-3)
        assert mix((0, 0, 0), (1, 0.5, 0), 0.5) == (0.5, 0.25, 0)
