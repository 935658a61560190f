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


def generator_for(*argv: str) -> tuple[PoseTransfer, dict]:
    torch.manual_seed(0)
    config = tiny_config("--alpha_init", "0.5", "--beta_init", "0.5", *argv)
    return PoseTransfer(build_generator(config), config, torch.device("cpu")), config


@pytest.mark.parametrize("rows", ("identity", "pose"))
def test_the_maps_give_the_modules_own_output(rows):
    transfer, _ = generator_for("--attn_rows", rows)
    identity, pose = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    seen = []
    module = next(m for m in transfer.generator.modules() if isinstance(m, ReverseAttention))
    handle = module.register_forward_hook(lambda m, inputs, output: seen.append((inputs, output)))
    (maps,), _ = attention_maps(transfer, identity, pose)
    handle.remove()
    (f_in, f_i, f_p, *_), output = seen[0]
    assert maps.guided.shape == (maps.side**2, maps.side**2) and maps.rows == rows
    torch.testing.assert_close(maps.reverse.sum(dim=1), torch.ones(maps.side**2))

    def flat(x):
        return x.flatten(2)[0]

    h = flat(adain(f_in, f_i))
    f_a = 0.5 * flat(f_i) + 0.5 * flat(module.value_conv(f_i)) @ maps.guided.T
    f_ra = 0.5 * (h @ (1 - maps.reverse).T) + 0.5 * h
    made = module.conv_comp(torch.cat([f_a, f_ra]).reshape(1, -1, maps.side, maps.side))
    torch.testing.assert_close(made, output, rtol=1e-4, atol=1e-4)


def test_points_lie_on_the_figure_and_apart():
    picture = torch.full((3, 40, 40), 235, dtype=torch.uint8)
    picture[:, 5:35, 18:23] = 20
    points = figure_points(picture, 4)
    assert all(18 <= x * 40 < 23 and 5 <= y * 40 < 35 for x, y in points)
    assert points[0][1] == pytest.approx(5.5 / 40) and max(y for _, y in points) == pytest.approx(34.5 / 40)
    assert len(set(points)) == 4
    assert len(figure_points(torch.zeros(3, 8, 8, dtype=torch.uint8), 3)) == 3  # nothing there


def result_of(tmp_path, config, generator):
    folder = write_result(tmp_path / "result", generator, config)
    draw_figure(tmp_path / "A.png", 1, 2)
    draw_figure(tmp_path / "B.png", 2, 9)
    return folder


@pytest.mark.parametrize(("rows", "bands"), [("identity", 4), ("pose", 3), ("output", 3)])
def test_the_flag_draws_a_picture(tmp_path, run_main, rows, bands):
    transfer, config = generator_for("--attn_rows", rows)
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


def test_folders_and_generators_without_it_are_refused(tmp_path, bad_input):
    transfer, config = generator_for("--dec_attn_layers", "[-1]")
    folder = result_of(tmp_path, config, transfer.generator)
    pair = ("--pose_path", tmp_path / "B.png", "--save_dir", tmp_path / "out", "--attention")
    assert "has no reverse attention to draw" in bad_input(
        "save_result.py", folder, "--iden_path", tmp_path / "A.png", *pair
    )
    assert "one picture each" in bad_input("save_result.py", folder, "--iden_path", tmp_path, *pair)
    assert not (tmp_path / "out").exists()
