"""What a checkpoint may be before anything of it is used, and whose optimiser it holds."""

from __future__ import annotations

import zipfile

import pytest
import torch

from capture.checkpoints.validate import check_archive, check_weights
from capture.common.errors import CaptureError, one_line
from capture.training.resume import restore_optimiser


def test_a_record_that_grows_is_refused_before_it_is_read(tmp_path):
    torch.save({"x": torch.zeros(1000)}, tmp_path / "good.pt")
    check_archive(tmp_path / "good.pt")
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"\0" * 10**6)
    with pytest.raises(CaptureError, match="bomb.pt: refused: it is compressed"):
        check_archive(tmp_path / "bomb.pt")


def test_what_is_no_zip_is_left_to_torch(tmp_path):
    for data in (b"", b"PK\3\4", b"text"):
        (tmp_path / "other.pt").write_bytes(data)
        check_archive(tmp_path / "other.pt")


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
def test_parameters_are_plain_tensors(value, message):
    check_weights({"w": torch.zeros(3), "n": torch.tensor(3)}, "a.pt", "gen_state_dict")
    with pytest.raises(CaptureError, match=f"a.pt: damaged: gen_state_dict, 'w': {message}"):
        check_weights({"w": value}, "a.pt", "gen_state_dict")


def test_an_optimiser_of_other_shapes_is_refused():
    def adam(width: int) -> torch.optim.Adam:
        layer = torch.nn.Linear(width, 2)
        optimiser = torch.optim.Adam(layer.parameters(), fused=True)
        layer(torch.ones(1, width)).sum().backward()
        optimiser.step()
        return optimiser

    restore_optimiser(adam(3), adam(3).state_dict(), "a.pt")
    for state in (adam(4).state_dict(), {}, None, {"state": {}, "param_groups": [3]}):
        with pytest.raises(CaptureError, match="a.pt: damaged: its optimiser"):
            restore_optimiser(adam(3), state, "a.pt")


def test_a_message_is_one_line_that_no_terminal_obeys():
    assert one_line("a\nb\x1b[2J\udcff") == "a\\nb\\x1b[2J\\udcff"
    assert len(one_line("x" * 10**6)) < 1100
