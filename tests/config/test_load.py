"""Layers of a configuration, the method that they ask for, and what is said about each mistake."""

from __future__ import annotations

import re

import pytest
import yaml

from capture.common.errors import CaptureError
from capture.common.registry import METHODS
from capture.config.generate import default_file
from capture.config.load import (
    DEFAULTS,
    UnknownKey,
    differences,
    flatten,
    load_config,
    load_result_config,
    result_folder,
    with_defaults,
)
from capture.config.nested import get_value
from capture.config.schema import default_config
from capture.config.yaml import dump_yaml

CONFIGS = DEFAULTS.parent / "configs"
GENERATED = {default_file(method).name for method in METHODS}
OVERLAYS = sorted(path.name for path in CONFIGS.glob("*.yaml") if path.name not in GENERATED)


def written(folder, text: str, name: str = "overlay.yaml"):
    (folder / name).write_text(text + "\n")
    return folder / name


def stack(name: str) -> list:
    """A hand-written overlay and the file that its first line says it comes after."""
    path = CONFIGS / name
    below = re.match(r"# After configs/(\w+\.yaml)", path.read_text())
    return [CONFIGS / below[1], path] if below else [path]


class TestLayers:
    def test_layers_come_over_one_another(self, tmp_path):
        a = written(tmp_path, "train_config: {lr_G: 0.5, lr_D: 0.25}", "a.yaml")
        b = written(tmp_path, "train_config: {lr_G: 0.75}", "b.yaml")
        config = load_config([a, b], ["--lr_D", "1e-3", "--result_title", "007"])
        assert config["train_config"]["lr_G"] == 0.75
        assert config["train_config"]["lr_D"] == 0.001
        assert config["train_config"]["num_epochs"] == 250
        assert config["main_config"]["result_title"] == "007"

    def test_values_of_the_command_line_take_their_types(self):
        argv = ["--dec_config.t", "null", "--dec_adain_layers", "[1, 2]", "--poseE_config.res2", "true", "--lr_G", "1"]
        config = load_config([], argv)
        decoder = config["generator_config"]["dec_config"]
        assert decoder["t"] is None and decoder["dec_adain_layers"] == [1, 2]
        assert config["generator_config"]["poseE_config"]["res2"] is True
        assert isinstance(config["train_config"]["lr_G"], float)

    @pytest.mark.parametrize("value", ["[010, 2]", "[1:30]", "[" * 5_000, "[{a: 1, a: 2}]"])
    def test_a_list_of_the_command_line_is_read_as_one_of_a_file(self, value):
        with pytest.raises(CaptureError, match="dec_adain_layers: expected a list of numbers"):
            load_config([], ["--dec_adain_layers", value])

    def test_a_number_where_the_default_is_null(self):
        config = load_config([], ["--method", "capture_parts", "--attention_temperature", "0.07"])
        assert config["capture_parts_config"]["networks"]["attention_temperature"] == 0.07

    def test_several_keys_at_once(self):
        config = load_config([], ["---min_ch", "64"])["generator_config"]
        assert [config[part]["min_ch"] for part in ("idenE_config", "poseE_config", "dec_config")] == [64, 64, 64]

    def test_the_releases_configuration_loads(self, shared):
        config = load_config([shared / "reference" / "0config.yaml"])
        assert config["generator_config"]["idenE_config"]["c"] == 8
        assert config["dataset_config"]["image_size"] == 256
        assert config["main_config"]["method"] == "capture"

    def test_dump_reads_back_the_same(self, tmp_path):
        config = load_config([], ["--result_title", "x"])
        (tmp_path / "0config.yaml").write_text(dump_yaml(config))
        assert load_config([tmp_path / "0config.yaml"]) == load_result_config(tmp_path) == config
        assert differences(config, load_config()) == [("main_config.result_title", "x", "")]

    def test_results_are_plain_values(self):
        def plain(value) -> bool:
            if type(value) is dict:
                return all(type(key) is str and plain(one) for key, one in value.items())
            if type(value) is list:
                return all(plain(one) for one in value)
            return value is None or type(value) in (bool, int, float, str)

        assert all(plain(load_config([], ["--method", method])) for method in METHODS)


