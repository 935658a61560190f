"""The release's weights and command line: both file formats, hostile files refused, folders of samples at once."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.io.images import normalise
from capture.methods.coord_inpainting.inpainter import Inpainter
from capture.methods.coord_inpainting.method import Method
from capture.methods.coord_inpainting.published import is_release, load_inpainter, load_release, read_state
from tests.helpers.coord_inpainting import released_state, write_release
from tests.helpers.run_program import run_program


class RunsCode:
    """Would make a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def release(tmp_path):
    return write_release(tmp_path / "checkpoint")


def refused(call, *words):
    with pytest.raises(CaptureError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value), str(caught.value)


class TestLoadRelease:
    @pytest.mark.parametrize("legacy", [False, True])
    def test_both_formats_and_widths_from_the_files(self, tmp_path, legacy):
        generator = load_release(write_release(tmp_path / "w", 6, legacy), 48)
        assert (generator.options["inpainter_width"], generator.options["refiner_width"]) == (6, 6)
        assert (generator.options["convention"], generator.options["no_uv"]) == ("release", -10.0)
        state = read_state(tmp_path / "w" / "inpainter.pth")
        assert torch.equal(generator.inpainter.state_dict()["gate7.conv_m.weight"], state["gate7.conv_m.weight"])

    def test_the_method_loads_it_from_the_folder_or_a_file(self, release):
        config = {"dataset_config": {"image_size": 48}}
        for path in (release, release / "refiner.pth"):
            assert Method.load_published(path, config).options["stage"] == "picture"
        assert is_release(release) and not is_release(release.parent)
        assert Method.published_names() <= set(read_state(release / "inpainter.pth"))

    def test_files_without_counters(self, release):
        state = read_state(release / "inpainter.pth")
        state = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
        load_inpainter(state, Inpainter(4), "old")

    def test_one_power_iteration_is_taken_and_no_more(self, release):
        generator = load_release(release, 48)
        given = read_state(release / "refiner.pth")["dec1.conv.module.weight_u"]
        loaded = generator.refiner.dec1.conv.weight_u.clone()
        assert not torch.equal(given, loaded)
        generator(
            {
                "identity": torch.zeros(1, 3, 48, 48),
                "identity_uv": torch.zeros(1, 2, 48, 48),
                "target_uv": torch.zeros(1, 2, 48, 48),
            }
        )
        assert torch.equal(generator.refiner.dec1.conv.weight_u, loaded)


class TestHostileFiles:
    @pytest.mark.parametrize("legacy", [False, True])
    def test_a_file_that_runs_code_is_refused_and_not_executed(self, release, tmp_path, legacy):
        marker = tmp_path / "executed"
        torch.save({"a": RunsCode(marker)}, release / "inpainter.pth", _use_new_zipfile_serialization=not legacy)
        refused(lambda: load_release(release, 48), "inpainter.pth", "run code")
        assert not marker.exists()

    def test_a_bare_pickle_is_refused_and_not_executed(self, release, tmp_path):
        marker = tmp_path / "executed"
        (release / "refiner.pth").write_bytes(pickle.dumps(RunsCode(marker), protocol=2))
        refused(lambda: load_release(release, 48), "refiner.pth")
        assert not marker.exists()

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a checkpoint"])
    def test_damaged_files(self, release, content):
        (release / "refiner.pth").write_bytes(content)
        refused(lambda: load_release(release, 48), "refiner.pth")

    def test_a_missing_file(self, release):
        (release / "refiner.pth").unlink()
        refused(lambda: load_release(release, 48), "refiner.pth", "no such file")

    def test_files_exchanged(self, release):
        one, other = (release / name for name in ("inpainter.pth", "refiner.pth"))
        one.rename(release / "x")
        other.rename(one)
        (release / "x").rename(other)
        refused(lambda: load_release(release, 48), "gate1.conv_f.bias is missing")

    def test_nan_and_other_shapes(self, release):
        state = torch.load(release / "refiner.pth", weights_only=True)
        torch.save({**state, "res1.conv.module.bias": torch.full((4,), float("nan"))}, release / "refiner.pth")
        refused(lambda: load_release(release, 48), "NaN")
        torch.save({**state, "res2.conv.module.bias": torch.zeros(5)}, release / "refiner.pth")
        refused(lambda: load_release(release, 48), "res2.conv.bias is 5 there and 4")

    def test_duplicates_that_differ(self, release):
        torch.manual_seed(0)
        state = released_state(Inpainter(4))
        state["sequence.3.conv_f.bias"] = state["sequence.3.conv_f.bias"] + 1
        torch.save(state, release / "inpainter.pth")
        refused(lambda: load_release(release, 48), "sequence.3.conv_f.bias differs")


@pytest.fixture
def samples(tmp_path):
    """Two sources and two targets of 48x48 in the release's folders."""
    root, rng = tmp_path / "samples", np.random.default_rng(0)
    for folder in ("source_img", "source_uv", "target_uv"):
        (root / folder).mkdir(parents=True)
    for name in ("a#1", "b"):
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(root / "source_img" / f"{name}.jpg")
        for folder in ("source_uv", "target_uv"):
            uv = np.full((48, 48, 2), np.nan)
            uv[8:40, 8:40] = rng.random((32, 32, 2)) * 1.8 - 0.9
            np.save(root / folder / f"{name}.npy", uv)
    return root


class TestInferSample:
    def run(self, samples, release, out, *more):
        folders = ("--samples_root", samples, "--checkpoint_path", release, "--out_dir", out)
        return run_program("scripts/infer_sample.py", *folders, "--device", "cpu", *more)

    def test_one_sample_and_all_of_them(self, samples, release, tmp_path):
        assert self.run(samples, release, tmp_path / "one", "--source_sample", "a#1", "--target_sample", "b") == 0
        assert self.run(samples, release, tmp_path / "every") == 0
        names = {path.name for path in (tmp_path / "every").iterdir()}
        assert names == {f"{a}_to_{b}.png" for a in ("a#1", "b") for b in ("a#1", "b")}
        made = (tmp_path / "one" / "a#1_to_b.png").read_bytes()
        assert made == (tmp_path / "every" / "a#1_to_b.png").read_bytes()
        generator = load_release(release, 48)
        picture = np.array(Image.open(samples / "source_img" / "a#1.jpg"))
        maps = [np.load(samples / f / f"{n}.npy") for f, n in (("source_uv", "a#1"), ("target_uv", "b"))]
        source, target = (torch.from_numpy(uv).float().permute(2, 0, 1)[None] for uv in maps)
        identity = normalise(torch.from_numpy(picture).permute(2, 0, 1)[None])
        with torch.no_grad():
            refined = generator({"identity": identity, "identity_uv": source, "target_uv": target})
        expected = ((refined[0] + 1) / 2 * 255).byte().permute(1, 2, 0).numpy()
        written = np.array(Image.open(tmp_path / "one" / "a#1_to_b.png"))
        assert np.abs(written.astype(int) - expected).max() <= 1

    def test_refusals_take_one_line(self, samples, release, tmp_path, capsys):
        np.save(samples / "target_uv" / "b.npy", np.zeros((40, 48, 2)))
        for name, words in (("b", "48x40"), ("c", "no such sample")):
            assert self.run(samples, release, tmp_path / "out", "--source_sample", name, "--target_sample", "b") == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1 and words in error
