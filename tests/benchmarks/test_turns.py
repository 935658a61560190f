"""Ways that take turns, groups that are measured in processes of their own, and what is made of their rows."""

from __future__ import annotations

import time

import pytest
import torch

from capture.benchmarks import inference, live, training, video
from capture.benchmarks.compare import compare_results
from capture.benchmarks.page import END, PLACE, machine_title, put_into_page
from capture.benchmarks.plan import OURS, PUBLISHED, Group, plan
from capture.benchmarks.runner import DIED, LATE, run_groups
from capture.benchmarks.turns import Way, take_turns
from capture.common.errors import CaptureError
from tests.conftest import ROOT, tiny_config

CPU = torch.device("cpu")


def timed(way, ms, spread=0.5, part_subject="a network"):
    about = {"subject": part_subject, "batch": 1, "way": way}
    return {**about, "ms": ms, "low_ms": ms - spread, "high_ms": ms + spread}


class TestTakingTurns:
    def test_every_round_gives_every_way_a_better_row(self):
        order = []
        square = torch.ones(64, 64)

        def way(name):
            return Way(name, lambda: lambda: (order.append(name), square @ square))

        rows = list(take_turns([way("a"), way("b")], 4, 3, CPU, {"fp32": 1e9}))
        assert order == ["a"] * 3 + ["b"] * 3 + ["a", "b"] * 2  # warm-up, count and clock, then two rounds
        assert [row["way"] for row in rows] == ["a", "b"] * 3
        assert [row["repeats"] for row in rows] == [1, 1, 2, 2, 3, 3]
        last = rows[-2]
        assert last["times_baseline"] == 1 and last["operators"] == 1
        assert last["gflop"] == pytest.approx(2 * 64**3 / 4 / 1e9)
        assert last["share_of_peak"] == pytest.approx(last["gflop"] / (last["ms"] / 1e3))
        assert last["low_ms"] <= last["ms"] <= last["high_ms"]

    def test_a_way_that_cannot_be_set_up_leaves_a_note(self):
        def fail():
            raise CaptureError("no compiler\nhere")

        rows = list(take_turns([Way("a", lambda: int), Way("b", fail)], 1, 1, CPU, {}))
        assert rows[1] == {"way": "b", "note": "not measured: no compiler here"}

    def test_no_round_begins_when_the_time_is_over(self):
        rows = list(take_turns([Way("a", lambda: int)], 1, 50, CPU, {}, until=time.monotonic()))
        assert [row["repeats"] for row in rows] == [1]


class TestWays:
    def test_rendering_is_timed_with_its_work(self):
        config = tiny_config()
        names = ["release", "fp32", "fp32, identity known"]
        rows = list(take_turns(inference.ways(config, CPU, 2, names), 2, 1, CPU, {"fp32": 1e10}))
        assert [row["way"] for row in rows] == names
        release, ours, known = rows
        assert release["gflop"] > ours["gflop"] > known["gflop"] > 0
        assert ours["operators"] > known["operators"] > 50

    def test_a_live_call_is_a_clip_and_its_rows_are_of_frames(self, untrained_toon, monkeypatch):
        monkeypatch.setattr(live, "DEFAULT_WEIGHTS", untrained_toon)
        way = live.ways({}, CPU, 1, ["fp32"])[0]
        clip = way.make()
        assert len(clip()) == live.FRAMES
        (row,) = take_turns([way], 1, 1, CPU, {})
        monkeypatch.setattr(live, "FRAMES", 1)
        (single,) = take_turns(live.ways({}, CPU, 1, ["fp32"]), 1, 1, CPU, {})
        assert row["operators"] == single["operators"] > 50
        assert row["gflop"] == pytest.approx(single["gflop"])
        assert row["ms"] < 3 * single["ms"] and row["times_baseline"] == 1

    def test_openvino_is_a_way_of_live_use(self, untrained_toon, tmp_path, monkeypatch):
        pytest.importorskip("openvino")
        monkeypatch.setattr(live, "DEFAULT_WEIGHTS", untrained_toon)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        rows = list(take_turns(live.ways({}, CPU, 1, ["fp32", "OpenVINO"]), 1, 1, CPU, {}))
        assert rows[1]["way"] == "OpenVINO" and rows[1]["gflop"] == rows[0]["gflop"] and "operators" not in rows[1]

    def test_a_whole_video_is_timed_beside_its_network(self, untrained_toon, monkeypatch):
        monkeypatch.setattr(video, "DEFAULT_WEIGHTS", untrained_toon)
        monkeypatch.setattr(video, "FRAMES", 5)
        written = []
        render = video.render_video

        def slow(*given, **more):
            """By more than another program on this machine could slow the network down."""
            time.sleep(0.5)
            written.extend(render(*given, **more))

        monkeypatch.setattr(video, "render_video", slow)
        network, whole = take_turns(video.ways({}, CPU, 1, ["fp32", "fp32, whole video"]), 1, 1, CPU, {})
        assert [path.name for path in written] == ["output.mp4"] * 2  # it warms up
        assert whole["ms"] > network["ms"] > 0 and whole["times_baseline"] < 1

    @pytest.mark.parametrize("method", ["capture", "capture_parts"])
    def test_training_steps_are_timed(self, method):
        config = tiny_config("--method", method)
        names = ["release", "fp32"]
        rows = list(take_turns(training.ways(config, CPU, 2, names), 2, 1, CPU, {}))
        assert rows[-1]["way"] == "fp32" and rows[-1]["operators"] > 200
        assert ("note" in rows[0]) == (method == "capture_parts")  # the release has no such network

    def test_joint_training_has_the_maps_it_learns_from(self):
        config = tiny_config("--method", "capture_parts", "--stage", "joint")
        (row,) = take_turns(training.ways(config, CPU, 2, ["fp32"]), 2, 1, CPU, {})
        assert row["ms"] > 0