class TestMethod:
    def test_the_last_file_that_names_one_decides(self, tmp_path):
        a = written(tmp_path, "main_config: {method: mraa}", "a.yaml")
        b = written(tmp_path, "main_config: {method: fomm}", "b.yaml")
        c = written(tmp_path, "fomm_config: {num_kp: 5}", "c.yaml")
        config = load_config([a, b, c])
        assert config["main_config"]["method"] == "fomm" and config["fomm_config"]["num_kp"] == 5
        assert "mraa_config" not in config and "generator_config" not in config

    def test_the_command_line_decides_before_files(self, tmp_path):
        a = written(tmp_path, "main_config: {method: mraa}")
        config = load_config([a], ["--lr_G", "0.5", "--method", "fomm", "--num_kp", "3"])
        assert config["main_config"]["method"] == "fomm" and config["fomm_config"]["num_kp"] == 3

    def test_a_method_brings_its_own_defaults_for_common_keys(self, tmp_path):
        assert load_config([], ["--method", "fomm"])["dataset_config"]["batch_size"] == 40
        assert load_config()["dataset_config"]["batch_size"] == 4
        a = written(tmp_path, "dataset_config: {batch_size: 3}")
        assert load_config([a], ["--method", "fomm"])["dataset_config"]["batch_size"] == 3

    @pytest.mark.parametrize("method", METHODS)
    def test_default_files_stack_on_defaults_yaml(self, method):
        path = DEFAULTS.parent / default_file(method)
        assert load_config([DEFAULTS, path]) == load_config([path]) == load_config([], ["--method", method])

    @pytest.mark.parametrize("name", ["fom", "surfaces", "", "CaPTURe"])
    def test_an_unknown_method_is_refused(self, name, tmp_path):
        with pytest.raises(CaptureError, match="method"):
            load_config([], ["--method", name])

    def test_the_nearest_method_is_named(self, tmp_path):
        a = written(tmp_path, "main_config: {method: capture_part}")
        with pytest.raises(CaptureError, match="found 'capture_part'; did you mean capture_parts?"):
            load_config([a])

    def test_methods_that_are_stages_today_are_named(self):
        with pytest.raises(CaptureError, match="method reading is now --method capture_parts --stage segmentation"):
            load_config([], ["--method", "reading"])

    @pytest.mark.parametrize("value", ["3", "[1]", "{x: 1}", "null"])
    def test_a_method_that_is_no_text(self, tmp_path, value):
        with pytest.raises(CaptureError, match=r"main_config.method"):
            load_config([written(tmp_path, f"main_config: {{method: {value}}}")])


class TestSectionsOfOtherMethods:
    def test_defaults_of_other_methods_are_accepted_and_left_out(self, tmp_path):
        a = written(tmp_path, "main_config: {method: fomm}\ngenerator_config: {idenE_config: {c: 64}}\nmraa_config: {}")
        assert load_config([a]) == load_config([], ["--method", "fomm"])

    def test_anything_else_is_refused_by_name(self, tmp_path):
        a = written(tmp_path, "main_config: {method: fomm}\ngenerator_config: {idenE_config: {downs: 4, c: 8}}")
        with pytest.raises(UnknownKey) as caught:
            load_config([a])
        assert str(caught.value) == (
            f"{a}: method fomm does not read generator_config.idenE_config.c; methods capture and capture_supervised do"
        )

    def test_a_key_that_no_method_has(self, tmp_path):
        a = written(tmp_path, "main_config: {method: fomm}\ngenerator_config: {idenE_config: {donws: 4}}")
        with pytest.raises(
            UnknownKey, match="method fomm does not read generator_config.idenE_config.donws; did you mean"
        ):
            load_config([a])

    def test_a_value_in_place_of_their_section(self, tmp_path):
        with pytest.raises(UnknownKey, match="method fomm does not read generator_config"):
            load_config([written(tmp_path, "main_config: {method: fomm}\ngenerator_config: 3")])

    def test_on_the_command_line(self):
        with pytest.raises(CaptureError, match="method mraa does not read --num_kp; method fomm does"):
            load_config([], ["--method", "mraa", "--num_kp", "3"])


