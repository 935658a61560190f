"""Bringing characters and clips together, holding some out, choosing pairs and sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capture.common.errors import CaptureError
from capture.data.mixamo.character_clips import match_clips
from capture.data.mixamo.contents import Contents
from capture.data.mixamo.models import Model
from capture.data.mixamo.plan import Request, Split, make_split, place_name, plan_pairs, usual_split, view_name
from capture.data.mixamo.sizes import choose_sizes
from capture.data.mixamo.skeleton import canonical, in_common, match

BODY = ("Hips", "Spine", "Head", "LeftArm", "RightArm", "LeftUpLeg", "RightUpLeg", "LeftFoot")
DOG = ("root", "back", "skull", "tail1", "tail2", "paw.fl", "paw.fr", "paw.bl")
REQUEST = Request(64, 4, (0.0, 45.0), 10.0, 15.0, 2, 1, 40, 0, False, 4)


def model(file: str, bones=BODY, actions=(), skinned=True) -> Model:
    return Model(file, file, Contents(tuple(bones), tuple(actions), skinned))


def mixamo(count: int = 5, clips=("Run", "Wave", "Kick")) -> list[Model]:
    """Characters and clips in files of their own, as they come from Mixamo."""
    people = [model(f"P{i}.fbx", [f"mixamorig{i or ''}:{bone}" for bone in BODY]) for i in range(count)]
    return people + [
        model(f"{clip}.fbx", [f"mixamorig:{bone}" for bone in BODY], ["mixamo.com"], False) for clip in clips
    ]


@pytest.mark.parametrize(
    "characters, clips, held",
    [(5, 3, (2, 2)), (7, 2, (2, 1)), (8, 30, (6, 2)), (40, 17, (6, 2)), (4, 1, (2, 0))],
)
def test_fewer_are_held_out_of_few(characters, clips, held):
    assert usual_split(characters, clips) == held


class TestSkeletonMatch:
    @pytest.mark.parametrize(
        "name", ["mixamorig:Left_Arm", "mixamorig7:leftarm", "mixamorigLeftArm", "rig:Left.Arm", "LeftArm"]
    )
    def test_canonical_bone_names(self, name):
        assert canonical(name) == "leftarm"

    def test_skeletons_match_if_one_has_more_bones(self):
        fingers = [f"LeftHandIndex{i}" for i in range(20)]
        found = match([f"mixamorig:{bone}" for bone in (*BODY, *fingers)], BODY)
        assert found == {f"mixamorig:{bone}": bone for bone in BODY}
        assert match(BODY, (*BODY, "Hair1", "Hair2", "HeadTop_End")) is not None

    def test_skeletons_do_not_match_by_chance(self):
        assert match(DOG, BODY) is None
        assert match(BODY[:4], BODY) is None  # too few to tell
        half = (*BODY[:5], *DOG[:5])
        assert match(half, BODY) is None and in_common(half, BODY) == (5, 8)


class TestMatchClips:
    def test_mixamo_files(self):
        found = match_clips(
            [*mixamo(), model("Dog.glb", DOG), model("Chair.fbx", ()), model("Still.fbx", BODY, (), False)]
        )
        assert [character.name for character in found.characters] == [f"P{i}" for i in range(5)]
        assert [clip.name for clip in found.clips] == ["Kick", "Run", "Wave"] and not found.clips[0].skinned
        assert found.characters[3].clips["Run"]["mixamorig:Head"] == "mixamorig3:Head"
        assert "fits no clip: 0 of 8 bones" in found.left_out["Dog.glb"]
        assert found.left_out["Chair.fbx"] == "no skeleton in it"
        assert "no mesh" in found.left_out["Still.fbx"]

    def test_clip_comes_from_one_file_for_all_characters(self):
        found = match_clips(
            [model("a.glb", BODY, ["Walk"]), model("b.glb", BODY, ["Walk", "Sit"]), model("c.glb", BODY)]
        )
        assert [(clip.name, clip.file) for clip in found.clips] == [("Sit", "b.glb"), ("Walk", "a.glb")]
        assert all(set(character.clips) == {"Sit", "Walk"} for character in found.characters)

    def test_same_name_on_another_skeleton_is_another_clip(self):
        found = match_clips(
            [model("a.glb", BODY, ["Walk"]), model("dog.glb", DOG, ["Walk"]), model("Walk_x/a.glb", BODY)]
        )
        assert [clip.name for clip in found.clips] == ["Walk", "Walk_2"]
        assert {character.name: list(character.clips) for character in found.characters} == {
            "a": ["Walk"],
            "dog": ["Walk_2"],
            "a_2": ["Walk"],
        }

    def test_similar_names_are_different_clips(self):
        found = match_clips([model("a.glb", BODY, ["Shoot", "Shoot_Twice", "Shoot_2"])])
        assert [clip.name for clip in found.clips] == ["Shoot", "Shoot_2", "Shoot_Twice"]

    def test_chosen_clips(self):
        assert [clip.name for clip in match_clips(mixamo(), ["Wave"]).clips] == ["Wave"]
        with pytest.raises(CaptureError, match="--clips Swim: no such clip; there are Kick, Run, Wave"):
            match_clips(mixamo(), ["Wave", "Swim"])

    def test_without_characters_and_clips(self):
        found = match_clips([*mixamo(), model("dog.glb", DOG, ["Bark"])]).without(
            characters={"P1"}, clips={"Run", "Bark"}
        )
        assert [character.name for character in found.characters] == [
            "P0",
            "P2",
            "P3",
            "P4",
        ]  # the dog has nothing left to do
        assert all(set(character.clips) == {"Kick", "Wave"} for character in found.characters)

    def test_restricted_to_performable_clips(self):
        found = match_clips(mixamo(3)).restricted_to({"P0": {"Run": 1.0}, "P1": {}, "P2": {"Wave": 1.0, "Run": 1.0}})
        assert {character.name: list(character.clips) for character in found.characters} == {
            "P0": ["Run"],
            "P2": ["Run", "Wave"],
        }
        assert [clip.name for clip in found.clips] == ["Run", "Wave"]


class TestPlanPairs:
    def test_target_is_the_identity_in_the_pose(self):
        found = match_clips(mixamo())
        split = make_split(found, REQUEST)
        rows = plan_pairs(found, split, REQUEST)
        assert rows == plan_pairs(found, split, REQUEST) and len(rows) == 40
        for identity, pose, target in rows:
            assert identity[0] == target[0] != pose[0] and pose[1:] == target[1:]
            assert {identity[0], pose[0]} <= set(split.test_characters)
        assert sum(pose[1] in split.test_clips for _, pose, _ in rows) == 20
        assert place_name(("P1", "Run", -45.0, 3)) == "P1__Run_a315__003.png"

    def test_pairs_of_held_out_clips_alone(self):
        found = match_clips(mixamo())
        request = replace(REQUEST, test_characters=0)
        split = make_split(found, request)
        assert len(split.train_characters) == 5
        assert {pose[1] for _, pose, _ in plan_pairs(found, split, request)} == set(split.test_clips)

    def test_characters_without_a_shared_clip_are_refused(self):
        found = match_clips([*mixamo(4), model("dog.glb", DOG, ["Bark", "Run"]), model("cat.glb", DOG)])
        mixed = Split(("P0", "P1", "cat"), ("P2", "dog"), ("Bark", "Kick", "Run", "Wave"), ("Run_2",))
        with pytest.raises(CaptureError, match="no two held-out characters share a clip"):
            plan_pairs(found, mixed, REQUEST)


class TestMakeSplit:
    def test_split_is_seeded_and_disjoint(self):
        found = match_clips(mixamo(8, ("Run", "Wave", "Kick", "Jump", "Sit")))
        splits = {make_split(found, replace(REQUEST, seed=seed, test_clips=2)) for seed in range(6)}
        assert len(splits) > 3
        for split in splits:
            assert len(split.test_characters) == 2 and len(split.train_characters) == 6
            assert not set(split.test_characters) & set(split.train_characters)
            assert len(split.test_clips) == 2 and len(split.train_clips) == 3
        assert make_split(found, REQUEST) == make_split(found, REQUEST)

    def test_broken_models_are_passed_over(self):
        found = match_clips(mixamo(6))
        split = make_split(found, REQUEST)
        gone = found.without(characters={split.test_characters[0]})
        others = make_split(found, REQUEST, gone)
        assert len(others.test_characters) == 2 and split.test_characters[1] in others.test_characters
        assert len(others.train_characters) == 3 and others.test_clips == split.test_clips
        fewer = make_split(found, REQUEST, found.without(clips=set(split.test_clips)))
        assert len(fewer.train_clips) == 1 and len(fewer.test_clips) == 1 and fewer.test_clips != split.test_clips
        with pytest.raises(CaptureError, match="3 characters with clips and 3 clips"):
            make_split(found, REQUEST, found.without(characters={"P0", "P1", "P2"}))

    def test_too_few_models_are_refused(self):
        with pytest.raises(CaptureError, match="3 characters with clips and 3 clips"):
            make_split(match_clips(mixamo(3)), REQUEST)
        with pytest.raises(CaptureError, match="leaves 0 characters"):
            make_split(match_clips(mixamo()), replace(REQUEST, test_clips=3))


class TestRequest:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"size": 8}, "--size 8"),
            ({"frames": 0}, "--frames 0"),
            ({"samples": 0}, "--samples 0"),
            ({"seed": -1}, "--seed -1"),
            ({"test_characters": 1}, "--test_characters 1"),
            ({"test_characters": 0, "test_clips": 0}, "nothing would be held out"),
            ({"azimuths": ()}, "at least one"),
            ({"azimuths": (0.5,)}, "--azimuths 0.5"),
            ({"azimuths": (0.0, 360.0)}, "each direction once"),
            ({"azimuths": (float("nan"),)}, "--azimuths nan"),
            ({"elevation": 90.0}, "--elevation 90"),
            ({"field_of_view": 0.0}, "--field_of_view 0"),
        ],
    )
    def test_impossible_arguments_are_named(self, change, message):
        with pytest.raises(CaptureError, match=message):
            replace(REQUEST, **change).check()

    def test_choices_of_the_appearance(self):
        assert REQUEST.appearance == {}
        changed = replace(REQUEST, look="cel", skin="as_is", props="hide")
        changed.check()
        assert changed.appearance == {"look": "cel", "skin": "as_is", "props": "hide"}
        with pytest.raises(CaptureError, match="--look sketch: use one of shaded, cel, flat, outline"):
            replace(REQUEST, look="sketch").check()

    def test_view_names_are_whole_degrees(self):
        assert [view_name(a) for a in (0.0, 45.0, -45.0, 360.0)] == ["a000", "a045", "a315", "a000"]


class TestChooseSizes:
    def test_nothing_is_cut_off_and_most_clips_have_full_size(self):
        fits = {
            "tall": {"a": 0.50, "b": 0.52, "c": 0.51, "d": 0.53, "lie": 0.20},
            "small": {"a": 1.00, "b": 1.04, "c": 1.02, "d": 1.05, "lie": 0.30},
        }
        scales, zooms = choose_sizes(fits)
        for name, clips in fits.items():
            for clip, largest in clips.items():
                assert scales[name] * zooms[clip] <= largest
        assert zooms["lie"] == pytest.approx(0.3, rel=1e-3)  # as the one character needs most room has it
        assert all(zooms[clip] > 0.999 for clip in "abcd")
        assert scales == pytest.approx({"tall": 0.5, "small": 1.0}, rel=1e-3)
