"""Reading what model files hold, and telling characters from clips, without Blender."""

from __future__ import annotations

import json

import pytest

from capture.common.errors import CaptureError
from capture.data.mixamo.contents import Broken
from capture.data.mixamo.fbx import read_fbx
from capture.data.mixamo.gltf import read_gltf
from capture.data.mixamo.models import find_models, passed_over, safe_name
from tests.helpers.model_files import BONES, TEXT_FBX, fbx, glb, gltf_scene, write


class TestReadFbx:
    @pytest.mark.parametrize("version", [7400, 7500])
    def test_binary_fbx(self, tmp_path, version):
        (tmp_path / "a.fbx").write_bytes(fbx(version=version, actions=(("mixamo.com", 1.0), ("Take 001", 0.03))))
        found = read_fbx(tmp_path / "a.fbx")
        assert found.bones == tuple(f"mixamorig:{bone}" for bone in BONES)
        assert found.actions == ("mixamo.com",) and found.skinned  # the other is a T-pose
        (tmp_path / "b.fbx").write_bytes(fbx(version=version, skinned=False))
        assert not read_fbx(tmp_path / "b.fbx").skinned

    def test_text_fbx(self, tmp_path):
        (tmp_path / "a.fbx").write_text(TEXT_FBX)
        found = read_fbx(tmp_path / "a.fbx")
        assert found.bones == ("mixamorig:Hips", "mixamorig:Head")
        assert found.actions == ("mixamo.com",) and found.skinned

    @pytest.mark.parametrize("keep", [20, 26, 60, 400, 900])
    def test_truncated_fbx_is_broken(self, tmp_path, keep):
        (tmp_path / "a.fbx").write_bytes(fbx()[:keep])
        with pytest.raises(Broken, match="cut short|not FBX"):
            read_fbx(tmp_path / "a.fbx")

    def test_other_broken_fbx(self, tmp_path):
        for data, why in ((b"", "empty"), (b"MZ" * 50, "not FBX"), (fbx(version=6100), "FBX version 6.1")):
            (tmp_path / "a.fbx").write_bytes(data)
            with pytest.raises(Broken, match=why):
                read_fbx(tmp_path / "a.fbx")


class TestReadGltf:
    def test_gltf_as_text_and_binary_under_either_name(self, tmp_path):
        scene = gltf_scene(actions=(("Walk", 1.0), ("Pose", 0.0)))
        write(tmp_path, {"text.gltf": scene, "binary.gltf": glb(scene), "binary.glb": glb(scene)})
        for name in ("text.gltf", "binary.gltf", "binary.glb"):
            found = read_gltf(tmp_path / name)
            assert found.bones == BONES and found.actions == ("Walk",) and found.skinned

    def test_gltf_without_a_mesh_has_the_bones_that_it_moves(self, tmp_path):
        write(tmp_path, {"a.gltf": gltf_scene(skinned=False)})
        found = read_gltf(tmp_path / "a.gltf")
        assert found.bones == BONES[:3] and not found.skinned

    def test_broken_gltf(self, tmp_path):
        scene = gltf_scene()
        scene["buffers"] = [{"uri": "body%20parts.bin", "byteLength": 8}]
        for data, why in (
            (glb(gltf_scene())[:-9], "cut short"),
            (glb(gltf_scene())[:9], "cut short"),
            (json.dumps(gltf_scene()).encode()[:99], "not glTF"),
            (b"[]", "not glTF"),
            (b'{"asset": {}, "animations": [{}]}', "not valid glTF"),
            (json.dumps(scene).encode(), "needs body parts.bin beside it"),
        ):
            (tmp_path / "a.gltf").write_bytes(data)
            with pytest.raises(Broken, match=why):
                read_gltf(tmp_path / "a.gltf")
        (tmp_path / "body parts.bin").write_bytes(b"12345678")
        assert read_gltf(tmp_path / "a.gltf").skinned


class TestFindModels:
    def test_characters_and_clips_are_told_apart(self, tmp_path):
        write(
            tmp_path,
            {
                "Ch01 nonPBR.fbx": fbx(actions=(("mixamo.com", 0.03),)),
                "Running Jump.fbx": fbx(skinned=False),
                "animations/Wave.fbx": fbx(),  # downloaded with skin
                "characters/Dancer.fbx": fbx(),  # its dance is not wanted
                "pack/hero.glb": glb(gltf_scene(actions=(("Armature|Walk", 1.0), ("Sit Down", 2.0)))),
                "pack/broken.glb": b"glTF",
                "notes.txt": b"hello",
            },
        )
        models, broken = find_models(tmp_path)
        assert list(broken) == ["pack/broken.glb"]
        assert {m.file for m in models if m.is_character} == {
            "Ch01 nonPBR.fbx",
            "characters/Dancer.fbx",
            "pack/hero.glb",
        }
        assert {m.file: m.clips for m in models if m.clips} == {
            "Running Jump.fbx": {"Running_Jump": "mixamo.com"},
            "animations/Wave.fbx": {"Wave": "mixamo.com"},
            "pack/hero.glb": {"Walk": "Armature|Walk", "Sit_Down": "Sit Down"},
        }
        assert len({m.digest for m in models}) == 4  # the two with the same bytes are alike, everything else differs

    def test_names_are_safe_for_folders_and_test_frames(self):
        assert safe_name("Ch 01__(non PBR)/é") == "Ch_01_non_PBR"
        assert safe_name("..") == "unnamed"

    def test_folder_without_models_is_refused(self, tmp_path):
        with pytest.raises(CaptureError, match="no such folder"):
            find_models(tmp_path / "nowhere")
        with pytest.raises(CaptureError, match="no .fbx, .glb, .gltf or .vrm files"):
            find_models(tmp_path)

    def test_real_files(self, shared):
        models, broken = find_models(shared / "data" / "quaternius")
        assert len(models) == 40 and not broken
        assert all(model.is_character and len(model.contents.bones) == 23 for model in models)
        assert len(set.intersection(*(set(model.clips) for model in models))) == 14


class TestNames:
    def test_vrm_is_read_as_gltf_and_what_is_no_model_is_passed_over(self, tmp_path):
        (tmp_path / "avatar.VRM").write_bytes(glb(gltf_scene()))
        for name in ("scene.blend", "walk.bvh", "texture.png", "buffer.bin", "README"):
            (tmp_path / name).write_bytes(b"x")
        models, broken = find_models(tmp_path)
        assert [model.file for model in models] == ["avatar.VRM"] and models[0].is_character and not broken
        assert [path.name for path in passed_over(tmp_path)] == ["scene.blend", "walk.bvh"]