class TestMistakes:
    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (["--batchsize", "3"], "unknown key --batchsize; did you mean batch_size?"),
            (["--batchsize", "3"], "(method capture)"),
            (["--zzzzqqqq", "3"], "unknown key --zzzzqqqq; defaults.yaml lists every key"),
            (["--method", "fomm", "--zzzzqqqq", "3"], "unknown key --zzzzqqqq; configs/fomm.yaml lists every key"),
            (["--c", "3"], "--c could be --generator_config.idenE_config.c"),
            (["--lr_G"], "--lr_G needs a value"),
            (["--method"], "--method needs a value"),
            (["lr_G", "3"], "expected --key value, found 'lr_G'"),
            (["--lr_G", "fast"], "train_config.lr_G: expected a number, such as 0.0001, found 'fast'"),
            (["--batch_size", "2.5"], "dataset_config.batch_size: expected a whole number, such as 4, found 2.5"),
            (["--batch_size", "null"], "dataset_config.batch_size: expected a whole number"),
            (["--batch_size", "0"], "dataset_config.batch_size: expected at least 1, found 0"),
            (["--adam_betas", "0.5"], "train_config.adam_betas: expected a list of numbers"),
            (["--adam_betas", "[0.5, 2]"], "train_config.adam_betas: expected two numbers"),
            (["--dec_attn_layers", "[0, x]"], "dec_attn_layers: expected a list of numbers"),
            (
                ["--init", "xavir"],
                "main_config.init: expected one of xavier, kaiming, gaussian, found 'xavir'; did you mean xavier?",
            ),
            (["--ganLoss_type", "bce"], "loss_config.ganLoss_type: expected one of BCE, MSE, hinge"),
            (["--dec_config.t", "0"], "dec_config.t: expected a positive number or null"),
            (["--ema_decay", "1"], "ema_decay: expected less than 1"),
            (["--lr_G", "-1"], "lr_G: expected at least 0"),
            (["--lr_G", "nan"], "lr_G: expected a number"),
            (["--poseE_config.res2", "1"], "res2: expected true or false"),
            (["--lr_decay_epochs", "2"], "--lr_decay_epochs is now --train_config.lr_schedule.decay_epochs"),
            (
                ["--gen_targetLoss_weight", "2"],
                "is now --supervision_config.target_weight, which method capture does not read",
            ),
        ],
    )
    def test_on_the_command_line(self, argv, message):
        with pytest.raises(CaptureError) as caught:
            load_config([], argv)
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("train_config: {lrG: 1}", "unknown key train_config.lrG; did you mean lr_G?"),
            ("train_config: {lrG: 1}", "(method capture)"),
            ("batch_size: 3", "unknown key batch_size; did you mean"),
            ("train_config: 3", "train_config is a section"),
            ("train_config: {lr_G: [1]}", "train_config.lr_G: expected a number"),
            ("train_config: {lr_G: {x: 1}}", "train_config.lr_G is a value, such as 0.0001, not a section"),
            ("train_config: {lr_schedule: 3}", "train_config.lr_schedule is a section"),
            ("- 1", "expected sections"),
            ("a: [1", "line 2: not valid YAML"),
            ("x: !!python/object/apply:os.system ['true']", "not valid YAML"),
            ("train_config: {lr_G: 1e-4}", "write 1.0e-4 or 0.0001"),
            ("1: 2", "unknown key 1"),
            ("train_config.seed: 7", "train_config.seed is a key in a section; write train_config: {seed: ...}"),
            (
                "generator_config: {idenE_config.c: 8}",
                "idenE_config.c is a key in a section; write generator_config: {idenE_config: {c: ...}}",
            ),
            (
                "main_config: {method: fomm}\nmraa_config.num_regions: 3",
                "method fomm does not read mraa_config.num_regions",
            ),
            ("train_config: {seed: 010}", "train_config.seed: expected a whole number, such as 777, found '010'"),
            ("train_config: {lr_G: 1:30}", "train_config.lr_G: expected a number, such as 0.0001, found '1:30'"),
            ("train_config:\n  seed: 1\n  seed: 2", "overlay.yaml line 3: not valid YAML (seed is there twice"),
        ],
    )
    def test_in_a_file_name_the_file(self, tmp_path, text, message):
        path = written(tmp_path, text)
        with pytest.raises(CaptureError) as caught:
            load_config([path])
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_files_that_are_not_there_or_not_text(self, tmp_path):
        with pytest.raises(CaptureError, match="nowhere.yaml: can't read"):
            load_config([tmp_path / "nowhere.yaml"])
        (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
        with pytest.raises(CaptureError, match="not a text file"):
            load_config([tmp_path / "binary.yaml"])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: &a [1]\nb: [" + "*a, " * 17 + "]", "more than 16 aliases"),
            ("train_config: {seed: 99999999999999999999}", "not valid YAML"),
            ("train_config: {seed: 0x" + "f" * 6000 + "}", "not valid YAML"),
            ("train_config: !!timestamp x", "not valid YAML"),
            ("dataset_config: {image_size: 1000000}", "image_size: expected at most 4096"),
            ("generator_config: {idenE_config: {downs: 1}}", "downs: expected at least 2"),
            ('main_config: {result_title: "a\\0b"}', "result_title: expected text"),
            ("#" * 300_000, "over 256 KiB"),
            (
                "main_config: {method: fomm}\ngenerator_config: {" + "x" * 900 + ": 1}",
                "does not read generator_config",
            ),
            ("x" * 900 + ": 1", "unknown key"),
            ("main_config: {method: " + "x" * 5000 + "}", "expected one of"),
        ],
    )
    def test_hostile_files_are_refused_in_a_line(self, tmp_path, text, message):
        with pytest.raises(CaptureError, match=message) as caught:
            load_config([written(tmp_path, text, "bad.yaml")])
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("title", ["", "../elsewhere", "/tmp/x"])
    def test_result_title_names_a_folder_below_result_path(self, title):
        with pytest.raises(CaptureError, match="result_title"):
            result_folder(load_config([], ["--result_title", title]))


