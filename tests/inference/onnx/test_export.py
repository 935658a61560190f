"""Exporting generators to ONNX, and rendering with the files."""

import sys

import numpy as np
import pytest
import torch

from capture.common.errors import CaptureError
from capture.inference.onnx import files
from capture.inference.onnx.export import OPSET, TOLERANCE, Exported, difference, examples, export_onnx, to_onnx
from capture.inference.onnx.files import About, part_path
from capture.inference.onnx.generator import OnnxGenerator
from capture.inference.onnx.steps import is_cut, steps_of
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from capture.nn.unet import UNet
from tests.conftest import draw_figure, tiny_config

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def transfer(untrained) -> PoseTransfer:
    """The published network, tiny and untrained."""
    return PoseTransfer.load(untrained, "cpu")


@pytest.fixture(scope="module")
def exported(transfer, tmp_path_factory) -> Exported:
    """Its ONNX files: whole and in parts."""
    return export_onnx(tmp_path_factory.mktemp("onnx") / "model.onnx", transfer.generator, transfer.config)


@pytest.fixture(scope="module")
def by_onnx(exported) -> PoseTransfer:
    return PoseTransfer.load(exported.paths[0], "cpu")


ANY_BATCH = pytest.mark.exhaustive(remains="CaPTURe and FOMM, exported for batches of any size")


class TestExport:
    def test_every_part_is_a_file_with_metadata(self, transfer, exported):
        names = ["model.onnx", "model.identity.onnx", "model.pose.onnx", "model.decoder.onnx"]
        assert [path.name for path in exported.paths] == names
        for path, part in zip(exported.paths, ("whole", "identity", "pose", "decoder")):
            model = onnx.load(path)
            onnx.checker.check_model(model)
            assert [entry.version for entry in model.opset_import if entry.domain == ""] == [OPSET]
            about = About.from_metadata({entry.key: entry.value for entry in model.metadata_props}, path)
            assert (about.part, about.roles) == (part, ("identity", "pose"))
            assert about.config == transfer.config and about.precision == "fp32"
            assert all(not node.doc_string and not node.metadata_props for node in model.graph.node)

    def test_the_pictures_are_those_of_torch(self, exported):
        assert 0 < exported.largest < TOLERANCE and exported.mean <= exported.largest
        assert f"opset {OPSET}, weights in fp32" in str(exported)

    def test_the_size_of_the_batch_is_free(self, transfer, by_onnx):
        for count in (1, 4):
            inputs, noise = examples(transfer.generator, transfer.size, count)
            made = by_onnx.transfer(inputs["identity"], inputs["pose"], noise)
            expected = transfer.transfer(inputs["identity"], inputs["pose"], noise)
            torch.testing.assert_close(made, expected, rtol=0, atol=TOLERANCE)

    def test_an_export_that_differs_is_not_kept(self, transfer, exported, tmp_path, monkeypatch):
        made = dict(zip(("whole", "identity", "pose", "decoder"), exported.paths))
        monkeypatch.setattr("capture.inference.onnx.export.to_onnx", lambda step, *_: onnx.load(made[step.part]))
        monkeypatch.setattr("capture.inference.onnx.export.difference", lambda *_: (0.5, 0.1))
        monkeypatch.setattr("capture.inference.onnx.export.OnnxGenerator", _NoGenerator)
        with pytest.raises(CaptureError, match="differs from torch by 0.5"):
            export_onnx(tmp_path / "bad.onnx", transfer.generator, transfer.config)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("any_batch", [False, pytest.param(True, marks=ANY_BATCH)])
    def test_the_decoder_of_capture_parts_is_that_of_torch(self, any_batch):
        """The method of the weights in the box: part motion, layout, warping and refinement are in its decoder.

        Exporting takes some 70 ms for each node of the graph, so that every network has one block of its kind, and half
        of that for one size of batch.
        """
        one_layer = ("--networks.adain_layers", "[0]", "--networks.attention_layers", "[0]", "--part_textures", "true")
        config = tiny_config("--method", "capture_parts", *one_layer)
        torch.manual_seed(0)
        generator = build_generator(config).eval()
        generator.part_motion.transformer.layers = generator.part_motion.transformer.layers[:1]
        generator.refiner.blocks = generator.refiner.blocks[:1]
        width = generator.layout.coarse_head.in_channels
        generator.layout.coarse_unet, generator.layout.fine_unet = UNet(width, width).eval(), UNet(width, width).eval()
        inputs, noise = examples(generator, config["dataset_config"]["image_size"], 2)
        step, arguments = steps_of(generator, inputs, noise)[3]
        assert step.part == "decoder"
        session = ort.InferenceSession(
            to_onnx(step, arguments, config, any_batch=any_batch).SerializeToString(),
            providers=["CPUExecutionProvider"],
        )
        arguments = [value[:1] for value in arguments] if any_batch else arguments
        made = session.run(None, dict(zip(step.input_names, (value.detach().numpy() for value in arguments))))[0]
        with torch.no_grad():
            np.testing.assert_allclose(made, step(*arguments).numpy(), rtol=0, atol=TOLERANCE)

    def test_parts_of_an_earlier_export_of_that_name_are_removed(self, transfer, exported, tmp_path, monkeypatch):
        made = dict(zip(("whole", "identity", "pose", "decoder"), exported.paths))
        monkeypatch.setattr("capture.inference.onnx.export.to_onnx", lambda step, *_: onnx.load(made[step.part]))
        (tmp_path / "model.relative.onnx").write_bytes(b"of a method that has a relative mode")
        export_onnx(tmp_path / "model.onnx", transfer.generator, transfer.config)
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(path.name for path in exported.paths)

    def test_an_identity_is_encoded_once(self, exported, transfer):
        generator = OnnxGenerator(exported.paths[0])
        inputs, noise = examples(transfer.generator, transfer.size, 2)
        features = generator.encode_identity({"identity": inputs["identity"]}, noise[:, 0])
        assert "identity" not in features and all(name.startswith("identity.") for name in features)


