"""Bones of rigged characters and the body parts that they belong to."""

from __future__ import annotations

import pytest

from capture.data.iuv.bones import part_of, renumbering_of
from capture.io.iuv import PARTS

MIXAMO = {
    "mixamorig:Hips": "pelvis", "mixamorig:Spine": "belly", "mixamorig:Spine1": "chest", "mixamorig9:Spine2": "chest",
    "mixamorig:Neck": "neck", "mixamorig:Head": "head", "mixamorig:LeftShoulder": "chest", "LeftArm": "l_upper_arm",
    "mixamorig:LeftForeArm": "l_forearm", "mixamorig:LeftHand": "l_hand", "mixamorig:LeftHandThumb2": "l_hand",
    "mixamorig:LeftHandPinky3": "l_hand", "mixamorig:RightHandIndex1": "r_hand", "mixamorig:LeftUpLeg": "l_thigh",
    "mixamorig:LeftLeg": "l_shin", "mixamorig:LeftFoot": "l_foot", "mixamorig:LeftToeBase": "l_foot",
    "mixamorig_RightUpLeg": "r_thigh", "rightleg": "r_shin", "mixamorig:RightFoot": "r_foot", "RightArm": "r_upper_arm",
}  # fmt: skip
QUATERNIUS = {
    "Hips": "pelvis", "Body": "pelvis", "Abdomen": "belly", "Torso": "chest", "Shoulder.L": "chest", "Neck": "neck",
    "Head": "head", "UpperArm.L": "l_upper_arm", "LowerArm.R": "r_forearm", "Fist.R": "r_hand", "lowerlegl": "l_shin",
    "UpperLeg.R": "r_thigh", "Foot.L": "l_foot",
}  # fmt: skip
OTHERS = {
    "head_leaf": "head",
    "ball_leaf_l": "l_foot",
    "index_04_leaf_r": "r_hand",
    "Tail.003": "tail",
    "Ear.L": "ears",
    "ears": "ears",
    "R_Thigh": "r_thigh",
    "calf_l": "l_shin",
}

ANIMALS = {  # Mesh2Motion's, and Quaternius' dinosaurs and animals
    "Front_Leg_Shoulder_L": "chest", "Front_Leg_Upper_L": "l_upper_arm", "Front_Leg_Lower_R": "r_forearm",
    "Front_Leg_Ankle_R": "r_hand", "Front_Leg_Foot_L": "l_hand", "Front_Leg_Tip_L": "l_hand",
    "Back_Leg_Pelvis_R": "pelvis", "Back_Leg_Upper_L": "l_thigh", "Back_Leg_Lower_L": "l_shin",
    "Back_Leg_Ankle_R": "r_foot", "Back_Leg_Foot_1_R": "r_foot", "Chin": "face", "Ear_Tip_L": "ears",
    "Tail_Mid.001": "tail", "Stomach_tip": "belly", "Head.tip": "head", "FrontLeg.R": "r_upper_arm",
    "FrontUpLeg.L": "l_upper_arm", "FrontLowLeg.L": "l_forearm", "BackFoot.R": "r_foot", "BackLeg.L": "l_thigh",
    "BackUpLeg.L": "l_thigh", "BackLowLeg.R": "r_shin", "Shoulders": "chest", "Back": "belly",
    "BackShoulder.L": "pelvis", "BackUpperLeg.R": "r_thigh", "FrontLowerLeg.R": "r_forearm", "Torso2": "chest",
}  # fmt: skip


class TestPartOf:
    @pytest.mark.parametrize(("bone", "part"), (MIXAMO | QUATERNIUS | OTHERS | ANIMALS).items())
    def test_known_bone_names(self, bone, part):
        assert part_of(bone)[0] == part

    @pytest.mark.parametrize("bone", ("Bone", "PoleTarget.L", "Sword", "arm", "LeftEye", ""))
    def test_unknown_bone_names(self, bone):
        assert part_of(bone) is None


class TestRenumbering:
    def test_bones_of_one_part_have_different_cells(self):
        bones = tuple(name for name in MIXAMO if "Hand" not in name or name == "mixamorig:LeftHand") + ("A", "B", "C")
        new = renumbering_of(bones)
        points = [
            (new.part[i], new.u[i, u], new.v[i, v])
            for i in range(1, len(bones) + 1)
            for u in (9, 128)
            for v in (9, 200)
        ]
        assert len(set(points)) == len(points)
        assert new.part[0] == 0 and (new.part[len(bones) + 1 :] == PARTS.index("extra") + 1).all()

    def test_the_neck_of_an_animal_without_a_neck_bone_is_its_upper_spine(self):
        spine = ("Spine_1", "Spine_2", "Spine_3", "Spine_4")
        animal = renumbering_of((*spine, "Front_Leg_Upper_L"))
        person, named = renumbering_of((*spine, "LeftArm")), renumbering_of((*spine, "Front_Leg_Upper_L", "Neck"))
        parts = [[PARTS[new.part[i] - 1] for i in range(1, 5)] for new in (animal, person, named)]
        assert parts == [["belly", "chest", "neck", "neck"], ["chest"] * 4, ["chest"] * 4]
        assert not (animal.u[3] == animal.u[4]).all() or not (animal.v[3] == animal.v[4]).all()
