"""benchmark.py compares ways of computing the same thing, and reports what it measured."""

from __future__ import annotations

import copy
import json

import torch

from capture.benchmarks.attention import measure, plot
from capture.benchmarks.release import NxNAttention, ReleaseTraining, as_released
from capture.benchmarks.report import table
from capture.benchmarks.timing import compare, flop
from capture.methods.build import build_generator
from capture.methods.capture.reverse_attention import ReverseAttention
from tests.conftest import tiny_config

CPU = torch.device("cpu")


class TestReleaseBenchmark:
    def test_the_restated_generator_makes_the_same_pictures(self):
        torch.manual_seed(0)
        generator = build_generator(tiny_config("--alpha_init", "0.5")).eval()
        inputs = dict(zip(("identity", "pose"), torch.rand(2, 2, 3, 32, 32) * 2 - 1))
        noise = torch.randn(2, 2, 64)
        released = as_released(copy.deepcopy(generator))
        torch.testing.assert_close(released(inputs, noise), generator(inputs, noise), rtol=1e-4, atol=1e-5)
        assert flop(lambda: released(inputs, noise)) > flop(lambda: generator(inputs, noise))

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
    def test_the_program_prints_a_table_and_writes_json(self, tmp_path, run_main, bad_input):
        out = tmp_path / "deep" / "b.json"
        status, printed, _ = run_main("benchmark.py", "renderer", "--repeats", "1", "--out", out)
        assert status == 0 and "pictures per second" in printed
        results = json.loads(out.read_text())
        assert [row["size"] for row in results["parts"]["renderer"]] == [64, 128, 256]
        assert results["machine"]["cores"] >= 1
        assert "no such part; there are inference" in bad_input("benchmark.py", "speed")
        assert "give 1 or more" in bad_input("benchmark.py", "--repeats", "0")


class TestReport:
    def test_tables_leave_unknown_cells_empty(self):
        text = table([{"way": "a", "times_release": 2.0, "ms": 0.5}, {"way": "b", "share_of_peak": 0.52}])
        assert text.splitlines()[2:] == ["| a   | 2.00x         | 0.500 |               |",
                                         "| b   |               |       | 52 %          |"]  # fmt: skip