class _NoGenerator(OnnxGenerator):
    def __init__(self, path):
        pass


class TestRendering:
    def test_the_program_renders_with_a_file(self, exported, untrained, tmp_path, run_main, bad_input):
        for name, seed in (("a", 1), ("b", 2)):
            draw_figure(tmp_path / f"{name}.png", seed, 3 * seed)
        given = ["--iden_path", tmp_path / "a.png", "--pose_path", tmp_path / "b.png"]
        for name, source in (("torch", untrained), ("onnx", exported.paths[0])):
            assert run_main("save_result.py", source, *given, "--save_dir", tmp_path / name)[0] == 0
        from capture.io.images import open_rgb

        pictures = [np.asarray(open_rgb(tmp_path / name / "output.png"), int) for name in ("torch", "onnx")]
        assert np.abs(pictures[0] - pictures[1]).max() <= 1
        to = ["--save_dir", tmp_path / "no"]
        assert "no generator.onnx" in bad_input("save_result.py", untrained, *given, *to, "--runtime", "onnx")
        model = exported.paths[0]
        assert "can't load .onnx" in bad_input("save_result.py", model, *given, *to, "--runtime", "torch")
        assert "are for torch" in bad_input("save_result.py", model, *given, *to, "--precision", "bf16")
        assert "exported again" in bad_input("save_result.py", model, "--export", tmp_path / "x.safetensors")
        assert "exported again" in bad_input("save_result.py", model, "--export", tmp_path / "x.onnx")

    def test_without_the_parts_the_whole_file_is_used(self, exported, transfer, tmp_path):
        alone = tmp_path / "alone.onnx"
        alone.write_bytes(exported.paths[0].read_bytes())
        inputs, noise = examples(transfer.generator, transfer.size, 2)
        assert difference(transfer.generator, OnnxGenerator(alone), inputs, noise)[0] < TOLERANCE

    def test_parts_of_another_model_are_refused(self, exported, tmp_path):
        for path in exported.paths:
            (tmp_path / path.name).write_bytes(path.read_bytes())
        identity, pose = (part_path(tmp_path / "model.onnx", part) for part in ("identity", "pose"))
        identity.write_bytes(pose.read_bytes())
        with pytest.raises(CaptureError, match="not the part 'identity' of model.onnx"):
            OnnxGenerator(tmp_path / "model.onnx")

    def test_damaged_and_foreign_files_are_refused_in_one_line(self, exported, tmp_path):
        (tmp_path / "cut.onnx").write_bytes(exported.paths[0].read_bytes()[:1000])
        (tmp_path / "empty.onnx").write_bytes(b"")
        foreign = onnx.load(exported.paths[0])
        del foreign.metadata_props[:]
        onnx.save(foreign, tmp_path / "foreign.onnx")
        for name, why in (("cut", "not a readable"), ("empty", "not a readable"), ("foreign", "that save_result.py")):
            with pytest.raises(CaptureError, match=why) as error:
                PoseTransfer.load(tmp_path / f"{name}.onnx", "cpu")
            assert "\n" not in str(error.value)
        with pytest.raises(CaptureError, match="only the part 'pose'"):
            PoseTransfer.load(part_path(exported.paths[0], "pose"), "cpu")


class TestOptions:
    def test_options_that_do_not_fit_are_refused(self, untrained, tmp_path, bad_input):
        assert "name it .safetensors or .onnx" in bad_input("save_result.py", untrained, "--export", "a.pt")
        assert "8-bit weights are for .onnx" in bad_input(
            "save_result.py", untrained, "--export", tmp_path / "a.safetensors", "--int8"
        )
        assert "give --export" in bad_input(
            "save_result.py", untrained, "--half", "--iden_path", "a", "--pose_path", "b", "--save_dir", "c"
        )

    def test_missing_packages_are_named_with_the_command_that_installs_them(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnxscript", None)
        with pytest.raises(CaptureError, match="onnxscript is not installed .*pip install onnx onnxruntime onnxscript"):
            files.require("onnxscript")

    def test_methods_that_read_maps_are_refused(self, tmp_path):
        config = tiny_config("--method", "lwgan")
        with pytest.raises(CaptureError, match="only methods that read pictures are exported"):
            export_onnx(tmp_path / "a.onnx", build_generator(config), config)

    def test_which_generators_are_cut(self):
        assert is_cut(build_generator(tiny_config()))
        assert not is_cut(build_generator(tiny_config("--method", "fomm")))
