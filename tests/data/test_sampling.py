"""The sampler: what it draws, how evenly, and that nothing but seed and index decides."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from capture.data.index.catalog import Catalog, scan
from capture.data.index.index import PLAIN, IndexBuilder
from capture.data.sampling import EndlessBatches, IdentityPictures, draw, draw_other_pictures


class TestDraw:
    def test_two_characters_and_two_videos_of_the_first(self, mixamo_tree):
        catalog = scan(mixamo_tree)
        seen = Counter()
        for i in range(600):
            sample = [catalog.frame(number)[0] for number in draw(catalog, 3, i)]
            (a, clip_x), (a_too, clip_y), (b, clip_p), (a_again, clip_t) = (
                path.relative_to(mixamo_tree / "train").parts[:2] for path in sample
            )
            assert a == a_too == a_again != b and clip_x != clip_y
            assert clip_t == clip_p and sample[3].name == sample[2].name
            seen[a, b] += 1
        assert len(seen) == 6 and min(seen.values()) > 60  # 100 expected of each

    def test_the_target_is_the_first_character_in_the_seconds_pose(self, mixamo_tree):
        catalog = scan(mixamo_tree)
        for index in range(20):
            sample = draw(catalog, 5, index)
            identity, real, pose, target = (catalog.frame(number)[0] for number in sample)
            character = next(part for part in identity.parts if part.startswith("character_"))
            assert character in real.parts and character in target.parts and character not in pose.parts
            clip_and_frame = [path.parts[path.parts.index("train") + 2 :] for path in (identity, real, pose, target)]
            assert clip_and_frame[3] == clip_and_frame[2] and clip_and_frame[1][0] != clip_and_frame[0][0]

    def test_every_frame_is_equally_likely(self, mixamo_tree):
        catalog = scan(mixamo_tree)
        drawn = [draw(catalog, 1, i) for i in range(3600)]
        for role in range(3):
            seen = Counter(one[role] for one in drawn)
            assert len(seen) == 18 and min(seen.values()) > 140 and max(seen.values()) < 260  # 200 expected of each

    def test_two_frames_of_a_character_with_one_clip(self):
        builder = IndexBuilder()
        for name in (b"a", b"b"):
            builder.add_character(name, [(name, PLAIN, [b"0.png", b"1.png", b"2.png"])])
        catalog = Catalog(Path("fashion"), "fashion", builder.finish({}, flat=True), False)
        seen = Counter()
        for i in range(600):
            identity, real, pose, target = draw(catalog, 0, i)
            assert identity != real and identity // 3 == real // 3 != pose // 3 and target is None
            seen[identity, real] += 1
        assert len(seen) == 12 and min(seen.values()) > 25  # 50 expected of each

    def test_seed_and_index_decide(self, mixamo_tree):
        catalog = scan(mixamo_tree)
        assert [draw(catalog, 1, i) for i in range(50)] == [draw(catalog, 1, i) for i in range(50)]
        assert [draw(catalog, 1, i) for i in range(50)] != [draw(catalog, 2, i) for i in range(50)]


class TestEndlessBatches:
    def test_ranks_share_no_sample_and_leave_none_out(self):
        taken = [i for rank in range(3) for batch in islice(EndlessBatches(6, 0, rank, 3), 5) for i in batch]
        assert sorted(taken) == list(range(30))
        assert next(iter(EndlessBatches(4, 2))) == [8, 9, 10, 11]

    def test_samples_of_an_update_do_not_depend_on_the_number_of_processes(self):
        for world in (1, 2, 4):
            shares = [next(iter(EndlessBatches(4, 3, rank, world))) for rank in range(world)]
            assert sum(shares, []) == [12, 13, 14, 15]
        with pytest.raises(ValueError, match="batch of 4 can't be shared evenly by 3"):
            EndlessBatches(4, world=3)


class TestIdentityPictures:
    def test_all_samples_of_an_update_have_the_same_number(self):
        counts = IdentityPictures(4, batch_size=6, seed=3)
        for update in range(20):
            shares = [list(islice(EndlessBatches(6, update, rank, 3), 1))[0] for rank in range(3)]
            assert len({counts.count(share) for share in shares}) == 1

    def test_one_to_so_many_are_equally_likely(self):
        seen = Counter(IdentityPictures(3, 2, seed=1).count([2 * update]) for update in range(600))
        assert set(seen) == {1, 2, 3} and min(seen.values()) > 150  # 200 expected of each
        assert {IdentityPictures().count([i]) for i in range(20)} == {1}

    def test_others_are_of_the_same_character_in_other_clips_where_there_are_more(self, mixamo_tree):
        catalog = scan(mixamo_tree)
        known = catalog.index
        for index in range(20):
            sample = draw(catalog, 2, index)
            others = draw_other_pictures(catalog, 2, index, 3)
            clips = [known.clip_of(frame) for frame in (sample.identity, sample.target, *others)]
            assert len({known.character_of(clip) for clip in clips}) == 1
            assert len(set(others)) == 3 and not {sample.identity, sample.target} & set(others)
            if clips[0] == clips[1]:  # the tree has two clips: the other one is free
                assert clips[0] not in clips[2:4]
            assert draw_other_pictures(catalog, 2, index, 1) == others[:1]
            assert others[0] not in draw_other_pictures(catalog, 2, index, 3, target=others[0])

    def test_a_character_with_too_few_frames_shows_its_identity_again(self):
        builder = IndexBuilder()
        for name in (b"a", b"b"):
            builder.add_character(name, [(name, PLAIN, [b"0.png", b"1.png"])])
        catalog = Catalog(Path("fashion"), "fashion", builder.finish({}, flat=True), False)
        sample = draw(catalog, 0, 0)
        assert draw_other_pictures(catalog, 0, 0, 3) == [sample.real, sample.identity, sample.identity]