class TestResultConfig:
    def test_a_folder_without_one(self, tmp_path):
        with pytest.raises(CaptureError, match="no 0config.yaml here"):
            load_result_config(tmp_path)

    def test_a_newer_one(self, tmp_path):
        written(tmp_path, "train_config: {warp_speed: 9}", "0config.yaml")
        with pytest.raises(
            CaptureError, match="0config.yaml: unknown key train_config.warp_speed.*update this program"
        ):
            load_result_config(tmp_path)


class TestWithDefaults:
    def test_keys_that_it_lacks_are_added_and_unknown_ones_left_out(self):
        config = with_defaults({"main_config": {"method": "fomm"}, "fomm_config": {"num_kp": 3}, "nowhere": {"x": 1}})
        assert differences(config, load_config([], ["--method", "fomm"])) == [("fomm_config.num_kp", 3, 10)]

    @pytest.mark.parametrize(
        "config",
        [
            None,
            [],
            {1: 2},
            {"main_config": {"method": "nothing"}},
            {"main_config": {"method": 3}},
            {"train_config": 3},
            {"train_config": {"lr_G": "x"}},
            {"train_config": {"lr_G": {"x": 1}}},
            {"train_config": {"lr_schedule": [1]}},
        ],
    )
    def test_what_is_no_configuration(self, config):
        with pytest.raises(CaptureError) as caught:
            with_defaults(config)
        assert "\n" not in str(caught.value)


class TestOverlaysOfTheRepository:
    @pytest.mark.parametrize("name", OVERLAYS)
    def test_overlays_hold_differences_only(self, name):
        *below, path = stack(name)
        overlay = yaml.safe_load(path.read_text())
        base = load_config(below) if below else default_config(get_value(overlay, "main_config.method", "capture"))
        for key, value in flatten(overlay):
            if key != "main_config.method":
                assert value != get_value(base, key), f"{key} repeats what is there already"
        config = load_config([*below, path])
        assert {key: get_value(config, key) for key, _ in flatten(overlay)} == dict(flatten(overlay))

    @pytest.mark.parametrize("name", [*OVERLAYS, *sorted(GENERATED - {"defaults.yaml"})])
    def test_a_method_is_built_of_each(self, name):
        from capture.methods.build import build_method

        config = load_config(stack(name))
        for section in (
            "fomm_config",
            "mraa_config",
            "lwgan_config",
            "coord_inpainting_config",
        ):  # without pretrained weights, which may not be at hand
            config.get(section, {})["perceptual"] = "none"
        config.get("capture_parts_config", {}).get("loss", {})["perceptual_weight"] = 0.0
        assert build_method(config).networks["gen"]

    def test_weights_folders_of_perceptual_losses(self):
        assert load_config([], ["--method", "mraa", "--perceptual_path", "a"])["mraa_config"]["perceptual_path"] == "a"
        config = load_config([], ["--method", "capture_parts", "--perceptual_path", "b"])
        assert config["capture_parts_config"]["loss"]["perceptual_path"] == "b"
