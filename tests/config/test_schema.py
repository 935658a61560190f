"""Declarations of keys: complete, with usable defaults, bounds that are enforced, and rules for resuming."""

from __future__ import annotations

import subprocess
import sys

import pytest

from capture.common.errors import CaptureError
from capture.common.options import Section
from capture.common.registry import METHODS, SECTIONS
from capture.config.load import flatten, ignored_keys, load_config
from capture.config.nested import set_value
from capture.config.schema import (
    config_model,
    default_config,
    key_extra,
    key_field,
    method_sections,
    resume_rule,
    validate,
)
from tests.conftest import ROOT

RELEASE = {  # the keys and values of the published release's defaults.yaml
    "main_config": {
        "result_path": "./result/",
        "result_title": "",
        "interval": 10,
        "model_path": "./CheckPoint0/",
        "init": "xavier",
        "save_minimum_epoch": 200,
    },
    "dataset_config": {"dataset_path": "./Fashion_Dataset", "num_workers": 4, "batch_size": 4},
    "generator_config": {
        "idenE_config": {"downs": 4, "c_in": 3, "c": 64, "min_ch": 256, "in_norm": False, "pad_type": "zeros"},
        "poseE_config": {
            "downs": 4,
            "c_in": 3,
            "c": 64,
            "min_ch": 256,
            "enc_adain_layers": [-1],
            "enc_attn_layers": [-1],
            "in_norm": True,
            "conv_num": 0,
            "res2": False,
            "pad_type": "zeros",
        },
        "dec_config": {"min_ch": 256, "dec_adain_layers": [1, 2, 3], "dec_attn_layers": [0], "t": 16, "res2": False},
    },
    "discriminator_config": {
        "disc_downs": 3,
        "n_res": 2,
        "c_in": 3,
        "c": 64,
        "norm": "none",
        "bias": True,
        "w_norm": "spectral",
        "activ": "lrelu",
        "pad_type": "reflect",
    },
    "loss_config": {
        "ganLoss_type": "BCE",
        "dis_ganLoss_weight": 1.0,
        "gen_ganLoss_weight": 1.0,
        "gen_reconLoss_weight": 15.0,
    },
    "train_config": {"num_epochs": 250, "seed": 777, "adam_betas": [0.5, 0.999], "lr_G": 0.0001, "lr_D": 0.0001},
}
OWN_KEYS_OF_CAPTURE = {"generator_config.dec_config.alpha_init"}  # in the sections that only the method reads


def changed(method: str, key: str, value: object) -> dict:
    config = default_config(method)
    set_value(config, key, value)
    return config


class TestDeclarations:
    def test_capture_has_the_keys_and_values_of_the_release(self):
        config, release = dict(flatten(default_config("capture"))), dict(flatten(RELEASE))
        assert {key: config[key] for key in release} == release
        own = {key for key in config if key.split(".")[0] in method_sections("capture")}
        assert own - set(release) == OWN_KEYS_OF_CAPTURE

    def test_keys_that_the_release_lacks_are_marked(self):
        release = dict(flatten(RELEASE))
        for key, _ in flatten(default_config("capture")):
            section = key.rsplit(".", 1)[0]
            marked = [key_extra(key_field("capture", name))["added"] for name in (key, section) if "." in name]
            assert any(marked) == (key not in release), key

    @pytest.mark.parametrize("method", METHODS)
    def test_every_key_has_a_help_text_on_one_line(self, method):
        for key, _ in flatten(default_config(method)):
            text = key_field(method, key).description
            assert text and "\n" not in text and not text.removesuffix("...").endswith("."), key

    @pytest.mark.parametrize("method", METHODS)
    def test_defaults_are_valid(self, method):
        config = default_config(method)
        assert validate(config, method) == config
        assert config["main_config"]["method"] == method

    @pytest.mark.parametrize("method", METHODS)
    def test_a_configuration_has_the_common_sections_and_those_of_its_method(self, method):
        names = ["main_config", "dataset_config", *method_sections(method), "train_config"]
        assert list(default_config(method)) == names
        assert set(names) == {*SECTIONS, *method_sections(method)}

    def test_defaults_are_copies(self):
        default_config("capture")["train_config"]["adam_betas"].append(3.0)
        default_config("capture")["train_config"]["lr_schedule"]["drop_epochs"].append(3)
        assert default_config("capture")["train_config"]["adam_betas"] == [0.5, 0.999]
        assert default_config("capture")["train_config"]["lr_schedule"]["drop_epochs"] == [-1]

    def test_models_are_closed(self):
        for method in METHODS:
            models = [config_model(method)]
            while models:
                model = models.pop()
                assert issubclass(model, Section) and model.model_config["extra"] == "forbid"
                inner = [field.annotation for field in model.model_fields.values()]
                models += [kind for kind in inner if isinstance(kind, type) and issubclass(kind, Section)]


