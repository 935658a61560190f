"""`evaluate.py --as_saved`: the pictures that save_result.py saves are measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.evaluation.parallel import Workers
from capture.evaluation.rendering import _weights_digest, render
from capture.inference.transfer import PoseTransfer
from capture.io.pairs import Pair
from tests.conftest import tiny_config, write_result
from tests.helpers.parts import moving_parts, tiny_generator

SIZE, CELL = 64, 4


@pytest.fixture(scope="module")
def transfer(tmp_path_factory) -> PoseTransfer:
    words = ("--method", "capture_parts", "--dataset_path", "toon", "--num_parts", "3", "--image_size", str(SIZE))
    config = tiny_config(*words)
    return PoseTransfer.load(write_result(tmp_path_factory.mktemp("parts"), moving_parts(tiny_generator()), config))


@pytest.fixture
def pairs(tmp_path) -> list[tuple[int, Pair]]:
    """A pair of pixel art on the ground that toon has."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 200, (12, 3), np.uint8)
    paths = []
    for name in ("identity", "pose"):
        cells = np.full((SIZE // CELL, SIZE // CELL, 3), 235, np.uint8)
        cells[3:14, 4:12] = colours[rng.integers(0, 12, (11, 8))]
        paths.append(tmp_path / f"{name}.png")
        Image.fromarray(cells.repeat(CELL, 0).repeat(CELL, 1)).save(paths[-1])
    return [(0, Pair(paths[0], paths[1], paths[0]))]


def picture(pairs: list[tuple[int, Pair]]) -> np.ndarray:
    with Image.open(pairs[0][1].identity) as image:
        return np.asarray(image.convert("RGB"))


def rendered(transfer: PoseTransfer, pairs: list[tuple[int, Pair]], folder: Path, as_saved: bool) -> Image.Image:
    (file,) = render(transfer, "tiny", pairs, SIZE, folder, Workers(), as_saved=as_saved)
    with Image.open(file) as image:
        return image.convert("RGB")


class TestAsSaved:
    def test_pixel_art_is_measured_as_pixel_art(self, transfer, pairs, tmp_path):
        own, saved = (np.asarray(rendered(transfer, pairs, tmp_path, as_saved)) for as_saved in (False, True))
        blocks, known = (x.reshape(SIZE // CELL, CELL, SIZE // CELL, CELL, 3) for x in (saved, picture(pairs)))
        assert (blocks == blocks[:, :1, :, :1]).all()
        colours = {tuple(colour) for colour in known[:, 0, :, 0].reshape(-1, 3)}
        others = {tuple(colour) for colour in blocks[:, 0, :, 0].reshape(-1, 3)} - colours
        assert len(others) <= 1  # the ground that the network drew
        assert own.shape == saved.shape and not (own == saved).all()

    def test_another_picture_is_the_network_s_own_where_both_have_one_size(self, transfer, pairs, tmp_path):
        path = pairs[0][1].identity
        noise = np.random.default_rng(1).integers(0, 255, (SIZE, SIZE, 3), np.uint8)
        Image.fromarray(noise).save(path)
        own, saved = (np.asarray(rendered(transfer, pairs, tmp_path, as_saved), int) for as_saved in (False, True))
        assert np.abs(own - saved).max() <= 1


def test_pictures_are_made_again_where_the_configuration_beside_the_weights_changes(transfer, pairs, tmp_path):
    """As networks.sharpness, which may be changed in 0config.yaml after training."""
    rendered(transfer, pairs, tmp_path, False)
    networks = transfer.config["capture_parts_config"]["networks"]
    section = {**transfer.config["capture_parts_config"], "networks": {**networks, "sharpness": 4.0}}
    config = {**transfer.config, "capture_parts_config": section}
    changed = PoseTransfer(transfer.generator, config, transfer.device, source=transfer.source)
    folders = {folder.name for folder in tmp_path.iterdir() if folder.is_dir()}
    rendered(changed, pairs, tmp_path, False)
    assert len({folder.name for folder in tmp_path.iterdir() if folder.is_dir()} - folders) == 1


def test_the_digest_of_a_releases_folder_is_that_of_its_weights(tmp_path):
    """Coordinate inpainting is released as a folder with a file for each network."""
    for name in ("inpainter.pth", "refiner.pth", "notes.txt"):
        (tmp_path / name).write_text(name)
    before = _weights_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("other")
    assert _weights_digest(tmp_path) == before
    (tmp_path / "refiner.pth").write_text("other")
    assert _weights_digest(tmp_path) != before != _weights_digest(tmp_path / "inpainter.pth")
