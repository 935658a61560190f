"""Checkpoints of the form that the authors released, made here with random weights; and what isn't one."""

from pathlib import Path

import pytest
import torch
from capture.methods.keypoint_warping.published import load_fomm, load_mraa, read_published

from capture.common.errors import CaptureError
from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.network import Fomm
from capture.methods.mraa.avd import AvdNetwork
from capture.methods.mraa.network import Mraa
from tests.helpers.tiny_baselines import FOMM, MRAA, fill, tiny_discriminator, tiny_fomm, tiny_mraa, two_frames


def save_fomm(path: Path) -> tuple[Fomm, MultiScaleDiscriminator]:
    network, discriminator = fill(tiny_fomm()), fill(tiny_discriminator())
    optimiser = torch.optim.Adam(network.parameters())
    two = network(*two_frames())
    two.mean().backward()
    optimiser.step()
    state = {
        "generator": network.generator.state_dict(),
        "kp_detector": network.kp_detector.state_dict(),
        "discriminator": discriminator.state_dict(),
        "optimizer_generator": optimiser.state_dict(),
        "epoch": 99,
    }
    torch.save(state, path, _use_new_zipfile_serialization=False)  # as torch 1.0 wrote them
    return network.eval(), discriminator


def save_mraa(path: Path, **without) -> Mraa:
    network = fill(tiny_mraa(avd=True))
    state = {
        "generator": network.generator.state_dict(),
        "region_predictor": network.region_predictor.state_dict(),
        "bg_predictor": network.bg_predictor.state_dict(),
        "avd_network": network.avd_network.state_dict(),
        "epoch_reconstruction": 99,
    }
    torch.save({name: value for name, value in state.items() if name not in without}, path)
    return network.eval()


def test_fomm_loads_and_renders_the_same(tmp_path):
    saved, discriminator = save_fomm(tmp_path / "vox-cpk.pth.tar")
    network, other = tiny_fomm().eval(), tiny_discriminator()
    frames = two_frames()
    assert not torch.equal(network(*frames), saved(*frames))
    load_fomm(tmp_path / "vox-cpk.pth.tar", network, other)
    assert torch.equal(network(*frames), saved(*frames))
    assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), discriminator.state_dict().values()))


def test_mraa_loads_with_its_avd_network_or_without(tmp_path):
    frames = two_frames()
    saved = save_mraa(tmp_path / "cpk.pth")
    network = tiny_mraa(avd=True).eval()
    load_mraa(tmp_path / "cpk.pth", network)
    for mode in ("absolute", "avd"):
        assert torch.equal(network.transfer(*frames, mode=mode), saved.transfer(*frames, mode=mode))
    assert torch.equal(network.reconstruct(*frames), saved.reconstruct(*frames))
    apart = AvdNetwork(MRAA["num_regions"], 8, 8)
    load_mraa(tmp_path / "cpk.pth", tiny_mraa(), apart)
    assert torch.equal(apart.decoder[0].weight, saved.avd_network.decoder[0].weight)

    save_mraa(tmp_path / "first-stage.pth", avd_network=True)
    load_mraa(tmp_path / "first-stage.pth", tiny_mraa(avd=True))
    with pytest.raises(CaptureError, match="first-stage.pth: holds generator, .* and no avd_network"):
        load_mraa(tmp_path / "first-stage.pth", tiny_mraa(avd=True, mode="avd"))


def test_names_of_parallel_training_load(tmp_path):
    save_fomm(tmp_path / "one.tar")
    state = read_published(tmp_path / "one.tar")
    assert set(state) == {"generator", "kp_detector", "discriminator"}
    torch.save(
        {name: {f"module.{k}": v for k, v in part.items()} for name, part in state.items()}, tmp_path / "two.tar"
    )
    load_fomm(tmp_path / "two.tar", tiny_fomm())


def one_line(call, *arguments) -> str:
    with pytest.raises(CaptureError) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_wrong_checkpoints_are_one_line_and_load_nothing(tmp_path):
    save_fomm(tmp_path / "fomm.tar")
    save_mraa(tmp_path / "mraa.pth")
    network = tiny_fomm(num_kp=4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    message = one_line(load_fomm, tmp_path / "fomm.tar", network)
    assert "made for another configuration: generator.dense_motion_network.hourglass" in message
    assert "is 8x16x3x3 there and 8x20x3x3 here" in message
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert "no kp_detector; give a checkpoint of the right method" in one_line(
        load_fomm, tmp_path / "mraa.pth", tiny_fomm()
    )
    assert "no region_predictor" in one_line(load_mraa, tmp_path / "fomm.tar", tiny_mraa())
    assert "missing here" in one_line(load_fomm, tmp_path / "fomm.tar", tiny_fomm(estimate_jacobian=False))


def test_damaged_hostile_and_missing_files_are_one_line(tmp_path):
    path = tmp_path / "x.tar"
    assert "no such checkpoint" in one_line(read_published, path)
    path.write_bytes(b"PK\x03\x04 half a file")
    assert "not a checkpoint that can be read" in one_line(read_published, path)
    torch.save({"generator": Hostile(tmp_path / "ran")}, path)
    assert "run code when loaded" in one_line(read_published, path)
    assert not (tmp_path / "ran").exists()
    torch.save({"gen_state_dict": {}}, path)
    assert "not a published checkpoint of FOMM or MRAA (no generator in it)" in one_line(read_published, path)
    torch.save([1, 2], path)
    assert "no generator in it" in one_line(read_published, path)


class Hostile:
    """Unpickled without care, it creates a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_published_sizes():
    """Parameters of the published configurations, counted in the authors' networks."""
    published = {"block_expansion": 32, "max_features": 1024, "num_blocks": 5, "scale_factor": 0.25}
    flow = {"block_expansion": 64, "max_features": 1024, "num_blocks": 5, "scale_factor": 0.25}
    painter = {"block_expansion": 64, "max_features": 512, "num_down_blocks": 2, "num_bottleneck_blocks": 6}
    with torch.device("meta"):
        fomm = Fomm({**FOMM, "num_kp": 10, "kp_detector": published, "generator": painter, "dense_motion": flow})
        discriminator = MultiScaleDiscriminator([1])
        mraa = Mraa(
            {
                **MRAA,
                "num_regions": 10,
                "region_predictor": {**published, "pca_based": True, "pad": 0},
                "background": {**{k: v for k, v in published.items() if k != "scale_factor"}, "bg_type": "affine"},
                "generator": painter,
                "pixelwise_flow": flow,
            },
            AvdNetwork(10),
        )
    parts = (fomm.kp_detector, fomm.generator, discriminator)
    parts += (mraa.region_predictor, mraa.bg_predictor, mraa.generator, mraa.avd_network)
    assert [sum(p.numel() for p in part.parameters()) for part in parts] == [
        14215368,
        45575391,
        2758849,
        14146728,
        6282438,
        45575391,
        2290620,
    ]
