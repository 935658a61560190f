"""--attention: the matrices that the module really uses, and a picture of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from capture.inference.attention_legend import legend_width
from capture.inference.attention_maps import POINTS, TILE, attention_maps, figure_points
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import adain
from tests.conftest import draw_figure, tiny_config, write_result

OPTIONS = {  # whose positions are the rows of A -> the options that make it so
    "identity": (),
    "pose": ("--method", "capture_supervised", "--attention_rows", "pose"),
    "output": ("--method", "capture_parts", "--num_parts", "3"),
}


def transfer_with(*argv: str) -> tuple[PoseTransfer, dict]:
    """A renderer whose attention modules have a = b = 0.5, and its configuration."""
    torch.manual_seed(0)
    config = tiny_config(*argv)
    generator = build_generator(config)
    for module in generator.modules():
        if isinstance(module, ReverseAttention):
            torch.nn.init.constant_(module.alpha, 0.5)
            torch.nn.init.constant_(module.beta, 0.5)
    return PoseTransfer(generator, config, torch.device("cpu")), config


def result_of(tmp_path, config, generator):
    folder = write_result(tmp_path / "result", generator, config)
    draw_figure(tmp_path / "A.png", 1, 2)
    draw_figure(tmp_path / "B.png", 2, 9)
    return folder


class TestAttentionMaps:
    @pytest.mark.parametrize("rows", OPTIONS)
    def test_the_matrices_give_the_output_of_the_module(self, rows):
        transfer, _ = transfer_with(*OPTIONS[rows])
        identity, pose = torch.randint(0, 256, (2, 3, transfer.size, transfer.size), dtype=torch.uint8)
        calls = []
        modules = [m for m in transfer.generator.modules() if isinstance(m, ReverseAttention)]
        for module in modules:
            module.register_forward_hook(lambda module, inputs, output: calls.append((module, inputs, output)))
        found, picture = attention_maps(transfer, identity, pose)
        assert picture.shape == identity.shape and picture.dtype == torch.uint8
        assert len(found) == len(calls) == len(modules)
        for maps, (module, inputs, output) in zip(found, calls, strict=True):  # both with the smallest side first
            assert maps.rows == rows and maps.guided.shape == maps.reverse.shape == (maps.side**2, maps.side**2)
            for matrix in (maps.guided, maps.reverse):
                torch.testing.assert_close(matrix.sum(dim=1), torch.ones(maps.side**2))
            f_in, f_i = inputs[:2]
            if rows == "output":
                state = module.state_conv(torch.cat([f_in, inputs[3]], dim=1))
                state = state + module.code_linear(inputs[4])[..., None, None]
                f_in, output = module.state_block(torch.nn.functional.leaky_relu(state, 0.2)), output.out
            h = adain(f_in, f_i).flatten(2)[0]
            f_a = 0.5 * f_i.flatten(2)[0] + 0.5 * module.value_conv(f_i).flatten(2)[0] @ maps.guided.T
            f_ra = 0.5 * (h @ (1 - maps.reverse).T) + 0.5 * h
            made = module.out_conv(torch.cat([f_a, f_ra]).reshape(1, -1, maps.side, maps.side))
            torch.testing.assert_close(made, output, rtol=1e-3, atol=1e-3)

    def test_points_lie_on_the_figure_and_apart(self):
        picture = torch.full((3, 40, 40), 235, dtype=torch.uint8)
        picture[:, 5:35, 18:23] = 20
        points = figure_points(picture, 4)
        assert all(18 <= x * 40 < 23 and 5 <= y * 40 < 35 for x, y in points)
        assert points[0][1] == pytest.approx(5.5 / 40) and max(y for _, y in points) == pytest.approx(34.5 / 40)
        assert len(set(points)) == 4
        assert len(figure_points(torch.zeros(3, 8, 8, dtype=torch.uint8), 3)) == 3  # nothing there


class TestAttentionOption:
    @pytest.mark.parametrize(("rows", "bands"), [("identity", 4), ("pose", 3), ("output", 6)])
    def test_attention_is_drawn_in_a_picture_with_bands_for_every_module(self, tmp_path, run_main, rows, bands):
        transfer, config = transfer_with(*OPTIONS[rows])
        folder = result_of(tmp_path, config, transfer.generator)
        pair = ("--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "B.png", "--save_dir", tmp_path / "out")
        status, out, err = run_main("save_result.py", folder, *pair, "--attention")
        assert status == 0 and "attention.png" in out, err
        drawn = np.asarray(Image.open(tmp_path / "out" / "attention.png"))
        legend = legend_width(TILE + 4)
        assert drawn.shape == (bands * (TILE + 4), legend + POINTS * (TILE + 4), 3)
        for band in range(bands):  # words beside every row
            assert (drawn[band * (TILE + 4) : (band + 1) * (TILE + 4), :legend] < 100).any()
        assert (tmp_path / "out" / "output.png").exists()

    def test_folders_and_generators_without_it_are_refused(self, tmp_path, bad_input):
        transfer, config = transfer_with("--dec_attn_layers", "[-1]")
        folder = result_of(tmp_path, config, transfer.generator)
        pair = ("--pose_path", tmp_path / "B.png", "--save_dir", tmp_path / "out", "--attention")
        assert "has no reverse attention to draw" in bad_input(
            "save_result.py", folder, "--iden_path", tmp_path / "A.png", *pair
        )
        assert "one picture each" in bad_input("save_result.py", folder, "--iden_path", tmp_path, *pair)
        assert not (tmp_path / "out").exists()
