"""defaults.yaml and configs/<method>.yaml say what the declarations of the keys say."""

from __future__ import annotations

import pytest
import yaml

from capture.common.registry import METHODS
from capture.config.generate import ROOT, WIDTH, default_file, default_text, generated_files
from capture.config.load import flatten, load_config
from capture.config.schema import default_config, key_field, method_sections


class TestGeneratedFiles:
    @pytest.mark.parametrize("method", METHODS)
    def test_the_file_is_in_step_with_the_declarations(self, method):
        path = ROOT / default_file(method)
        assert path.is_file() and path.read_text() == default_text(method), "run python -m capture.config"

    def test_there_is_one_for_each_method(self):
        assert [path.as_posix() for path in generated_files()] == [
            "defaults.yaml" if method == "capture" else f"configs/{method}.yaml" for method in METHODS
        ]

    def test_defaults_yaml_lists_every_key_of_capture(self):
        assert yaml.safe_load(default_text("capture")) == load_config()

    @pytest.mark.parametrize("method", [method for method in METHODS if method != "capture"])
    def test_the_others_list_the_keys_of_the_method_and_the_defaults_that_it_changes(self, method):
        listed = yaml.safe_load(default_text(method))
        own, plain = default_config(method), default_config("capture")
        assert {section: listed[section] for section in method_sections(method)} == {
            section: own[section] for section in method_sections(method)
        }
        common = dict(flatten({key: value for key, value in listed.items() if key not in method_sections(method)}))
        changed = {
            key: value
            for key, value in flatten(own)
            if key.split(".")[0] not in method_sections(method) and dict(flatten(plain))[key] != value
        }
        assert changed.items() <= common.items() and common.items() <= dict(flatten(own)).items()

    @pytest.mark.parametrize("method", METHODS)
    def test_every_key_has_its_comment(self, method):
        text = " ".join(default_text(method).replace("#", " ").split())
        for key, _ in flatten(yaml.safe_load(default_text(method))):
            assert " ".join(key_field(method, key).description.split()) in text, key

    @pytest.mark.parametrize("method", METHODS)
    def test_lines_are_short_and_comments_of_a_section_aligned(self, method):
        for block in default_text(method).split("\n\n")[1:]:
            lines = block.rstrip().splitlines()
            assert all(len(line) <= WIDTH for line in lines)
            columns = [line.index(" # ") for line in lines if " # " in line and line.index(" # ") < 40]
            assert len(set(columns)) <= 1

    def test_added_keys_are_marked_and_the_releases_are_not(self):
        lines = default_text("capture").splitlines()
        marked = {line.split(":")[0].strip() for line in lines if "# (+)" in line}
        assert {"method", "start_from", "image_size", "alpha_init", "lr_schedule", "precision"} <= marked
        assert not {"lr_G", "c", "res2", "batch_size", "ganLoss_type", "warmup_steps"} & marked
