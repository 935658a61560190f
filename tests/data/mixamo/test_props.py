"""Weapons and tools are told by the names of objects."""

from __future__ import annotations

import pytest

from capture.data.mixamo.in_blender.props import is_prop, visible

SOLDIER = ["Body", "Head", "ShoulderPad.L", "AK", "ShortCannon", "Knife_1", "SMG"]


class TestIsProp:
    @pytest.mark.parametrize("name", ["AK", "ShortCannon", "Knife_2", "weapon-sword.001", "SMG", "shield", "RifleAK"])
    def test_props(self, name):
        assert is_prop(name)

    @pytest.mark.parametrize("name", ["Body", "King_Head", "arm-left", "Elbow", "Bowtie", "ShoulderPad.R", "Cake", ""])
    def test_no_props(self, name):
        assert not is_prop(name)


class TestVisible:
    def test_keep_hide_and_one(self):
        assert visible(SOLDIER, "keep", "x") == set(SOLDIER)
        assert visible(SOLDIER, "hide", "x") == set(SOLDIER[:3])
        kept = {frozenset(visible(SOLDIER, "one", f"soldier {i}") - set(SOLDIER[:3])) for i in range(40)}
        assert kept == {frozenset([name]) for name in SOLDIER[3:]}  # by the name of the character
        assert visible(SOLDIER, "one", "x") == visible(SOLDIER[::-1], "one", "x")

    def test_a_character_that_is_called_as_a_weapon_stays(self):
        assert visible(["Sword"], "hide", "x") == {"Sword"}
