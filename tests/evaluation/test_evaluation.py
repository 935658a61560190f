"""From measured numbers to the table: means, FID, and what a reader must be told."""

import math
from pathlib import Path

import pytest
import torch

from capture.evaluation.evaluation import tabulate
from capture.evaluation.measure import Measured, Row
from capture.metrics.frechet import frechet_distance

ROWS = [Row("pose returned", "floor", [Path("p.png")] * 4, note="mind"), Row("mine", "result", [Path("m.png")] * 4)]


def numbers(n: int, seed: int) -> Measured:
    random = torch.Generator().manual_seed(seed)
    values = torch.rand(n, 5, generator=random, dtype=torch.float64)
    return Measured(values, torch.rand(n, 6, generator=random))


class TestTabulate:
    def test_means_and_fid(self) -> None:
        measured = [numbers(4, 0), numbers(4, 1)]
        reference = torch.rand(4, 6, generator=torch.Generator().manual_seed(2))
        lines = tabulate(ROWS, measured, reference, {}, {}).lines
        assert [line.kind for line in lines] == ["floor", "result"] + ["published"] * 4
        for line, row in zip(lines, measured):
            assert line.cells["ssim"] == pytest.approx(row.values[:, 1].mean().item())
            assert line.cells["fid"] == pytest.approx(frechet_distance(reference, row.features))
        assert lines[0].notes == {"method": "mind"} and lines[1].notes == {}

    @pytest.mark.parametrize(("n", "warned"), [(4, True), (2047, True), (2048, False)])
    def test_fid_of_few_pairs_comes_with_a_warning(self, n: int, warned: bool) -> None:
        measured = numbers(n, 3)
        remarks = tabulate(ROWS[1:], [measured], measured.features, {}, {}).remarks
        assert any(remark.startswith(f"warning: FID of {n} pairs is biased") for remark in remarks) == warned
        assert not any("FID of" in remark for remark in tabulate(ROWS[1:], [measured], None, {}, {}).remarks)

    def test_pairs_in_which_no_part_was_found_are_said(self):
        values = torch.full((6, 2), 0.1, dtype=torch.float64)
        values[2:, 1] = torch.nan
        measured = Measured(values, columns=("l1", "pose_error"))
        (line, *_) = tabulate(ROWS[1:], [measured], None, {}, {}, metrics=("l1", "pose")).lines
        assert line.notes["pose_error"] == "on 2 of 6 pairs; in the others no part is found in both pictures"
        missing = {"pose_error": "no segmenter"}
        assert tabulate(ROWS[1:], [measured], None, {}, missing, metrics=("pose",)).lines[0].notes == missing

    def test_foregrounds_that_are_not_known_do_not_count(self) -> None:
        measured = numbers(4, 4)
        measured.values[1:3, 3:] = torch.nan
        (line, *_) = tabulate(ROWS[1:], [measured], None, {}, {}).lines
        assert line.cells["l1_foreground"] == pytest.approx(measured.values[[0, 3], 3].mean().item())
        assert line.notes["l1_foreground"].startswith("on 2 of 4 pairs")

    def test_a_missing_metric_is_empty_and_explained(self) -> None:
        measured = numbers(4, 5)
        measured.values[:, 2] = torch.nan
        missing = {"lpips": "get it", "fid": "get it too"}
        (line, *_) = tabulate(ROWS[1:], [Measured(measured.values)], None, {}, missing).lines
        assert math.isnan(line.cells["lpips"]) and "fid" not in line.cells
        assert line.notes == missing
