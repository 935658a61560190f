"""Pipelines on the hub: a stand-in for it on the loopback interface."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import capture
from capture.common.errors import CaptureError
from tests.conftest import ROOT, draw_figure
from tests.helpers.fake_hub import FakeHub

PROGRAM = """
import sys, capture, numpy
result, pictures = sys.argv[1], sys.argv[2:4]
mine = capture.load(result, device="cpu")
print(mine.push_to_hub("someone/tiny", token="hf_none"))
theirs = capture.from_pretrained("someone/tiny", device="cpu")
print(numpy.array_equal(mine(*pictures), theirs(*pictures)))
for name in ("someone/nothing", "someone/empty"):
    try:
        capture.from_pretrained(name)
    except capture.CaptureError as error:
        print(error)
"""


@pytest.fixture
def pictures(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        draw_figure(tmp_path / f"{name}.png", seed, 3 * seed)
    return tmp_path / "a.png", tmp_path / "b.png"


class TestHub:
    def test_a_pipeline_goes_to_the_hub_and_comes_back(self, untrained, pictures, tmp_path):
        with FakeHub() as hub:
            hub.repositories["someone/empty"] = {}
            hub_variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, untrained, *pictures],
                cwd=ROOT,
                env={**os.environ, **hub_variables, "OMP_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
            )
            stored = hub.repositories["someone/tiny"]
        assert done.returncode == 0, done.stderr
        address, same, missing, empty = done.stdout.splitlines()
        assert address.startswith(f"{hub.endpoint}/someone/tiny/commit/") and same == "True"
        assert missing == "someone/nothing: no such repository on the hub, or a private one: give token=..."
        assert empty.startswith("someone/empty: no generator.safetensors in this repository")
        assert set(stored) == {"generator.safetensors", "config.json", "README.md"}
        card = stored["README.md"].decode()
        assert "library_name: capture" in card and 'from_pretrained("someone/tiny")' in card and "CaPTURe" in card
        assert json.loads(stored["config.json"])["dataset_config"]["image_size"] == 32

    def test_a_folder_is_saved_and_loaded_without_a_hub(self, untrained, pictures, tmp_path):
        mine = capture.load(untrained, device="cpu")
        folder = mine.save_pretrained(tmp_path / "mine")
        assert {path.name for path in folder.iterdir()} == {"generator.safetensors", "config.json", "README.md"}
        theirs = capture.from_pretrained(folder, device="cpu")
        assert np.array_equal(mine(*pictures), theirs(*pictures))

    def test_a_hub_that_cannot_be_reached_is_one_line(self, untrained):
        with pytest.raises(CaptureError, match="not uploaded") as error:
            capture.load(untrained).push_to_hub("no spaces allowed/x/y")
        assert "\n" not in str(error.value)
