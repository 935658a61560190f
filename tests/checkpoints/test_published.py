"""Checkpoints of the form that authors release are read without executing anything from them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from capture.checkpoints.published import load_networks, read_published
from capture.common.errors import CaptureError


class Hostile:
    """An object that creates a file when it is unpickled without care."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def refused(path: Path) -> str:
    with pytest.raises(CaptureError) as error:
        read_published(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    return str(error.value)


class TestReadPublished:
    @pytest.mark.parametrize("zipped", (True, False))
    def test_networks_are_read_and_optimisers_left_out(self, zipped, tmp_path):
        network = nn.Linear(2, 3)
        optimiser = torch.optim.Adam(network.parameters())
        network(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        state = {"generator": network.state_dict(), "optimizer_generator": optimiser.state_dict(), "epoch": 99}
        torch.save(state, tmp_path / "x.tar", _use_new_zipfile_serialization=zipped)  # torch 1.0 wrote no zip files
        found = read_published(tmp_path / "x.tar")
        assert list(found) == ["generator"] and torch.equal(found["generator"]["weight"], network.weight)

    def test_missing_damaged_and_hostile_files_are_one_line(self, tmp_path):
        path = tmp_path / "x.tar"
        assert "no such checkpoint" in refused(path)
        path.write_bytes(b"PK\x03\x04 half a file")
        assert "not a checkpoint that can be read" in refused(path)
        torch.save({"generator": Hostile(tmp_path / "ran")}, path)
        assert "run code when loaded" in refused(path)
        assert not (tmp_path / "ran").exists()
        torch.save({"generator": {"weight": torch.tensor([float("nan")])}}, path)
        assert "NaN or infinity" in refused(path)

    @pytest.mark.parametrize("content", ([1, 2], {"gen_state_dict": {}}, {"epoch": 3}))
    def test_files_without_networks_are_refused(self, content, tmp_path):
        torch.save(content, tmp_path / "x.tar")
        assert "not a published checkpoint (no network's weights are in it)" in refused(tmp_path / "x.tar")


class TestLoadNetworks:
    def test_names_of_data_parallel_training_are_understood(self):
        saved, network = nn.Linear(2, 3), nn.Linear(2, 3)
        state = {"generator": {f"module.{name}": value for name, value in saved.state_dict().items()}}
        load_networks(state, {"generator": network}, "x.tar")
        assert torch.equal(network.weight, saved.weight)

    def test_another_configuration_loads_nothing_and_names_the_first_difference(self):
        good, bad = nn.Linear(2, 3), nn.Linear(2, 4)
        before = good.weight.clone()
        state = {"one": nn.Linear(2, 3).state_dict(), "two": nn.Linear(2, 3).state_dict()}
        with pytest.raises(CaptureError, match=r"two.weight is 3x2 there and 4x2 here \(2 parameters differ\)"):
            load_networks(state, {"one": good, "two": bad}, "x.tar")
        assert torch.equal(good.weight, before)

    def test_missing_and_unknown_parameters_are_named(self):
        plain, without_bias = nn.Linear(2, 3).state_dict(), nn.Linear(2, 3, bias=False)
        with pytest.raises(CaptureError, match="one.bias is 3 there and missing here"):
            load_networks({"one": plain}, {"one": without_bias}, "x.tar")
        with pytest.raises(CaptureError, match="one.bias is missing there and 3 here"):
            load_networks({"one": without_bias.state_dict()}, {"one": nn.Linear(2, 3)}, "x.tar")

    def test_a_missing_network_is_named(self):
        with pytest.raises(CaptureError, match="holds one and no two; give a checkpoint of the right method"):
            load_networks({"one": {}}, {"two": nn.Linear(2, 3)}, "x.tar")
