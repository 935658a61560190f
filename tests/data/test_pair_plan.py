"""What is held out of a prepared dataset, and its test pairs."""

from __future__ import annotations

import numpy as np

from capture.data.pair_plan import draw_pairs, hold_out


class TestHoldOut:
    def test_names_that_are_not_usable_move_no_other_choice(self):
        names = [f"n{i}" for i in range(9)]
        held = hold_out(np.random.default_rng(1), names, 4, names)
        assert len(held) == 4 and list(held) == sorted(held) and set(held) < set(names)
        fewer = hold_out(np.random.default_rng(1), names, 4, [name for name in names if name != held[0]])
        assert set(held[1:]) < set(fewer) and held[0] not in fewer and len(fewer) == 4


class TestDrawPairs:
    CLIPS = {"a": ["walk", "run"], "b": ["walk", "run", "fly"], "c": ["walk"]}

    def draw(self, sources, count=30):
        return draw_pairs(
            np.random.default_rng(0), self.CLIPS, sources, ("walk", "run", "fly"), count, lambda rng, clip: clip
        )

    def test_a_target_is_the_identity_in_the_place_of_the_pose(self):
        for identity, pose, target in self.draw([["walk", "run"]]):
            assert identity[0] == target[0] != pose[0] and pose[1] == target[1]
            assert identity[1] in self.CLIPS[identity[0]] and target[1] in self.CLIPS[target[0]]

    def test_poses_come_from_the_lists_in_turn(self):
        assert [pose[1] for _, pose, _ in self.draw([["run"], ["walk"]], 4)] == ["run", "walk", "run", "walk"]

    def test_clips_of_one_character_give_no_pairs(self):
        assert self.draw([["fly"]]) == []
        assert {pose[1] for _, pose, _ in self.draw([["fly"], ["run"]])} == {"run"}
