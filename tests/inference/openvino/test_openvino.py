"""Rendering with OpenVINO: the pictures of torch, of ONNX files and of weights, several frames at a time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from capture.common.device import native_bf16
from capture.common.errors import CaptureError
from capture.inference.onnx.export import TOLERANCE, examples, export_onnx
from capture.inference.onnx.files import part_path
from capture.inference.onnx.steps import first_poses
from capture.inference.openvino import generator as module
from capture.inference.openvino.compiled import settings
from capture.inference.openvino.generator import OpenVinoGenerator, difference, of_torch
from capture.inference.openvino.models import convert
from capture.inference.openvino.precision import keep_coordinates
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, normalise, open_rgb
from capture.methods.base import Generator
from capture.methods.build import build_generator
from tests.conftest import draw_figure, tiny_config

ov = pytest.importorskip("openvino")
pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
STREAMS = 3  # more than there may be cores


class Toy(Generator):
    """The least generator that can be cut: two encoders, of which one uses the noise, and a decoder that uses it."""

    noise_dim = 4

    def __init__(self):
        super().__init__()
        self.identity, self.pose, self.to_rgb = (torch.nn.Conv2d(*of, 3, padding=1) for of in ((3, 4), (3, 4), (8, 3)))

    def forward(self, inputs, noise=None, details=False):
        noise = torch.zeros(len(inputs["pose"]), 2, 4) if noise is None else noise
        return self.decode(self.encode_identity(inputs, noise[:, 0]), self.encode_pose(inputs), noise)

    def encode_identity(self, inputs, noise):
        return {0: self.identity(inputs["identity"]).relu() + noise[:, :, None, None]}

    def encode_pose(self, inputs):
        return {"deep": F.avg_pool2d(self.pose(inputs["pose"]), 2)}

    def decode(self, identity, pose, noise):
        deep = F.interpolate(pose["deep"] + noise[:, 1, :, None, None], scale_factor=2.0)
        return torch.tanh(self.to_rgb(torch.cat([identity[0], deep], dim=1)))


@pytest.fixture(scope="module")
def config() -> dict:
    return tiny_config("--image_size", "16")


@pytest.fixture(scope="module")
def toy() -> Generator:
    torch.manual_seed(0)
    return Toy().eval()


@pytest.fixture(scope="module")
def core():
    return ov.Core()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """The folder of compiled models, empty for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "capture" / "openvino"


@pytest.fixture(scope="module")
def converted(core, toy, config, tmp_path_factory) -> OpenVinoGenerator:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return of_torch(core, toy, config, settings(False, STREAMS), STREAMS)


