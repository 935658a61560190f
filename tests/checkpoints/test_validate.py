"""What a checkpoint may be before anything of it is used, and whose optimiser it holds."""

from __future__ import annotations

import zipfile

import pytest
import torch

from capture.checkpoints.checkpoint import load_checkpoint
from capture.checkpoints.validate import Damaged, check_archive, check_weights
from capture.common.errors import CaptureError
from capture.training.resume import restore_optimiser


class TestCheckArchive:
    def test_a_whole_file_passes_and_a_flipped_bit_is_damage(self, tmp_path):
        torch.save({"x": torch.zeros(1000)}, tmp_path / "good.pt")
        assert check_archive(tmp_path / "good.pt") is None
        data = bytearray((tmp_path / "good.pt").read_bytes())
        data[data.index(b"data/0") + 1000] ^= 1
        (tmp_path / "bad.pt").write_bytes(data)
        with pytest.raises(Damaged, match=r"bad.pt: damaged \(.*data/0 fails its checksum\)"):
            check_archive(tmp_path / "bad.pt")

    def test_a_compressed_record_is_refused_before_it_is_read(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("archive/data.pkl", b"\0" * 10**6)
        with pytest.raises(CaptureError, match="bomb.pt: refused: it is compressed") as caught:
            check_archive(tmp_path / "bomb.pt")
        assert not isinstance(caught.value, Damaged)  # an earlier checkpoint is no remedy

    @pytest.mark.parametrize("data", (b"", b"PK\3\4", b"text"))
    def test_files_that_are_no_zip_are_left_to_torch(self, tmp_path, data):
        """check_archive raises nothing and leaves the file alone; load_checkpoint then says what is wrong."""
        path = tmp_path / "other.pt"
        path.write_bytes(data)
        assert check_archive(path) is None
        assert path.read_bytes() == data
        with pytest.raises(Damaged, match="other.pt: .*not a checkpoint"):
            load_checkpoint(path)


class TestCheckWeights:
    def test_plain_tensors_of_every_type_pass(self):
        weights = {"w": torch.zeros(3), "n": torch.tensor(3), "h": torch.zeros(2, dtype=torch.bfloat16)}
        assert check_weights(weights, "a.pt", "gen_state_dict") is None

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (3, "not a tensor"),
            (torch.eye(3).to_sparse(), "not a plain tensor"),
            (torch.empty(3, device="meta"), "not a plain tensor"),
            (torch.zeros(3, dtype=torch.complex64), "of type complex64"),
            (torch.zeros(1).expand(9, 9), "larger than what is stored"),
            (torch.tensor([1.0, float("nan")]), "NaN or infinity"),
        ],
    )
    def test_anything_else_is_refused_by_name(self, value, message):
        with pytest.raises(CaptureError, match=f"a.pt: damaged: gen_state_dict, 'w': {message}"):
            check_weights({"w": value}, "a.pt", "gen_state_dict")


class TestRestoreOptimiser:
    def test_an_optimiser_of_other_shapes_is_refused(self):
        def adam(width: int) -> torch.optim.Adam:
            layer = torch.nn.Linear(width, 2)
            optimiser = torch.optim.Adam(layer.parameters(), fused=True)
            layer(torch.ones(1, width)).sum().backward()
            optimiser.step()
            return optimiser

        resumed, saved = adam(3), adam(3).state_dict()
        saved["state"][0]["exp_avg"].fill_(7)
        restore_optimiser(resumed, saved, "a.pt")
        assert (resumed.state_dict()["state"][0]["exp_avg"] == 7).all()
        for state in (adam(4).state_dict(), {}, None, {"state": {}, "param_groups": [3]}):
            with pytest.raises(CaptureError, match="a.pt: damaged: its optimiser"):
                restore_optimiser(adam(3), state, "a.pt")
