"""The suite itself: the order in which two processes run it, and the lists of slow tests."""

from __future__ import annotations

import re

import pytest

from tests.helpers.marks import SLOW_FILES, SLOW_FOLDERS, SLOW_NAMES, TESTS
from tests.helpers.order import in_order, measured, read_durations

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_suite.TestOrder" name="a" time="1.5"/>
<testcase classname="tests.test_suite.TestOrder.TestInner" name="b" time="1.75"/>
<testcase classname="tests.test_house.TestFiles" name="c" time="5"/>
<testcase classname="tests.test_package.TestWheel" name="d" time="0.5"/>
<testcase classname="" name="tests.gone" time="9"/>
</testsuite></testsuites>"""


def file_of(test: str) -> str:
    return test[0]


class TestOrder:
    def test_every_process_begins_with_long_files_and_ends_with_short_ones(self):
        tests = ["s1", "s2", "a1", "a2", "t1", "b1", "c1", "s3"]
        ordered = in_order(tests, file_of, {"a": 3, "b": 9, "c": 5}, processes=2)
        assert ordered == ["b1", "s1", "s2", "s3", "c1", "a1", "a2", "t1"]

    @pytest.mark.parametrize("processes", [1, 2, 3, 16])
    def test_every_test_is_run_once(self, processes):
        tests = [f"{file}{i}" for file in "abcdefg" for i in range(5)]
        ordered = in_order(tests, file_of, {"c": 2.5, "g": 2.5, "missing": 4}, processes)
        assert sorted(ordered) == sorted(tests)
        assert ordered[0] == "c0"

    def test_durations_are_those_of_files_and_only_of_long_ones(self, tmp_path):
        report = tmp_path / "report.xml"
        report.write_text(REPORT)
        assert list(measured(report).items()) == [("tests/test_house.py", 5.0), ("tests/test_suite.py", 3.2)]

    def test_files_with_a_duration_exist(self):
        assert len(read_durations()) > 20
        assert [name for name in read_durations() if not (TESTS.parent / name).is_file()] == []


class TestSlowTests:
    def test_folders_and_files_of_slow_tests_exist(self):
        assert [name for name in (*SLOW_FOLDERS, *SLOW_FILES) if not (TESTS / name).exists()] == []

    def test_names_of_slow_tests_occur(self):
        sources = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
        assert [name for name in SLOW_NAMES if f"class {name}" not in sources and f"def {name}(" not in sources] == []


class TestExhaustiveTests:
    def test_every_mark_says_what_remains(self):
        for path in TESTS.rglob("test_*.py"):
            for call in path.read_text().split("mark." + "exhaustive")[1:]:
                assert re.match(r"\(\s*remains=\"[^\"]{20,}\"", call), path

    def test_make_test_leaves_them_out_and_make_test_all_does_not(self):
        recipes = dict(re.findall(r"^(test[a-z-]*):.*\n\t(.*)", (TESTS.parent / "Makefile").read_text(), re.MULTILINE))
        left_out = {name: "not exhaustive" in recipe for name, recipe in recipes.items() if "PYTEST" in recipe}
        assert left_out == {"test": True, "test-all": False, "test-fast": True}
