"""Maps that CaPTURe-Parts predicts where a picture has none, and save_result.py --predict_uv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.toon.held_out import held_out_batch
from capture.inference.predicted_maps import REFERENCES, MapPredictor, load_references
from capture.inference.transfer import PoseTransfer
from capture.io.images import image_to_tensor
from capture.methods.build import build_generator
from capture.nn.init import init_weights
from capture.nn.iuv import surface_distance
from tests.conftest import ROOT, tiny_config, write_result
from tools.reference_characters import sheet

TOON = ROOT / "result" / "Toon"
SIZE = 128


@pytest.fixture(scope="module")
def predictor() -> MapPredictor:
    return MapPredictor.load(TOON, "cpu")


@pytest.fixture(scope="module")
def batch() -> dict:
    return held_out_batch(2, SIZE, seed=5, views="front", uv=True)


@pytest.fixture(scope="module")
def pictures(batch, tmp_path_factory) -> Path:
    """a.png with its map uv/a.png, and b.png without a map."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "uv").mkdir()
    for name, role in (("a.png", "identity"), ("b.png", "pose"), ("uv/a.png", "identity_uv")):
        Image.fromarray(batch[role][0].permute(1, 2, 0).contiguous().numpy()).save(folder / name)
    return folder


@pytest.fixture(scope="module", params=("lwgan", "coord_inpainting"))
def result(request, tmp_path_factory) -> Path:
    """A result of each method that reads maps, untrained."""
    config = tiny_config("--method", request.param, "--image_size", "64")
    torch.manual_seed(0)
    generator = build_generator(config)
    init_weights(generator)
    return write_result(tmp_path_factory.mktemp("result") / request.param, generator, config)


class TestMapPredictor:
    def test_maps_of_held_out_characters_are_near_the_true_ones(self, predictor, batch, tmp_path):
        right, near, shown = 0, 0, 0
        for i, picture in enumerate(torch.cat([batch["identity"], batch["pose"]])):
            Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(tmp_path / f"{i}.png")
            found = torch.from_numpy(predictor.predict(tmp_path / f"{i}.png")).permute(2, 0, 1)
            truth = torch.cat([batch["identity_uv"], batch["pose_uv"]])[i]
            figure = truth[0] > 0
            distance = surface_distance(*(uv[:, figure].T[..., None].float() for uv in (found, truth)))
            right += int((found[0] == truth[0])[figure].sum())
            near += int((distance < 0.08).sum())
            shown += int(figure.sum())
        assert right / shown > 0.65 and near / right > 0.4  # over many pictures 0.83 and 0.56

    def test_a_map_has_the_size_of_its_picture(self, predictor, pictures, tmp_path):
        with Image.open(pictures / "b.png") as picture:
            wide = Image.new("RGB", (700, 600), (235, 235, 235))
            wide.paste(picture.resize((600, 600)), (50, 0))
        wide.save(tmp_path / "wide.png")
        found = predictor.predict(tmp_path / "wide.png")
        assert found.shape == (600, 700, 3) and found.dtype == np.uint8
        plain = predictor.predict(pictures / "b.png")
        figure = Image.fromarray(found[:, 50:650, 0]).resize((SIZE, SIZE), Image.Resampling.NEAREST)
        assert ((np.asarray(figure) > 0) == (plain[..., 0] > 0)).mean() > 0.95

    def test_a_picture_without_a_figure_is_one_line(self, predictor, tmp_path):
        Image.new("RGB", (64, 64), (235, 235, 235)).save(tmp_path / "blank.png")
        with pytest.raises(CaptureError, match=r"blank.png: no figure in it that .* knows; give its IUV map"):
            predictor.predict(tmp_path / "blank.png")

    def test_generators_without_the_parts_of_the_maps_are_refused(self, result):
        with pytest.raises(CaptureError, match="predicts no IUV maps; give a result of capture_parts"):
            MapPredictor.load(result, "cpu")
        config = tiny_config("--method", "capture_parts", "--num_parts", "3")
        with pytest.raises(CaptureError, match="predicts no IUV maps"):
            MapPredictor(PoseTransfer(build_generator(config), config, torch.device("cpu")))


class TestReferences:
    @pytest.mark.parametrize("size", (64, SIZE))
    def test_each_map_is_the_map_of_its_picture(self, size):
        pictures, maps = load_references(size)
        assert pictures.shape == maps.shape == (12, 3, size, size)
        assert int(maps[:, 0].max()) <= 25 and (maps[:, 0] > 0).flatten(1).any(1).all()
        drawn = (pictures.int() - 235).abs().amax(1) > 40
        figure = maps[:, 0] > 0
        assert ((drawn & figure).sum() / figure.sum()) > 0.9  # the rest is as light as the background

    def test_the_file_is_what_its_tool_draws(self):
        stored = image_to_tensor(Image.open(REFERENCES)).int()
        drawn = sheet().int()
        assert stored.shape == drawn.shape and ((stored - drawn).abs() > 2).float().mean() < 0.001


class TestSaveResult:
    def test_missing_maps_are_predicted_and_maps_that_are_there_are_used(
        self, result, predictor, pictures, tmp_path, run_main
    ):
        given = ("--iden_path", pictures / "a.png", "--pose_path", pictures / "b.png", "--device", "cpu")
        status, _, err = run_main(
            "save_result.py", result, *given, "--save_dir", tmp_path / "out", "--predict_uv", TOON
        )
        assert status == 0, err
        assert "b.png: has no IUV map; one was predicted by " in err and "a.png: has no" not in err
        Image.fromarray(predictor.predict(pictures / "b.png")).save(tmp_path / "b_uv.png")
        named = (*given[:2], "--target_uv", tmp_path / "b_uv.png", "--save_dir", tmp_path / "named")
        status, _, err = run_main("save_result.py", result, *named)
        assert status == 0, err
        one, other = (np.asarray(Image.open(tmp_path / name / "output.png")) for name in ("out", "named"))
        assert np.array_equal(one, other)

    def test_a_folder_of_poses_and_identities_without_maps(self, result, pictures, tmp_path, run_main, monkeypatch):
        monkeypatch.chdir(ROOT)  # where the default, result/Toon, is
        (tmp_path / "identities").mkdir()
        (tmp_path / "identities" / "c.png").write_bytes((pictures / "b.png").read_bytes())
        given = ("--iden_path", tmp_path / "identities", "--pose_path", pictures, "--save_dir", tmp_path / "out")
        status, _, err = run_main("save_result.py", result, *given, "--predict_uv")
        assert status == 0, err
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["c__a", "c__b"]
        assert "c.png: has no IUV map" in err and "b.png: has no IUV map" in err and "a.png: has no" not in err

    def test_a_method_that_reads_no_maps_refuses_the_option(self, pictures, tmp_path, bad_input):
        given = ("--iden_path", pictures / "a.png", "--pose_path", pictures / "b.png", "--save_dir", tmp_path / "out")
        message = bad_input("save_result.py", TOON, *given, "--predict_uv", TOON)
        assert "this method reads no maps" in message and "leave --predict_uv out" in message
        assert not (tmp_path / "out").exists()

    def test_the_atlas_of_smpl_is_refused(self, pictures, tmp_path, bad_input):
        config = tiny_config("--method", "coord_inpainting", "--coord_inpainting_config.atlas", "smpl")
        result = write_result(tmp_path / "smpl", build_generator(config), config)
        given = ("--iden_path", pictures / "a.png", "--pose_path", pictures / "b.png", "--save_dir", tmp_path / "out")
        assert "coordinates in the atlas of SMPL" in bad_input("save_result.py", result, *given, "--predict_uv", TOON)