@pytest.fixture(scope="module")
def files(toy, config, tmp_path_factory) -> list[Path]:
    """The toy's ONNX files: whole, identity, pose, decoder."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)
    return export_onnx(tmp_path_factory.mktemp("onnx") / "model.onnx", toy, config).paths


class TestWeights:
    @pytest.mark.parametrize("count", [1, 3])
    def test_pictures_are_those_of_torch_for_any_size_of_batch(self, converted, toy, config, count):
        ours, theirs = (PoseTransfer(one, config, CPU) for one in (converted, toy))
        inputs, noise = examples(toy, 16, count)
        made, expected = (one.transfer(inputs["identity"], inputs["pose"], noise) for one in (ours, theirs))
        assert len(made) == count and expected.std() > 0.05
        torch.testing.assert_close(made, expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(converted(inputs, noise), expected, rtol=0, atol=1e-5)
        without = theirs.transfer(inputs["identity"], inputs["pose"])
        assert (without - expected).abs().max() > 0.01
        torch.testing.assert_close(ours.transfer(inputs["identity"], inputs["pose"]), without, rtol=0, atol=1e-5)

    def test_frames_side_by_side_are_in_order_and_those_of_one_at_a_time(self, converted, config):
        transfer = PoseTransfer(converted, config, CPU)
        pictures = torch.randint(0, 256, (13, 3, 16, 16), generator=torch.Generator().manual_seed(0)).byte()
        identities, poses = pictures[:2], pictures[2:]
        made = list(transfer.drive(identities, iter(poses), batch_size=4))
        known = [transfer.encode_identity(normalise(one[None])) for one in identities]
        assert len(made) == len(poses)
        for pose, frame in zip(poses, made):
            encoded = transfer.encode_pose(normalise(pose[None]))
            one_by_one = [denormalise(transfer.decode(identity, encoded)) for identity in known]
            assert torch.equal(frame, torch.cat(one_by_one))
        assert not torch.equal(made[0], made[1])

    def test_bfloat16_is_near(self, core, toy, config):
        made = of_torch(core, toy, config, settings(True, 1), 1)
        apart = difference(toy, made, 16)
        assert apart < 0.05 and (apart > 1e-4 or not native_bf16(CPU))

    @pytest.mark.skipif(not native_bf16(CPU), reason="needs a processor with bfloat16")
    def test_coordinates_stay_in_float32(self, core, config):
        """Pixels are sampled where a product of the pose says, which bfloat16 would round to other pixels."""

        class Warping(Toy):
            def decode(self, identity, pose, noise):
                deep = pose["deep"].flatten(2)
                products = deep.softmax(dim=2) @ deep.transpose(1, 2)  # OpenVINO transposes inside of the product
                moved = 0.3 * torch.tanh(products.mean(dim=1)[:, :2, None, None])
                rows = torch.linspace(-1, 1, 16)
                grid = (
                    torch.stack(torch.meshgrid(rows, rows, indexing="xy"))[None] + moved + noise[:, 1, :2, None, None]
                )
                return torch.tanh(self.to_rgb(F.grid_sample(identity[0].repeat(1, 2, 1, 1), grid.permute(0, 2, 3, 1))))

        torch.manual_seed(0)
        toy = Warping().eval()
        models = convert(toy, config)
        runs, products = {}, {}
        for name, model in (("kept", keep_coordinates(core, models["frame"])), ("all", models["frame"])):
            compiled = core.compile_model(model, "CPU", settings(True, 1))
            about = [op.get_rt_info() for op in compiled.get_runtime_model().get_ordered_ops()]
            about = [of for of in about if "runtimePrecision" in of]
            runs[name] = sum(of["runtimePrecision"].astype(str) == "bf16" for of in about)
            products[name] = {
                of["runtimePrecision"].astype(str) for of in about if of["layerType"].astype(str) == "MatMul"
            }
        assert 0 < runs["kept"] < runs["all"]
        assert products == {"kept": {"f32"}, "all": {"bf16"}}

    def test_a_video_drives_relative_to_its_first_frame(self, core):
        """FOMM, which can't be cut, in both of its modes."""
        config = tiny_config("--method", "fomm", "--kp_detector.num_blocks", "1", "--dense_motion.num_blocks", "1")
        torch.manual_seed(0)
        fomm = build_generator(config).eval()
        with torch.no_grad():  # a large head, so that keypoints are places and not the whole picture
            for name, weight in fomm.named_parameters():
                if name.endswith("kp.weight"):
                    weight.mul_(30)
        made = of_torch(core, fomm, config, settings(False, 2), 2)  # it compares both modes with torch
        inputs, noise = examples(fomm, 32, 2)
        assert (made.transfer_relative(inputs, first_poses(inputs)) - made(inputs, noise)).abs().max() > 10 * TOLERANCE
        pictures = torch.randint(0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0)).byte()
        theirs, ours = (
            torch.stack(list(PoseTransfer(one, config, CPU).drive(pictures[:1], pictures[1:], 2, relative=True)))
            for one in (fomm, made)
        )
        assert (theirs.int() - ours.int()).abs().max() <= 1


