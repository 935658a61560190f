"""benchmark.py compares ways of computing the same thing, and reports what it measured."""

from __future__ import annotations

import copy
import json
import time

import torch

from capture.benchmarks.attention import measure, plot
from capture.benchmarks.page import PLACE
from capture.benchmarks.release import NxNAttention, ReleaseTraining, as_released
from capture.benchmarks.report import table
from capture.benchmarks.timing import compare
from capture.common.work import count_work
from capture.methods.build import build_generator
from capture.methods.capture.reverse_attention import ReverseAttention
from tests.conftest import tiny_config

CPU = torch.device("cpu")


def timed(way, ms, spread=0.5):
    """A row of the part `live`."""
    about = {"subject": "a network", "batch": 1, "way": way}
    return {**about, "ms": ms, "low_ms": ms - spread, "high_ms": ms + spread}


class TestReleaseBenchmark:
    def test_the_restated_generator_makes_the_same_pictures(self):
        torch.manual_seed(0)
        generator = build_generator(tiny_config("--alpha_init", "0.5")).eval()
        inputs = dict(zip(("identity", "pose"), torch.rand(2, 2, 3, 32, 32) * 2 - 1))
        noise = torch.randn(2, 2, 64)
        released = as_released(copy.deepcopy(generator))
        torch.testing.assert_close(released(inputs, noise), generator(inputs, noise), rtol=1e-4, atol=1e-5)
        works = [count_work(lambda network=network: network(inputs, noise))[0] for network in (released, generator)]
        assert works[0].flop > works[1].flop

    def test_the_restated_attention_has_the_same_gradients(self):
        torch.manual_seed(0)
        ours = ReverseAttention(16, t=4, alpha=0.5)
        torch.nn.init.constant_(ours.beta, 0.5)
        inputs = torch.randn(3, 2, 16, 6, 6)
        gradients = []
        for module in (ours, NxNAttention(ours)):
            leaves = [x.clone().requires_grad_() for x in inputs]
            gradients.append(torch.autograd.grad(module(*leaves).square().mean(), leaves))
        for one, other in zip(*gradients):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)

    def test_the_restated_step_repeats_the_releases_forwards(self):
        training = ReleaseTraining(tiny_config(), CPU)
        seen = []
        training.generator.register_forward_hook(lambda *_: seen.append("G"))
        training.discriminator.register_forward_hook(lambda *_: seen.append("D"))
        batch = {name: torch.rand(2, 3, 32, 32) * 2 - 1 for name in ("identity", "real", "pose")}
        first = training.step(batch)
        assert (seen.count("G"), seen.count("D")) == (2, 6)
        for _ in range(20):
            last = training.step(batch)
        assert last[1] < first[1]


class TestTiming:
    def test_compare_takes_turns_and_measures_memory(self):
        order = []

        def small():
            order.append("small")

        def large():
            order.append("large")
            return torch.zeros(50_000_000).add_(1).sum()  # 200 MB

        timings = compare({"small": small, "large": large}, repeats=3, device=CPU, warm_up=1)
        assert order == ["small", "large"] * 5  # a warm-up, three repeats, and one for the memory
        assert timings["large"].median > timings["small"].median
        assert timings["large"].peak_mb > 150 > timings["small"].peak_mb
        assert timings["large"].low <= timings["large"].median <= timings["large"].high


class TestAttentionBenchmark:
    def test_attention_is_measured_both_ways_and_drawn(self, tmp_path):
        rows = measure(CPU, sides=(8, 48), channels=16, repeats=1)
        assert [(row["side"], row["way"]) for row in rows] == [(8, "ours"), (8, "N x N"), (48, "ours"), (48, "N x N")]
        assert rows[3]["memory_mb"] > rows[2]["memory_mb"]
        plot(rows, tmp_path / "attention.png")
        assert (tmp_path / "attention.png").stat().st_size > 5000