class TestValues:
    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("train_config.lr_G", "fast", "train_config.lr_G: expected a number, such as 0.0001, found 'fast'"),
            ("train_config.lr_G", "1e-4", "found '1e-4' (write 1.0e-4 or 0.0001)"),
            ("train_config.lr_G", True, "expected a number, such as 0.0001, found True"),
            ("train_config.lr_G", float("inf"), "expected a number, such as 0.0001, found inf"),
            ("train_config.seed", 2.5, "train_config.seed: expected a whole number, such as 777, found 2.5"),
            ("train_config.seed", True, "expected a whole number, such as 777, found True"),
            ("train_config.compile", 1, "expected true or false, such as False, found 1"),
            ("main_config.result_title", 7, "expected text, such as '', found 7"),
            ("main_config.result_title", "a\0b", "main_config.result_title: expected text"),
            (
                "main_config.init",
                "xavir",
                "expected one of xavier, kaiming, gaussian, found 'xavir'; did you mean xavier?",
            ),
            ("discriminator_config.pad_type", 3, "expected one of zeros, reflect, replicate, circular, found 3"),
            ("dataset_config.batch_size", 0, "dataset_config.batch_size: expected at least 1, found 0"),
            ("dataset_config.image_size", 4097, "expected at most 4096, found 4097"),
            ("train_config.seed", -1, "expected at least 0, found -1"),
            ("train_config.ema_decay", 1.0, "train_config.ema_decay: expected less than 1, found 1.0"),
            ("train_config.adam_betas", [0.5], "expected two numbers from 0 up to 1, found [0.5]"),
            ("train_config.adam_betas", [0.5, 1.0], "expected two numbers from 0 up to 1, found [0.5, 1.0]"),
            (
                "train_config.adam_betas",
                [0.5, "x"],
                "adam_betas: expected a list of numbers, such as [0.5, 0.999], found",
            ),
            (
                "train_config.lr_schedule.drop_epochs",
                3,
                "drop_epochs: expected a list of numbers, such as [-1], found 3",
            ),
            ("train_config.lr_schedule.drop_epochs", [1] * 65, "drop_epochs: expected a few numbers, found 65"),
            ("generator_config.dec_config.t", 0.0, "dec_config.t: expected a positive number or null, found 0.0"),
            ("generator_config.dec_config.t", "x", "dec_config.t: expected a number or null, such as 16.0, found 'x'"),
            (
                "generator_config.idenE_config.downs",
                1,
                "generator_config.idenE_config.downs: expected at least 2, found 1",
            ),
        ],
    )
    def test_a_wrong_value_is_one_line_that_names_the_key(self, key, value, message):
        with pytest.raises(CaptureError) as caught:
            validate(changed("capture", key, value), "capture")
        assert message in str(caught.value) and str(caught.value).startswith(key) and "\n" not in str(caught.value)

    def test_bounds_of_the_items_of_a_list(self):
        with pytest.raises(CaptureError, match=r"fomm_config.scales: expected at least 0.01, found \[0.0\]"):
            validate(changed("fomm", "fomm_config.scales", [0.0]), "fomm")
        with pytest.raises(CaptureError, match="fomm_config.scales: expected at least 1 numbers"):
            validate(changed("fomm", "fomm_config.scales", []), "fomm")

    def test_whole_numbers_serve_as_numbers(self):
        config = validate(changed("capture", "train_config.lr_G", 1), "capture")
        assert config["train_config"]["lr_G"] == 1.0 and isinstance(config["train_config"]["lr_G"], float)

    def test_null_where_it_is_a_value(self):
        validate(changed("capture", "generator_config.dec_config.t", None), "capture")
        with pytest.raises(CaptureError, match="dataset_config.batch_size: expected a whole number"):
            validate(changed("capture", "dataset_config.batch_size", None), "capture")

    def test_a_value_in_place_of_a_section(self):
        with pytest.raises(CaptureError, match="^train_config.lr_schedule: "):
            validate(changed("capture", "train_config.lr_schedule", 3), "capture")


class TestResumeRule:
    @pytest.mark.parametrize(
        ("method", "key", "rule"),
        [
            ("capture", "train_config.num_epochs", "free"),
            ("capture", "main_config.result_title", "free"),
            ("capture", "dataset_config.dataset_path", "noted"),
            ("capture", "generator_config.poseE_config.conv_num", "free"),
            ("capture", "train_config.lr_G", "noted"),
            ("capture", "train_config.lr_schedule.decay_epochs", "noted"),
            ("capture", "dataset_config.toon_mixed_motions", "noted"),
            ("capture", "loss_config.gen_reconLoss_weight", "noted"),
            ("capture_parts", "capture_parts_config.loss.perceptual_weight", "noted"),
            ("capture_supervised", "supervision_config.perceptual_path", "free"),
            ("capture", "train_config.lr_schedule.warmup_steps", "fixed"),
            ("capture", "train_config.seed", "fixed"),
            ("capture", "dataset_config.batch_size", "fixed"),
            ("capture", "generator_config.idenE_config.c", "fixed"),
            ("capture", "main_config.method", "fixed"),
            ("capture", "capture_parts_config.num_parts", "fixed"),  # not a key of this method
            ("capture", "nowhere", "fixed"),
        ],
    )
    def test_rule_of_a_key(self, method, key, rule):
        assert resume_rule(default_config(method), key) == rule


def test_keys_that_nothing_reads_are_listed():
    assert ignored_keys(load_config([], ["--conv_num", "3"])) == ["generator_config.poseE_config.conv_num"]
    assert ignored_keys(load_config([], ["--model_path", "x"])) == ["main_config.model_path"]
    assert ignored_keys(load_config()) == []
    assert ignored_keys(load_config([], ["--method", "fomm"])) == []


def test_keys_that_a_method_does_not_read_are_listed():
    rates = ["--lr_D", "0.5", "--init", "kaiming"]
    assert ignored_keys(load_config([], ["--method", "mraa", *rates])) == ["main_config.init", "train_config.lr_D"]
    assert ignored_keys(load_config([], ["--method", "fomm", *rates])) == ["main_config.init"]
    assert ignored_keys(load_config([], rates)) == []


def test_loading_any_configuration_does_not_import_torch():
    names = ", ".join(map(repr, METHODS))
    code = (
        "import sys\nfrom capture.config.load import load_config\n"
        f"for method in ({names},): load_config([], ['--method', method])\n"
        "assert 'torch' not in sys.modules, 'torch'\nassert 'numpy' not in sys.modules, 'numpy'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
