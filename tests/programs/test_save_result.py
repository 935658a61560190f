"""save_result.py: the release's command line, on our results, exports and the release's own checkpoint."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.config.yaml import dump_yaml
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, tensor_to_image
from capture.methods.build import build_generator
from tests.conftest import draw_figure, tiny_config, write_result


@pytest.fixture(scope="module")
def result(untrained):
    return untrained


@pytest.fixture
def pictures(tmp_path):
    draw_figure(tmp_path / "A.png", 1, 2, size=40)
    image = Image.new("RGB", (30, 60), (235, 235, 235))
    image.paste((200, 30, 30), (10, 10, 20, 50))
    image.save(tmp_path / "B.png")
    return tmp_path / "A.png", tmp_path / "B.png"


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


def command(result, pictures, out, *more):
    return [result, "--iden_path", pictures[0], "--pose_path", pictures[1], "--save_dir", out, *more]


class TestPictures:
    def test_both_pictures_are_the_same_every_time(self, result, pictures, tmp_path, run_main):
        for name in ("one", "two"):
            status, out, _ = run_main("save_result.py", *command(result, pictures, tmp_path / name))
            assert status == 0 and "output.png" in out
        output, triple = pixels(tmp_path / "one" / "output.png"), pixels(tmp_path / "one" / "iden_pose_output.png")
        assert output.shape == (32, 32, 3) and triple.shape == (32, 96, 3)
        assert (triple[:, 64:] == output).all()
        assert tuple(triple[16, 48]) == (200, 30, 30) and tuple(triple[2, 2]) == (
            235,
            235,
            235,
        )  # not darkened, not inverted
        assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["iden_pose_output.png", "output.png"]
        assert (tmp_path / "one" / "output.png").read_bytes() == (tmp_path / "two" / "output.png").read_bytes()

    def test_noise_is_seeded(self, result, pictures, tmp_path, run_main):
        got = {}
        for name, more in {
            "still": (),
            "a": ("--noise_scale", "1", "--seed", "1"),
            "again": ("--noise_scale", "1", "--seed", "1"),
            "b": ("--noise_scale", "1", "--seed", "2"),
        }.items():
            assert run_main("save_result.py", *command(result, pictures, tmp_path / name, *more))[0] == 0
            got[name] = (tmp_path / name / "output.png").read_bytes()
        assert got["a"] == got["again"] and len({got["still"], got["a"], got["b"]}) == 3

    def test_keep_aspect_crops_the_padding_away(self, result, pictures, tmp_path, run_main):
        run_main("save_result.py", *command(result, pictures, tmp_path / "square"))
        run_main("save_result.py", *command(result, pictures, tmp_path / "kept", "--keep_aspect"))
        square, kept = pixels(tmp_path / "square" / "output.png"), pixels(tmp_path / "kept" / "output.png")
        assert kept.shape == (32, 16, 3) and (kept == square[:, 8:24]).all()

    def test_folders_give_every_combination(self, result, pictures, tmp_path, run_main):
        (tmp_path / "poses").mkdir()
        for name in ("p", "q"):
            shutil.copy(pictures[1], tmp_path / "poses" / f"{name}.png")
        status, out, _ = run_main(
            "save_result.py", *command(result, (pictures[0], tmp_path / "poses"), tmp_path / "out")
        )
        assert status == 0 and "2 pictures" in out
        assert (tmp_path / "out" / "A__p" / "output.png").is_file() and (
            tmp_path / "out" / "A__q" / "output.png"
        ).is_file()


class TestExport:
    def test_an_export_renders_without_its_result_folder(self, result, pictures, tmp_path, run_main):
        run_main("save_result.py", *command(result, pictures, tmp_path / "out"))
        exported = tmp_path / "generator.safetensors"
        assert run_main("save_result.py", result, "--export", exported)[0] == 0
        assert run_main("save_result.py", *command(exported, pictures, tmp_path / "alone"))[0] == 0
        assert (tmp_path / "alone" / "output.png").read_bytes() == (tmp_path / "out" / "output.png").read_bytes()


class TestReleaseCheckpoint:
    @pytest.mark.parametrize("parallel", (False, True))
    def test_the_releases_own_checkpoint_renders_what_the_release_rendered(self, shared, tmp_path, parallel, programs):
        """In a process of its own, from its checkpoint and configuration unchanged, also as DataParallel saved them."""
        reference = shared / "reference"
        tensors = load_file(reference / "tensors.safetensors")
        folder = tmp_path / "release"
        (folder / "CheckPoint").mkdir(parents=True)
        shutil.copy(reference / "0config.yaml", folder)
        if parallel:
            state = load_checkpoint(reference / "latest_checkpoint.pt")
            for key in ("gen_state_dict", "disc_state_dict"):
                state[key] = {f"module.{name}": value for name, value in state[key].items()}
            torch.save(state, latest_path(folder))
        else:
            shutil.copy(reference / "latest_checkpoint.pt", latest_path(folder))
        for name in ("identity", "pose"):
            tensor_to_image(denormalise(tensors[f"input.{name}"][0])).save(tmp_path / f"{name}.png")
        inputs = (tmp_path / "identity.png", tmp_path / "pose.png")
        run = programs.run("save_result.py", *command(folder, inputs, tmp_path / "out"))
        assert run.status == 0, run.err
        got = pixels(tmp_path / "out" / "output.png")
        want = denormalise(tensors["generator.output_zero_noise"][0]).permute(1, 2, 0).numpy().astype(int)
        assert want.std() > 5  # a picture, not a flat colour
        # the inputs went through 8 bits a channel, the output too: about one step of 255, rarely more
        assert np.abs(got - want).mean() < 1 and np.abs(got - want).max() <= 12


class TestBatches:
    @pytest.mark.parametrize("size", (32, 48))
    def test_a_batch_gives_the_pictures_of_its_members(self, result, size):
        transfer = PoseTransfer.load(result, "cpu")
        images = torch.rand(2, 3, 3, size, size) * 2 - 1
        together = transfer.transfer(*images)
        alone = torch.cat([transfer.transfer(images[0, i : i + 1], images[1, i : i + 1]) for i in range(3)])
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)

    def test_too_little_memory_names_the_batch_size(self, programs, tmp_path):
        """Eight pictures of 512 pixels at a time, and the system gives 100 MB."""
        config = tiny_config("--image_size", "512")
        folder = write_result(tmp_path / "large", build_generator(config), config)
        for i in range(8):
            draw_figure(tmp_path / "poses" / f"{i}.png", 1, i)
        argv = command(folder, (tmp_path / "poses" / "0.png", tmp_path / "poses"), tmp_path / "out")
        line = programs.run("save_result.py", *argv, "--batch_size", 8, memory=100 << 20).error()
        assert "rendering at --batch_size 8: the memory of this machine is not enough; lower --batch_size" in line
        assert not (tmp_path / "out").exists()


class TestBadInput:
    def test_bad_input_is_one_line_and_writes_nothing(self, result, pictures, tmp_path, bad_input):
        out = tmp_path / "out"
        text = tmp_path / "notes.txt"
        text.write_text("hello")
        assert "no such result folder" in bad_input("save_result.py", *command(tmp_path / "no", pictures, out))
        assert "no 0config.yaml here" in bad_input("save_result.py", *command(tmp_path, pictures, out))
        assert "no such file" in bad_input("save_result.py", *command(result, (tmp_path / "no.png", pictures[1]), out))
        assert "not a picture" in bad_input("save_result.py", *command(result, (pictures[0], text), out))
        assert "--export" in bad_input("save_result.py", result, "--export", tmp_path / "x.pt")
        empty = tmp_path / "empty"
        empty.mkdir()
        assert "no pictures in this folder" in bad_input("save_result.py", *command(result, (empty, pictures[1]), out))
        shutil.copytree(result, tmp_path / "bare")
        latest_path(tmp_path / "bare").unlink()
        assert "no checkpoint in this result folder" in bad_input(
            "save_result.py", *command(tmp_path / "bare", pictures, out)
        )
        shutil.copytree(result, tmp_path / "other")
        other = tiny_config("--idenE_config.c", "8", "--poseE_config.c", "8", "--idenE_config.min_ch", "32",
                            "--poseE_config.min_ch", "32", "--dec_config.min_ch", "32")  # fmt: skip
        (tmp_path / "other" / "0config.yaml").write_text(dump_yaml(other))
        message = bad_input("save_result.py", *command(tmp_path / "other", pictures, out))
        assert "idenE_config.c is 4 in the checkpoint and 8 in the configuration" in message
        assert not out.exists()
        assert "a file; --save_dir names a folder" in bad_input("save_result.py", *command(result, pictures, text))
