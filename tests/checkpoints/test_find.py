"""Damaged checkpoints: noticed by their sums, set aside by name, and the one before is used."""

from __future__ import annotations

import random
import shutil

import pytest
import torch

from capture.checkpoints.checkpoint import FOLDER, LATEST, PREVIOUS, latest_path, load_checkpoint, save_checkpoint
from capture.checkpoints.find import newest_checkpoint
from capture.checkpoints.validate import Damaged
from capture.common.errors import CaptureError
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.training.trainer import Trainer
from tests.conftest import tiny_config
from tests.helpers.states import same


def run(mixamo_tree, folder, epochs: int) -> Trainer:
    config = tiny_config("--dataset_path", str(mixamo_tree), "--validation_pairs", "0", "--num_epochs", str(epochs))
    trainer = Trainer(config, open_data(config, ()), folder)
    assert trainer.train()
    return trainer


@pytest.fixture(scope="module")
def trained(mixamo_tree, tmp_path_factory):
    """Three epochs, saved after each: latest is the third, previous the second."""
    folder = tmp_path_factory.mktemp("newest") / "run"
    run(mixamo_tree, folder, 3)
    return folder


class TestNewestCheckpoint:
    def test_latest_and_previous_checkpoint_are_kept(self, trained):
        assert sorted(path.name for path in (trained / FOLDER).iterdir()) == [LATEST, PREVIOUS]
        assert load_checkpoint(trained / FOLDER / LATEST)["step"] == 9
        assert load_checkpoint(trained / FOLDER / PREVIOUS)["step"] == 6

    def test_a_new_folder_has_none(self, tmp_path):
        assert newest_checkpoint(tmp_path) is None

    def test_numbered_checkpoints_come_after_latest_and_previous(self, mixamo_tree, trained, tmp_path):
        shutil.copytree(trained, tmp_path / "run")
        folder = tmp_path / "run" / FOLDER
        for number, step in ((9, 90), (10, 100)):
            save_checkpoint(folder / f"{number}epoch_checkpoint.pt", {"gen_state_dict": {}, "step": step})
        for name in (LATEST, PREVIOUS):
            (folder / name).write_bytes(b"x")
        path, state = newest_checkpoint(tmp_path / "run")
        assert path.name == "10epoch_checkpoint.pt" and state["step"] == 100

    def test_a_run_whose_checkpoints_are_all_damaged_does_not_begin_again(self, mixamo_tree, trained, tmp_path):
        shutil.copytree(trained, tmp_path / "run")
        for name in (LATEST, PREVIOUS):
            (tmp_path / "run" / FOLDER / name).write_bytes(b"PK")
        for _ in range(2):  # a run does not quietly begin again
            with pytest.raises(
                CaptureError, match="no good checkpoint left .*latest_checkpoint.*remove .* to begin again"
            ):
                run(mixamo_tree, tmp_path / "run", 3)
        assert sorted(path.name for path in (tmp_path / "run" / FOLDER).iterdir()) == [LATEST, PREVIOUS]  # untouched
        (tmp_path / "run" / FOLDER / LATEST).rename(tmp_path / "run" / FOLDER / "latest_checkpoint.damaged.pt")
        (tmp_path / "run" / FOLDER / PREVIOUS).unlink()  # lost after the latest was set aside
        with pytest.raises(CaptureError, match="no good checkpoint left .damaged: latest_checkpoint.damaged.pt"):
            run(mixamo_tree, tmp_path / "run", 3)

    def test_rendering_passes_over_a_damaged_checkpoint_and_leaves_it(self, trained, tmp_path, caplog):
        shutil.copytree(trained, tmp_path / "run")
        latest_path(tmp_path / "run").write_bytes(b"x")
        transfer = PoseTransfer.load(tmp_path / "run", "cpu")
        assert transfer.source.name == PREVIOUS and "passed over" in caplog.text
        assert sorted(path.name for path in (tmp_path / "run" / FOLDER).iterdir()) == [LATEST, PREVIOUS]


class TestDamagedCheckpoint:
    def test_no_flipped_bit_goes_unnoticed(self, tmp_path):
        """A bit flipped anywhere is noticed, or is one that nothing reads."""
        path, draw = tmp_path / "a.pt", random.Random(0)
        state = {"gen_state_dict": {"w": torch.randn(20, 30), "b": torch.arange(5)}, "step": 3, "meters": {"x": 0.5}}
        save_checkpoint(path, state)
        whole, noticed = path.read_bytes(), 0
        written = load_checkpoint(path)
        for _ in range(300):
            data = bytearray(whole)
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            path.write_bytes(data)
            try:
                loaded = load_checkpoint(path)
            except CaptureError:
                noticed += 1
            else:
                assert same(loaded, written)
        assert noticed > 200  # most of the file is what it holds

    def test_compressed_records_are_refused(self, tmp_path):
        """A few kilobytes could stand for many gigabytes."""
        import zipfile

        save_checkpoint(tmp_path / "a.pt", {"gen_state_dict": {}})
        with zipfile.ZipFile(tmp_path / "a.pt") as whole, zipfile.ZipFile(tmp_path / "b.pt", "w", 8) as packed:
            for part in whole.infolist():
                packed.writestr(part.filename, whole.read(part))
        with pytest.raises(CaptureError, match="b.pt: refused: it is compressed") as caught:
            load_checkpoint(tmp_path / "b.pt")
        assert not isinstance(caught.value, Damaged)


class TestResumeFromPreviousCheckpoint:
    @pytest.mark.parametrize("damage", ("cut", "flip", "empty", "gone"))
    def test_a_run_resumed_from_the_previous_checkpoint_ends_the_same(
        self, mixamo_tree, trained, tmp_path, caplog, damage
    ):
        folder = tmp_path / "run"
        shutil.copytree(trained, folder)
        path = latest_path(folder)
        data = bytearray(path.read_bytes())
        if damage == "gone":  # as between the two renames of a save
            path.unlink()
        elif damage == "flip":
            weights = data.index(b"data/0") + 200
            data[weights + 5] ^= 4
            path.write_bytes(data)
        else:
            path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
        trainer = run(mixamo_tree, folder, 3)
        assert same(trainer.networks["gen"].state_dict(), load_checkpoint(latest_path(trained))["gen_state_dict"])
        if damage != "gone":
            assert (folder / FOLDER / "latest_checkpoint.damaged.pt").exists()
            assert "latest_checkpoint.pt" in caplog.text and "set aside as latest_checkpoint.damaged.pt" in caplog.text
            assert "previous_checkpoint.pt (step 6) in its place" in caplog.text
