"""FOMM and MRAA as ONNX files, in each of their modes."""

import numpy as np
import pytest
import torch

from capture.inference.onnx.export import TOLERANCE, Exported, difference, examples, export_onnx, to_onnx
from capture.inference.onnx.files import RELATIVE, part_path
from capture.inference.onnx.generator import OnnxGenerator
from capture.inference.onnx.steps import first_poses, steps_of
from capture.inference.transfer import PoseTransfer
from capture.methods.base import Generator
from capture.methods.build import build_generator
from tests.conftest import tiny_config

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow

# exporting takes some 70 ms for each node of a graph: one halving in each hourglass
FOMM = ("--kp_detector.num_blocks", "1", "--dense_motion.num_blocks", "1")
MRAA = ("--region_predictor.num_blocks", "1", "--background.num_blocks", "1", "--pixelwise_flow.num_blocks", "1")


@pytest.fixture(scope="module")
def transfer() -> PoseTransfer:
    """A tiny FOMM whose head is large, so that keypoints are places and not the whole picture."""
    config = tiny_config("--method", "fomm", *FOMM)
    torch.manual_seed(0)
    generator = build_generator(config)
    with torch.no_grad():
        for name, weight in generator.named_parameters():
            if name.endswith("kp.weight"):
                weight.mul_(30)
    return PoseTransfer(generator, config, torch.device("cpu"))


@pytest.fixture(scope="module")
def exported(transfer, tmp_path_factory) -> tuple[PoseTransfer, Exported]:
    """The generator, and its files."""
    path = tmp_path_factory.mktemp("fomm") / "model.onnx"
    return transfer, export_onnx(path, transfer.generator, transfer.config)


class TestModes:
    def test_the_pictures_are_those_of_torch_for_any_size_of_batch(self, exported):
        transfer, made = exported
        assert [path.name for path in made.paths] == ["model.onnx", "model.relative.onnx"]
        assert 0 < made.largest < TOLERANCE
        for count in (1, 4):
            inputs, noise = examples(transfer.generator, transfer.size, count)
            assert difference(transfer.generator, OnnxGenerator(made.paths[0]), inputs, noise)[0] < TOLERANCE

    def test_the_relative_mode_is_not_the_usual_one(self, exported):
        transfer, made = exported
        generator = OnnxGenerator(made.paths[0])
        inputs, noise = examples(transfer.generator, transfer.size, 2)
        relative = generator.transfer_relative(inputs, first_poses(inputs))
        assert (relative - generator(inputs, noise)).abs().max() > 10 * TOLERANCE

    def test_graphs_hold_operators_of_the_standard_alone(self, exported):
        for path in exported[1].paths:
            model = onnx.load(path)
            onnx.checker.check_model(model)
            assert {entry.domain for entry in model.opset_import} <= {"", "ai.onnx"}


class TestVideos:
    def test_a_video_drives_relative_to_its_first_frame(self, exported):
        transfer, made = exported
        by_onnx = PoseTransfer.load(made.paths[0], "cpu")
        rng = torch.Generator().manual_seed(0)
        pictures = torch.randint(0, 256, (4, 3, transfer.size, transfer.size), dtype=torch.uint8, generator=rng)
        both = [list(one.drive(pictures[:1], pictures[1:], 2, relative=True)) for one in (transfer, by_onnx)]
        for one, other in zip(*both):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=0, atol=1)

    def test_without_its_file_there_is_no_relative_mode(self, exported, tmp_path):
        alone = tmp_path / "alone.onnx"
        alone.write_bytes(exported[1].paths[0].read_bytes())
        assert OnnxGenerator(exported[1].paths[0]).relative and not OnnxGenerator(alone).relative
        assert part_path(alone, RELATIVE).name == "alone.relative.onnx"


ABSOLUTE = pytest.mark.exhaustive(remains="the mode avd, whose graph is that of absolute and a network more")


def mraa(mode: str) -> tuple[Generator, dict]:
    """A tiny MRAA that is configured to a mode, with its configuration."""
    config = tiny_config("--method", "mraa", "--mode", mode, *MRAA)
    torch.manual_seed(0)
    return build_generator(config).eval(), config


class TestMraa:
    @pytest.mark.parametrize(
        ("configured", "mode", "other"),
        [("avd", "avd", "absolute"), ("absolute", "absolute", "relative"), ("relative", "absolute", "relative")],
    )
    def test_what_is_exported_is_the_configured_mode(self, configured, mode, other):
        """In torch, before anything is exported."""
        generator, config = mraa(configured)
        inputs, noise = examples(generator, config["dataset_config"]["image_size"], 3)
        step, arguments = steps_of(generator, inputs, noise)[0]
        with torch.no_grad():
            made = step(*arguments)
            expected, unlike = (generator.transfer(inputs, one, first_poses(inputs)) for one in (mode, other))
        torch.testing.assert_close(made, expected, rtol=0, atol=0)
        assert (made - unlike).abs().max() > 100 * TOLERANCE

    @pytest.mark.parametrize("mode", ["avd", pytest.param("absolute", marks=ABSOLUTE)])
    def test_the_picture_of_the_configured_mode_is_that_of_torch(self, mode):
        """The axes of its regions come from the closed form of the decomposition."""
        generator, config = mraa(mode)
        inputs, noise = examples(generator, config["dataset_config"]["image_size"], 2)
        step, arguments = steps_of(generator, inputs, noise)[0]
        model = to_onnx(step, arguments, config, any_batch=False)
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        made = session.run(None, {name: tensor.numpy() for name, tensor in zip(step.input_names, arguments)})[0]
        with torch.no_grad():
            expected = step(*arguments)
        np.testing.assert_allclose(made, expected.numpy(), rtol=0, atol=TOLERANCE)
