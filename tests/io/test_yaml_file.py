"""YAML files: keys that are there twice, and numbers that YAML 1.1 reads in another way than they look."""

from __future__ import annotations

import pytest
import yaml

from capture.common.errors import CaptureError
from capture.io.yaml_file import read_mapping
from tests.conftest import ROOT


def read(folder, text: str):
    (folder / "x.yaml").write_text(text)
    return read_mapping(folder / "x.yaml", "configuration", "sections")


class TestKeys:
    @pytest.mark.parametrize(
        ("text", "line", "key", "first"),
        [
            ("a: {x: 1}\nb: 2\na: {y: 1}\n", 3, "a", 1),
            ("a:\n  x: 1\n  y: 2\n  'x': 3\n", 4, "x", 2),
            ("a: {x: 1, x: 1}\n", 1, "x", 1),
            ("- {x: 1}\n- {x: 1, y: 1,\n   x: 2}\n", 3, "x", 2),
        ],
        ids=["a section", "a key", "one line", "in a list"],
    )
    def test_a_key_that_is_there_twice_is_refused_by_name_and_line(self, tmp_path, text, line, key, first):
        with pytest.raises(CaptureError) as caught:
            read(tmp_path, text)
        problem = f"{key} is there twice, first in line {first}: keep one of the two"
        assert str(caught.value) == f"{tmp_path / 'x.yaml'} line {line}: not valid YAML ({problem})"

    def test_the_same_key_in_several_sections_and_over_merged_keys_is_read(self, tmp_path):
        text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\n"
        assert read(tmp_path, text) == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 3, "y": 4}}
        assert read(tmp_path, "a: &a {x: 1}\nb: &b {y: 2}\nc: {<<: *a, <<: *b}\n")["c"] == {"x": 1, "y": 2}


class TestNumbers:
    @pytest.mark.parametrize("text", ["010", "-010", "007", "08", "1:30", "0:30", "12:30:45", "1:30.5"])
    def test_what_would_be_another_number_than_it_looks_is_text(self, tmp_path, text):
        assert read(tmp_path, f"a: {text}\nb: [{text}]\n") == {"a": text, "b": [text]}

    def test_what_is_written_as_text_is_read_back(self, tmp_path):
        values = {"a": ["010", "08", "1:30", "007", "10"], "b": [0, 10, -7, 1.5, 1e-9]}
        assert read(tmp_path, yaml.safe_dump(values)) == values

    @pytest.mark.parametrize(
        ("text", "value"),
        [("0", 0), ("-0", 0), ("10", 10), ("0.5", 0.5), ("-1.0e-4", -1e-4), ("0x1F", 31), ("1_000", 1000)],
    )
    def test_other_numbers_are_numbers(self, tmp_path, text, value):
        assert read(tmp_path, f"a: {text}\n") == {"a": value}


class TestFilesOfTheRepository:
    def test_every_file_reads_as_before(self):
        patterns = ("defaults.yaml", "configs/**/*.yaml", "result/*/0config.yaml", "tests/fixtures/**/0config.yaml")
        files = [path for pattern in patterns for path in ROOT.glob(pattern)]
        assert len(files) > 10
        for path in files:
            assert read_mapping(path, "configuration", "sections") == yaml.safe_load(path.read_text()), path
