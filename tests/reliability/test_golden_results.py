"""Results of every version so far: they render, export and go on; those of versions to come are refused by name.

tests/fixtures/golden/results/<version>/ was written by that version's own train.py and save_result.py, from pictures
that tests.conftest.draw_figure makes: v1 (one method, one process), v2 (several methods), v3 (checkpoints with a
predecessor, perceptual term, attn_rows).
"""

from __future__ import annotations

import json
import lzma
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from capture.checkpoints.checkpoint import latest_path, load_checkpoint, save_checkpoint
from capture.checkpoints.release_names import current_names
from capture.config.load import load_result_config
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.training.trainer import Trainer
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "fixtures" / "golden" / "results"
VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


@pytest.fixture(params=VERSIONS)
def result(request, tmp_path) -> Path:
    """A result folder as that version left it, with its picture and its export."""
    folder = tmp_path / "run"
    shutil.copytree(GOLDEN / request.param, folder)
    latest_path(folder).parent.mkdir()
    latest_path(folder).write_bytes(lzma.decompress((folder / "latest_checkpoint.pt.xz").read_bytes()))
    (folder / "latest_checkpoint.pt.xz").unlink()
    return folder


def assert_same_picture(made: Path, expected: Path) -> None:
    a, b = (np.asarray(Image.open(path), np.int16) for path in (made, expected))
    assert a.shape == b.shape == (32, 32, 3) and np.abs(a - b).max() <= 1  # other machines round otherwise


def resume(folder: Path) -> list[str]:
    return [str(folder / "0config.yaml"), "--result_path", str(folder.parent), "--result_title", folder.name,
            "--dataset_path", "toon"]  # fmt: skip


def load_weights_version(path: Path) -> int:
    return torch.load(path, weights_only=True)["version"]


class TestOldResults:
    def test_every_version_has_its_files(self):
        assert VERSIONS == ["v1", "v2", "v3"]

    @pytest.mark.parametrize("source", ("folder", "export"))
    def test_old_results_render_as_they_did(self, result, tmp_path, run_main, source):
        given = result if source == "folder" else shutil.copy(result / "generator.safetensors", tmp_path)
        pictures = ("--iden_path", GOLDEN / "identity.png", "--pose_path", GOLDEN / "pose.png")
        status, _, err = run_main("save_result.py", given, *pictures, "--save_dir", tmp_path / "out")
        assert status == 0, err
        assert_same_picture(tmp_path / "out" / "output.png", result / "output.png")

    def test_exports_carry_their_configuration(self, result):
        with safe_open(str(result / "generator.safetensors"), "pt") as file:
            kept = json.loads(file.metadata()["config"])
        transfer = PoseTransfer.load(result / "generator.safetensors", "cpu")
        assert transfer.size == kept["dataset_config"]["image_size"] == 32


class TestOldRuns:
    def test_old_runs_resume_with_their_optimisers(self, result, mixamo_tree):
        config = load_result_config(result)
        config["dataset_config"]["dataset_path"] = str(mixamo_tree)
        config["train_config"]["num_epochs"] = 2
        before = load_checkpoint(latest_path(result))
        trainer = Trainer(config, open_data(config), result)
        assert trainer.step_number == before["step"] == 2
        for name, network in trainer.networks.items():
            own, old = network.state_dict(), current_names(before[f"{name}_state_dict"])
            assert set(own) == set(old) and all(torch.equal(own[key], value) for key, value in old.items())
            # the optimiser's moments, which are numbered, belong to the parameters that they belonged to
            learnt = [key for key in old if key in dict(network.named_parameters())]
            moments = {learnt[i]: values for i, values in before[f"{name}_opt"]["state"].items()}
            assert moments and any(values["exp_avg"].abs().sum() > 0 for values in moments.values())
            for key, parameter in network.named_parameters():
                resumed = trainer.optimisers[name].state.get(parameter, {})
                assert set(resumed) == set(moments.get(key, {}))
                for moment, value in resumed.items():
                    assert torch.equal(value.cpu(), moments[key][moment]), (key, moment)
        assert trainer.train() and load_checkpoint(latest_path(result))["step"] == 4


class TestNewerVersions:
    def test_a_newer_checkpoint_is_refused(self, result, bad_input, tmp_path):
        state = load_checkpoint(latest_path(result))
        save_checkpoint(latest_path(result), state | {"version": 2})
        (latest_path(result).parent / "previous_checkpoint.pt").unlink()
        for argv in (("save_result.py", result, "--export", tmp_path / "x.safetensors"), ("train.py", *resume(result))):
            message = bad_input(*argv)
            assert "written by a newer version (checkpoint version 2, this one reads 1); update this program" in message
        assert load_weights_version(latest_path(result)) == 2  # untouched: neither renamed nor written over

    def test_a_newer_export_is_refused(self, result, bad_input, tmp_path):
        with safe_open(str(result / "generator.safetensors"), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = file.metadata() | {"version": "2"}
        save_file(tensors, tmp_path / "new.safetensors", metadata)
        message = bad_input("save_result.py", tmp_path / "new.safetensors", "--export", tmp_path / "x.safetensors")
        assert "new.safetensors: exported by another version (2, this one reads 1)" in message

    def test_a_newer_configuration_is_refused(self, result, bad_input, tmp_path):
        config = load_result_config(result)
        config["train_config"]["warp_speed"] = 9
        (result / "0config.yaml").write_text(dump_yaml(config))
        message = bad_input("save_result.py", result, "--export", tmp_path / "x.safetensors")
        assert re.search(
            r"0config.yaml: unknown key train_config.warp_speed.*newer version.*update this program", message
        )
