"""Drawings used more than once: which pictures make a sample, and that they are what a stream of shots says."""

from __future__ import annotations

import torch

from capture.data.toon.dataset import ToonStream
from capture.data.toon.render_groups import GROUPS_PER_BLOCK, PORTRAITS, SAMPLES_PER_RENDER_GROUP, SCENES, group_sample
from capture.data.toon.rendering.render import render


class TestGroupSample:
    def test_every_sample_of_a_block_comes_once(self):
        seen = [group_sample(3, 0, i) for i in range(2 * GROUPS_PER_BLOCK * SAMPLES_PER_RENDER_GROUP)]
        first, second = (
            seen[: GROUPS_PER_BLOCK * SAMPLES_PER_RENDER_GROUP],
            seen[GROUPS_PER_BLOCK * SAMPLES_PER_RENDER_GROUP :],
        )
        keys = {(c.group, c.character, c.identity, c.pose) for c in first}
        assert len(keys) == len(first) == GROUPS_PER_BLOCK * SAMPLES_PER_RENDER_GROUP
        assert {c.group for c in first} == set(range(GROUPS_PER_BLOCK)) and min(
            c.group for c in second
        ) == GROUPS_PER_BLOCK
        assert all(c.identity < PORTRAITS and c.pose != c.identity != c.real and c.real < SCENES for c in seen)
        assert len({c.group for c in first[:8]}) > 4  # neighbours are of different groups
        assert group_sample(3, 0, 5) == seen[5] and any(group_sample(4, 0, i) != seen[i] for i in range(5))

    def test_each_picture_is_the_pose_of_one_of_ten_samples(self):
        seen = [group_sample(3, 0, i, 10) for i in range(GROUPS_PER_BLOCK * 10)]
        assert len({(c.group, 1 - c.character, c.pose) for c in seen}) == GROUPS_PER_BLOCK * 2 * SCENES == len(seen)
        stream = ToonStream(32, 9, share_renders=True, samples_per_render_group=10)
        identity, _, pose, target = stream.shots(7)
        assert target == pose.with_character(identity.character_seed)


class TestSharedRenders:
    def test_pictures_are_those_of_the_shots_in_any_order(self):
        stream = ToonStream(32, 2**62, seed=1, share_renders=True, uv=True)
        samples = stream.__getitems__([700, 3, 2, 701])
        again = ToonStream(32, 2**62, seed=1, share_renders=True, uv=True)
        for index, sample in zip((2, 3), (samples[2], samples[1])):
            drawn = render(stream.shots(index), 32, outputs=("rgb", "iuv"))
            for k, role in enumerate(("identity", "real", "pose", "target")):
                assert torch.equal(sample[role], drawn["rgb"][k]) and torch.equal(sample[f"{role}_uv"], drawn["iuv"][k])
            assert all(torch.equal(value, sample[name]) for name, value in again[index].items())
        identity, real, pose, target = stream.shots(3)
        assert identity.character_seed == real.character_seed == target.character_seed != pose.character_seed
        assert target == pose.with_character(identity.character_seed) and len({identity, real, target}) >= 2
        assert len(stream._rendered) <= 2 * GROUPS_PER_BLOCK

    def test_fewer_pictures_are_rendered_than_samples_have(self, monkeypatch):
        drawn = []

        def counting(shots, *args):
            drawn.append(len(shots))
            return render(shots, *args)

        monkeypatch.setattr("capture.data.toon.dataset.render", counting)
        ToonStream(16, 2**62, seed=1, share_renders=True).__getitems__(
            range(GROUPS_PER_BLOCK * SAMPLES_PER_RENDER_GROUP)
        )
        assert sum(drawn) == 2 * SCENES * GROUPS_PER_BLOCK < 4 * GROUPS_PER_BLOCK * SAMPLES_PER_RENDER_GROUP / 8

    def test_limited_number_of_characters(self):
        stream = ToonStream(32, 2**62, characters=2, share_renders=True)
        assert {shot.character_seed for i in range(60) for shot in stream.shots(i)} == {10000, 10001}