class TestPlan:
    def test_worth_comes_first(self):
        configs = {PUBLISHED: tiny_config(), OURS: tiny_config("--method", "capture_parts")}
        groups = plan(configs, CPU)
        assert (groups[0].part, groups[0].names[0], groups[0].subject) == (
            "inference",
            "release",
            "published network, 32x32",
        )
        assert {"inference", "training", "live", "video"} == {group.part for group in groups}
        first_compiled = next(i for i, group in enumerate(groups) if any("compiled" in n for n in group.names))
        assert {group.part for group in groups[:first_compiled]} == {"inference", "training", "live", "video"}


class TestRunner:
    def test_a_group_reports_from_its_process(self):
        group = Group("inference", "tiny, 32x32", tiny_config(), 1, ("release", "fp32"))
        parts, said = {}, []
        run_groups([group], CPU, 2, {}, lambda part, row: said.append((part, row["way"])), None, parts)
        rows = parts["inference"]
        assert [row["way"] for row in rows] == ["release", "fp32"]
        assert all(row["repeats"] == 2 and row["subject"] == "tiny, 32x32" for row in rows)
        assert said[:2] == [("inference", "release"), ("inference", "fp32")]

    def test_without_time_every_way_has_a_note(self):
        group = Group("live", "ours", {}, 1, ("fp32", "ONNX Runtime"))
        parts = {}
        run_groups([group], CPU, 2, {}, lambda part, row: None, 0.0, parts)
        assert [row["note"] for row in parts["live"]] == [LATE, LATE]

    def test_what_goes_wrong_in_a_group_is_its_own(self):
        group = Group("inference", "broken", {}, 1, ("fp32",))
        parts = {}
        run_groups([group], CPU, 2, {}, lambda part, row: None, None, parts)
        assert parts["inference"][0]["note"].startswith("not measured: KeyError")
        assert DIED not in parts["inference"][0]["note"]


class TestCompare:
    def test_only_times_apart_from_the_spread_count(self):
        old = {"machine": {"name": "A"}, "parts": {"live": [timed("a", 10), timed("b", 10), timed("c", 10)]}}
        new = {"machine": {"name": "B"}, "parts": {"live": [timed("a", 10.9), timed("b", 11.1), timed("c", 5)]}}
        lines, slower = compare_results(old, new)
        assert slower == 1
        assert lines[0] == "note: name differs: A before, B now"
        assert "slower: live, a network, batch 1, b: 11.1 ms" in lines[1]
        assert lines[2].startswith("faster") and lines[3].startswith("3 in common: 1 slower, 1 faster")

    def test_rows_without_figures_are_left_out(self):
        old = {"machine": {}, "parts": {"live": [timed("a", 10)]}}
        new = {"machine": {}, "parts": {"live": [{**timed("a", 10), "note": "x"}, timed("d", 1)], "training": []}}
        del new["parts"]["live"][0]["ms"]
        assert compare_results(old, new) == (["0 in common: 0 slower, 0 faster, by more than their spreads"], 0)


class TestPage:
    MACHINE = {"name": "Some CPU", "cores": 2, "instructions": "avx2", "torch": "2", "threads": 2}

    def results(self, **machine):
        late = [{"subject": "a network", "batch": 1, "way": way, "note": LATE} for way in "bc"]
        rows = [timed("a", 10), *late]
        return {"machine": {**self.MACHINE, **machine}, "peaks": {"fp32": 2e11}, "parts": {"live": rows}}

    def test_a_machine_has_one_table(self, tmp_path):
        page = tmp_path / "P.md"
        page.write_text(f"top\n\n{PLACE}\n\nbottom\n")
        for machine in ({}, {"cores": 4}, {}):
            put_into_page(page, self.results(**machine))
        text = page.read_text()
        assert text.count(END) == 2 and text.count("### Some CPU, 2 cores, avx2, torch 2") == 1
        assert text.startswith("top\n") and text.endswith("bottom\n")
        assert "| a network | 1     | a   | 10" in text
        assert "Not measured: the time was over:\n\n- a network, batch 1: b; c\n" in text
        assert "with 2 threads." in text
        assert machine_title(self.MACHINE) in text

    def test_the_performance_page_has_a_place(self):
        assert PLACE in (ROOT / "docs" / "PERFORMANCE.md").read_text()

    def test_a_page_without_a_place_is_left_alone(self, tmp_path):
        page = tmp_path / "P.md"
        page.write_text("nothing\n")
        with pytest.raises(CaptureError, match="no place for tables"):
            put_into_page(page, self.results())
        assert page.read_text() == "nothing\n"
