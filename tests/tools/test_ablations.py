"""The tool that compares variants of a configuration: each can be trained, and what was trained is measured."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from capture.common.errors import CaptureError
from capture.config.load import load_config
from capture.methods.build import build_generator
from tests.conftest import tiny_argv
from tools import ablations

TINY_ARGV = tiny_argv()


class TestVariants:
    def test_every_variant_is_a_configuration_of_its_own_whose_generator_can_be_built(self):
        args = Namespace(samples=3000, dataset_path="toon", out=Path("out"))
        configs = {name: load_config([], ablations.options(name, args)) for name in ablations.VARIANTS}
        titles = [config["main_config"].pop("result_title") for config in configs.values()]
        assert len(set(titles)) == len(titles) and all(re.fullmatch(r"[\w.-]+", title) for title in titles)
        assert len({repr(config) for config in configs.values()}) == len(configs)
        for config in configs.values():
            build_generator(config)

    def test_a_variant_comes_after_the_one_that_it_starts_from(self):
        assert ablations.in_order(["base", "parts"]) == ["layout", "base", "parts"]
        assert ablations.in_order(["layout", "parts"]) == ["layout", "parts"]
        args = Namespace(samples=3000, dataset_path="toon", out=Path("out"))
        config = load_config([], ablations.options("parts", args))
        assert config["main_config"]["start_from"] == str(Path("out") / "layout")

    def test_variants_are_trained_and_measured_together(self, mixamo_tree, tmp_path, monkeypatch, programs):
        def run(command, cwd, check):
            """As subprocess.run, in processes that have their libraries already."""
            assert command[0] == sys.executable and check
            finished = programs.run(*command[1:], folder=str(cwd))
            if finished.status:
                raise subprocess.CalledProcessError(finished.status, command, finished.out, finished.err)

        tiny = dict(zip((name.removeprefix("--") for name in TINY_ARGV[::2]), TINY_ARGV[1::2]))
        tiny |= {"validation_pairs": 2, "sample_rows": 2}
        variants = {"base": tiny, "a = 0, as drawn": tiny | {"alpha_init": 0, "start_from": "first"}, "first": tiny}
        monkeypatch.setattr(ablations, "VARIANTS", variants)
        monkeypatch.setattr(ablations, "PER_EPOCH", 2)
        monkeypatch.setattr(ablations.subprocess, "run", run)
        out, pairs = tmp_path / "out", mixamo_tree / "test" / "pairs.csv"
        argv = ["--pairs", pairs, "--out", out, "--samples", "4", "--dataset_path", mixamo_tree]
        monkeypatch.setattr("sys.argv", ["ablations", *map(str, argv), "--only", "base", "a = 0, as drawn"])
        ablations.main()
        rows = list(csv.DictReader((out / "evaluation" / "table.csv").read_text().splitlines()))
        measured = {row["method"].split(" (")[0]: row for row in rows}
        assert all(0 < float(measured[name]["l1"]) < 1 for name in ("base", "a_0_as_drawn"))
        assert "first" not in measured and (out / "first" / "metrics.jsonl").is_file()

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (("--only", "bass"), "bass: no such variant; there are base; "),
            (("--samples", "1500"), "--samples: give a multiple of 1000, found 1500"),
            ((), "no such file; prepare.py writes one"),
        ],
    )
    def test_what_cannot_be_run_is_said_before_anything_is_trained(self, argv, message, tmp_path, monkeypatch):
        monkeypatch.setattr("sys.argv", ["ablations", "--pairs", str(tmp_path / "none.csv"), *argv])
        with pytest.raises(CaptureError, match=re.escape(message)):
            ablations.main()