class TestCache:
    def test_a_network_is_converted_once_and_a_damaged_file_is_not_used(
        self, core, toy, config, cache, monkeypatch, capsys
    ):
        converted = of_torch(core, toy, config, settings(False, STREAMS), STREAMS)
        kept = sorted(cache.iterdir())
        assert [path.name.split(".", 1)[1] for path in kept] == ["frame.blob", "identity.blob"]
        calls, convert = [], module.convert
        monkeypatch.setattr(module, "convert", lambda *given: calls.append(1) or convert(*given))
        again = of_torch(core, toy, config, settings(False, STREAMS), STREAMS)
        inputs, noise = examples(toy, 16, 1)
        assert not calls and torch.equal(again(inputs, noise), converted(inputs, noise))
        whole = kept[0].read_bytes()
        kept[0].write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        capsys.readouterr()
        again = of_torch(core, toy, config, settings(False, STREAMS), STREAMS)
        assert calls == [1] and torch.equal(again(inputs, noise), converted(inputs, noise))
        assert capsys.readouterr().err.startswith("note: OpenVINO converts the network")
        assert kept[0].read_bytes() != whole[:-1] + bytes([whole[-1] ^ 1])

    def test_other_weights_are_converted_for_themselves(self, core, toy, config, converted):
        torch.manual_seed(1)
        other = Toy().eval()
        made = of_torch(core, other, config, settings(False, STREAMS), STREAMS)
        assert difference(other, made, 16) < TOLERANCE < 0.01 < difference(toy, made, 16)

    def test_without_room_for_it_rendering_works(self, core, toy, config, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("no folder")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        made = of_torch(core, toy, config, settings(False, 1), 1)
        assert difference(toy, made, 16) < TOLERANCE


class TestFiles:
    def test_files_are_read_whole_or_in_parts(self, files, toy, tmp_path):
        alone = tmp_path / "alone.onnx"
        alone.write_bytes(files[0].read_bytes())
        for path, parts in ((files[0], True), (alone, False)):
            transfer = PoseTransfer.load(path, precision="fp32", runtime="openvino")
            assert difference(toy, transfer.generator, 16) < TOLERANCE
            inputs, _ = examples(toy, 16, 2)
            features = transfer.encode_identity(inputs["identity"])
            assert all(name.startswith("identity.") for name in features) == parts
            made = transfer.decode(features, transfer.encode_pose(inputs["pose"]))
            torch.testing.assert_close(made, toy(inputs).detach(), rtol=0, atol=TOLERANCE)

    def test_damaged_and_foreign_files_are_refused_in_one_line(self, files, tmp_path):
        import onnx

        (tmp_path / "cut.onnx").write_bytes(files[0].read_bytes()[:1000])
        (tmp_path / "empty.onnx").write_bytes(b"")
        foreign = onnx.load(files[0])
        del foreign.metadata_props[:]
        onnx.save(foreign, tmp_path / "foreign.onnx")
        cases = {"cut": "not a readable", "empty": "not a readable", "foreign": "that save_result.py", "no": "no such"}
        for name, why in cases.items():
            with pytest.raises(CaptureError, match=why) as error:
                PoseTransfer.load(tmp_path / f"{name}.onnx", runtime="openvino")
            assert "\n" not in str(error.value)
        with pytest.raises(CaptureError, match="only the part 'pose'"):
            PoseTransfer.load(files[2], runtime="openvino")

    def test_parts_of_another_model_are_refused(self, files, tmp_path):
        for path in files:
            (tmp_path / path.name).write_bytes(path.read_bytes())
        part_path(tmp_path / "model.onnx", "identity").write_bytes(files[2].read_bytes())
        with pytest.raises(CaptureError, match="not the part 'identity' of model.onnx"):
            PoseTransfer.load(tmp_path / "model.onnx", runtime="openvino")


class TestRefusals:
    def test_a_network_that_can_not_be_converted(self, core, config):
        class Branching(Toy):
            def encode_pose(self, inputs):
                return super().encode_pose(inputs if inputs["pose"].sum() > 0 else {"pose": -inputs["pose"]})

        with pytest.raises(CaptureError, match="can't be converted for OpenVINO .*--export FILE.onnx") as error:
            of_torch(core, Branching().eval(), config, settings(False, 1), 1)
        assert "\n" not in str(error.value)

    def test_pictures_that_differ_from_those_of_torch_are_not_made(self, core, toy, config, cache, monkeypatch):
        monkeypatch.setattr(module, "difference", lambda *_: float("nan"))
        with pytest.raises(CaptureError, match="differ from torch's by nan"):
            of_torch(core, toy, config, settings(False, 1), 1)
        assert not cache.exists()

    def test_a_missing_package_is_named_with_the_command_that_installs_it(self, untrained, monkeypatch):
        monkeypatch.setitem(sys.modules, "openvino", None)
        with pytest.raises(CaptureError, match="openvino is not installed .*pip install openvino"):
            PoseTransfer.load(untrained, runtime="openvino")


class TestProgram:
    def test_it_renders_a_result_and_refuses_what_is_for_torch(self, untrained, tmp_path, run_main, bad_input):
        for name, seed in (("a", 1), ("b", 2)):
            draw_figure(tmp_path / f"{name}.png", seed, 3 * seed)
        given = ["--iden_path", tmp_path / "a.png", "--pose_path", tmp_path / "b.png"]
        for name in ("torch", "openvino"):
            to = ["--save_dir", tmp_path / name, "--runtime", name]
            assert run_main("save_result.py", untrained, *given, *to)[0] == 0
        torch_picture, picture = (np.asarray(open_rgb(tmp_path / n / "output.png"), int) for n in ("torch", "openvino"))
        assert torch_picture.std() > 1 and np.abs(torch_picture - picture).max() <= 1
        options = ["--save_dir", tmp_path / "no", "--runtime", "openvino"]
        assert "--compile is for torch" in bad_input("save_result.py", untrained, *given, *options, "--compile")
        assert "leave it out of an export" in bad_input(
            "save_result.py", untrained, "--export", tmp_path / "x.onnx", "--runtime", "openvino"
        )
        assert "can't load .onnx" in bad_input("save_result.py", "x.onnx", *given, *options[:2], "--runtime", "torch")
        assert not (tmp_path / "no").exists()

    def test_methods_that_read_maps_are_refused(self, tmp_path):
        from tests.conftest import write_result

        config = tiny_config("--method", "coord_inpainting")
        result = write_result(tmp_path / "maps", build_generator(config), config)
        with pytest.raises(CaptureError, match="this method reads maps"):
            PoseTransfer.load(result, runtime="openvino")