class TestProgram:
    def test_a_budget_ends_with_a_table_whatever_was_measured(self, tmp_path, run_main, bad_input):
        out, page = tmp_path / "deep" / "b.json", tmp_path / "PAGE.md"
        page.write_text(f"before\n{PLACE}\nafter\n")
        began = time.monotonic()
        argv = ("live", "training", "--budget", "5", "--out", out, "--table", page)
        status, printed, _ = run_main("benchmark.py", *argv)
        assert status == 0 and time.monotonic() - began < 10  # five, and room for a busy machine
        results = json.loads(out.read_text())
        assert results["machine"]["cores"] >= 1 and results["peaks"]["fp32"] > 1e8
        ways = {row["way"] for row in results["parts"]["training"]}
        assert {"release", "fp32"} <= ways
        assert "Not measured: the time was over" in printed
        assert "CaPTURe-Parts" in out.with_suffix(".md").read_text()
        assert page.read_text().startswith(f"before\n{PLACE}\n\n<!-- machine: ")

    def test_options_that_mean_nothing_are_refused(self, bad_input, tmp_path):
        assert "no such part; there are inference" in bad_input("benchmark.py", "speed")
        assert "give 1 or more" in bad_input("benchmark.py", "--repeats", "0")
        assert "at least 5 seconds" in bad_input("benchmark.py", "--budget", "1")
        assert "give a .json file" in bad_input("benchmark.py", "--out", tmp_path / "x.md")
        (tmp_path / "page.md").write_text("no line for tables")
        assert "no place for tables" in bad_input("benchmark.py", "--table", tmp_path / "page.md")
        (tmp_path / "page.md").write_bytes(f"{PLACE}\nStraße".encode("latin-1"))
        assert "page.md: not a text file in UTF-8" in bad_input("benchmark.py", "--table", tmp_path / "page.md")
        plot = bad_input("benchmark.py", "renderer", "--plot", tmp_path / "x.png")
        assert "x.png: it draws the curves of attention; name this part as well, or leave it out" in plot
        two = ("--compare", tmp_path / "a.json", tmp_path / "b.json")
        assert "measures nothing; leave PART" in bad_input("benchmark.py", *two, "--table", tmp_path / "page.md")
        (tmp_path / "x.json").write_text("[]")
        assert "not a result of benchmark.py" in bad_input("benchmark.py", "--compare", tmp_path / "x.json")
        assert "can't be read" in bad_input("benchmark.py", "--compare", tmp_path / "none.json")

    def test_a_part_that_could_not_be_measured_is_in_the_tables_with_its_reason(self, tmp_path, run_main, monkeypatch):
        def fail(groups, device, repeats, peaks, report, budget, parts):
            for group in groups:
                parts[group.part].extend(group.missing([], "not measured: no memory"))
                report(group.part, parts[group.part][-1])

        monkeypatch.setattr("capture.benchmarks.runner.run_groups", fail)
        out, plot = tmp_path / "b.json", tmp_path / "curves.png"
        status, printed, _ = run_main("benchmark.py", "attention", "renderer", "--out", out, "--plot", plot)
        assert status == 0 and "\nattention: not measured: no memory\n" in printed
        assert f"{plot}: not drawn, since attention was not measured" in printed and not plot.exists()
        written = out.with_suffix(".md").read_text()
        for part in ("attention", "renderer"):
            assert f"**{part}**\n\nNot measured: no memory\n" in written
            assert json.loads(out.read_text())["parts"][part] == [{"note": "not measured: no memory"}]

    def test_two_results_are_compared_without_measuring(self, tmp_path, run_main):
        for name, ms in (("old", 10.0), ("new", 12.0)):
            results = {"machine": {}, "parts": {"live": [timed("fp32", ms)]}}
            (tmp_path / f"{name}.json").write_text(json.dumps(results))
        status, printed, _ = run_main("benchmark.py", "--compare", tmp_path / "old.json", tmp_path / "new.json")
        assert status == 1 and "1 slower" in printed
        status, printed, _ = run_main("benchmark.py", "--compare", tmp_path / "old.json", tmp_path / "old.json")
        assert status == 0 and "0 slower" in printed

    def test_rows_without_a_spread_are_not_compared(self, tmp_path, run_main):
        parts = {"live": [timed("fp32", 10.0)], "attention": measure(CPU, (8,), channels=16, repeats=1)}
        assert parts["attention"]
        (tmp_path / "a.json").write_text(json.dumps({"machine": {}, "parts": parts}))
        status, printed, _ = run_main("benchmark.py", "--compare", tmp_path / "a.json", tmp_path / "a.json")
        assert status == 0 and "1 in common: 0 slower" in printed


class TestReport:
    def test_tables_leave_unknown_cells_empty(self):
        text = table([{"way": "a", "times_release": 2.0, "ms": 0.5}, {"way": "b", "share_of_peak": 0.52}])
        assert text.splitlines()[2:] == ["| a   | 2.00x         | 0.500 |               |",
                                         "| b   |               |       | 52 %          |"]  # fmt: skip
