"""Reverse driving: which pairs are kept, and samples that training streams."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from capture.checkpoints.checkpoint import export_generator
from capture.common.errors import CaptureError
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.training import reverse_driving
from capture.training.reverse_driving import part_agreement, write_drivers
from tests.conftest import tiny_config
from tests.helpers.parts import moving_parts, tiny_generator

pytest.importorskip("webdataset")


class TestPartAgreement:
    figure = torch.zeros(8, 8, dtype=torch.bool)
    figure[2:6, 2:6] = True  # 16 pixels
    parts = torch.where(figure, 3, 0)

    def test_the_same_reading_of_the_whole_figure_agrees_wholly(self):
        assert part_agreement(self.parts, self.parts, self.figure) == 1
        assert part_agreement(self.parts, torch.zeros_like(self.parts), self.figure) == 0

    def test_other_parts_and_other_places_agree_less(self):
        other = self.parts.clone()
        other[2:4] *= 2  # the upper half is another part
        assert part_agreement(self.parts, other, self.figure) == 0.5
        moved = self.parts.roll(1, 1)  # 12 pixels in common, 20 in either
        assert part_agreement(self.parts, moved, self.figure) == pytest.approx(12 / 20)

    def test_a_misreading_that_comes_back_as_it_was_does_not_agree_where_the_figure_is_known(self):
        half = self.parts.clone()
        half[:, :4] = 0
        assert part_agreement(half, half, self.figure) == 0.5

    def test_a_picture_without_any_figure_does_not_agree(self):
        nothing = torch.zeros_like(self.parts)
        assert part_agreement(nothing, nothing, nothing > 0) == 0


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Tiny weights of CaPTURe-Parts, untrained."""
    folder = tmp_path_factory.mktemp("reverse") / "weights"
    config = tiny_config("--method", "capture_parts", "--num_parts", "3")
    export_generator(folder / "generator.safetensors", moving_parts(tiny_generator()).state_dict(), config)
    (folder / "0config.yaml").write_text(dump_yaml(config))
    return folder


class TestWriteDrivers:
    def write(self, weights, tree, out, samples=4, agreement=0.0, **options):
        return write_drivers(
            str(weights), str(tree), out, samples, agreement, 2, device="cpu", progress=False, **options
        )

    def test_training_streams_samples_of_drivers_and_true_frames(self, weights, mixamo_tree, tmp_path):
        contents = self.write(weights, mixamo_tree, tmp_path / "out")
        assert contents.samples == 4 and contents.size == 64
        data = open_data(tiny_config("--dataset_path", str(tmp_path / "out"), "--image_size", "64"))
        batch = data.train.batch(range(4))
        assert set(batch) == {"identity", "real", "pose", "target", "has_target"} and batch["has_target"].all()
        frames = [
            np.asarray(Image.open(path).convert("RGB").resize((64, 64)))
            for path in mixamo_tree.glob("train/*/*/**/*.png")
        ]
        for role, known in (("target", True), ("identity", True), ("pose", False)):
            shown = batch[role][0].permute(1, 2, 0).numpy()
            nearest = min(np.abs(frame.astype(float) - shown).mean() for frame in frames)
            assert (nearest < 3) == known, role
        assert len(data.test_batch(2)["target"]) == 2
        for number in ("000000", "000001"):  # each shard has its own sheets
            assert Image.open(tmp_path / "out" / f"{number}.kept.png").size[0] == 2 * 3 * 64

    def test_an_interrupted_run_goes_on_to_the_same_bytes(self, weights, mixamo_tree, tmp_path):
        first, again = tmp_path / "first", tmp_path / "again"
        self.write(weights, mixamo_tree, first)
        shutil.copytree(first, again)
        (again / "pack.json").rename(again / ".pack.json")
        (again / "000001.tar").unlink()
        (again / "000001.kept.png").unlink()
        self.write(weights, mixamo_tree, again)
        for name in ("000001.tar", "000000.kept.png", "000001.kept.png"):
            assert (again / name).read_bytes() == (first / name).read_bytes(), name

    def test_other_weights_of_the_same_name_do_not_go_on(self, weights, mixamo_tree, tmp_path):
        self.write(weights, mixamo_tree, tmp_path / "out", samples=2)
        (tmp_path / "out" / "pack.json").rename(tmp_path / "out" / ".pack.json")
        other = tmp_path / weights.name
        config = yaml.safe_load((weights / "0config.yaml").read_text())
        state = {name: value + 1 for name, value in moving_parts(tiny_generator()).state_dict().items()}
        export_generator(other / "generator.safetensors", state, config)
        shutil.copy(weights / "0config.yaml", other)
        with pytest.raises(CaptureError, match="other"):
            self.write(other, mixamo_tree, tmp_path / "out", samples=2)

    def test_too_few_pairs_that_agree_are_refused_in_one_line(self, weights, mixamo_tree, tmp_path, monkeypatch):
        monkeypatch.setattr(reverse_driving, "MOST_TRIES", 8)
        with pytest.raises(CaptureError, match="of 8 pairs 0 agree by 1 or more, and 1 are wanted; lower --agreement"):
            self.write(weights, mixamo_tree, tmp_path / "none", samples=1, agreement=1.0)
        assert (tmp_path / "none" / "000000.rejected.png").is_file() and not list((tmp_path / "none").glob("*.tar"))

    def test_weights_that_find_no_parts_and_impossible_numbers_are_refused(self, mixamo_tree, tmp_path, bad_input):
        line = bad_input("prepare.py", "reverse", "result/Toon", mixamo_tree, tmp_path / "x", "--agreement", "2")
        assert "--agreement 2.0: use a number from 0 to 1" in line
        line = bad_input("prepare.py", "reverse", tmp_path / "nothing", mixamo_tree, tmp_path / "x")
        assert "nothing" in line and not (tmp_path / "x").exists()
