"""The tool that compares variants of a configuration: each can be trained, and what was trained is measured."""

from __future__ import annotations

import csv
import re
from argparse import Namespace
from pathlib import Path

import pytest

from capture.common.errors import CaptureError
from capture.config.load import load_config
from capture.methods.capture.method import CaPTURe
from tests.conftest import ROOT, TINY_ARGV
from tools import ablations


def test_every_variant_is_another_configuration_of_a_generator_that_can_be_built():
    args = Namespace(samples=3000, dataset_path="toon", out=Path("out"))
    overlays = [ROOT / path for path in ablations.OVERLAYS]
    configs = {name: load_config(overlays, ablations.options(name, args)) for name in ablations.VARIANTS}
    titles = [config["main_config"].pop("result_title") for config in configs.values()]
    assert len(set(titles)) == len(titles) and all(re.fullmatch(r"[\w.-]+", title) for title in titles)
    assert len({repr(config) for config in configs.values()}) == len(configs)
    for config in configs.values():
        CaPTURe.build_generator(config)


def test_variants_are_trained_and_measured_together(mixamo_tree, tmp_path, monkeypatch):
    tiny = dict(zip((name.removeprefix("--") for name in TINY_ARGV[::2]), TINY_ARGV[1::2]))
    tiny |= {"patch": 1, "validation_pairs": 2, "sample_rows": 2}
    monkeypatch.setattr(ablations, "VARIANTS", {"base": tiny, "a = 0, as drawn": tiny | {"alpha_init": 0}})
    monkeypatch.setattr(ablations, "OVERLAYS", ())
    monkeypatch.setattr(ablations, "PER_EPOCH", 2)
    out, pairs = tmp_path / "out", mixamo_tree / "test" / "pairs.csv"
    argv = ["--pairs", pairs, "--out", out, "--samples", "4", "--dataset_path", mixamo_tree]
    monkeypatch.setattr("sys.argv", ["ablations", *map(str, argv)])
    ablations.main()
    rows = list(csv.DictReader((out / "evaluation" / "table.csv").read_text().splitlines()))
    measured = {row["method"].split(" (")[0]: row for row in rows}
    assert all(0 < float(measured[name]["l1"]) < 1 for name in ("base", "a_0_as_drawn"))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--only", "bass"), "bass: no such variant; there are base; "),
        (("--samples", "1500"), "--samples: give a multiple of 1000, found 1500"),
        ((), "no such file; prepare.py writes one"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_trained(argv, message, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["ablations", "--pairs", str(tmp_path / "none.csv"), *argv])
    with pytest.raises(CaptureError, match=re.escape(message)):
        ablations.main()
