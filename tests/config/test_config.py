"""Configuration: layers of it, and what is said about each mistake."""

from __future__ import annotations

import re

import pytest
import yaml

from capture.common.errors import CaptureError
from capture.config.load import DEFAULTS, differences, ignored_keys, load_config, result_folder
from capture.config.yaml import dump_yaml

RELEASE = {  # the published release's defaults that SPEC lists, spot-checked
    "main_config": {"interval": 10, "init": "xavier", "save_minimum_epoch": 200},
    "dataset_config": {"dataset_path": "./Fashion_Dataset", "num_workers": 4, "batch_size": 4},
    "train_config": {"num_epochs": 250, "seed": 777, "adam_betas": [0.5, 0.999], "lr_G": 0.0001, "lr_D": 0.0001},
    "loss_config": {"ganLoss_type": "BCE", "gen_reconLoss_weight": 15.0},
}


def test_defaults_are_the_releases_and_faithful():
    config = load_config()
    for section, values in RELEASE.items():
        for key, value in values.items():
            assert config[section][key] == value
    assert config["loss_config"]["gen_targetLoss_weight"] == 0
    assert config["generator_config"]["dec_config"]["alpha_init"] == 1


def test_layers_come_over_one_another(tmp_path):
    (tmp_path / "a.yaml").write_text("train_config: {lr_G: 0.5, lr_D: 0.25}\n")
    (tmp_path / "b.yaml").write_text("train_config: {lr_G: 0.75}\n")
    config = load_config([tmp_path / "a.yaml", tmp_path / "b.yaml"], ["--lr_D", "1e-3", "--result_title", "007"])
    assert config["train_config"]["lr_G"] == 0.75
    assert config["train_config"]["lr_D"] == 0.001
    assert config["train_config"]["num_epochs"] == 250
    assert config["main_config"]["result_title"] == "007"


def test_values_of_the_command_line_take_their_types():
    argv = ["--dec_config.t", "null", "--dec_adain_layers", "[1, 2]", "--poseE_config.res2", "true", "--lr_G", "1"]
    config = load_config([], argv)
    decoder = config["generator_config"]["dec_config"]
    assert decoder["t"] is None and decoder["dec_adain_layers"] == [1, 2]
    assert config["generator_config"]["poseE_config"]["res2"] is True
    assert isinstance(config["train_config"]["lr_G"], float)


def test_the_releases_configuration_loads(shared):
    config = load_config([shared / "reference" / "0config.yaml"])
    assert config["generator_config"]["idenE_config"]["c"] == 8
    assert config["dataset_config"]["image_size"] == 256


def test_dump_reads_back_the_same(tmp_path):
    config = load_config([], ["--result_title", "x", "--c_in", "3"][:2])
    (tmp_path / "0config.yaml").write_text(dump_yaml(config))
    assert load_config([tmp_path / "0config.yaml"]) == config
    assert differences(config, load_config()) == [("main_config.result_title", "x", "")]


def test_keys_that_nothing_reads_are_listed():
    assert ignored_keys(load_config([], ["--conv_num", "3"])) == ["generator_config.poseE_config.conv_num"]
    assert ignored_keys(load_config()) == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--batchsize", "3"], "unknown key --batchsize; did you mean batch_size?"),
        (["--zzzzqqqq", "3"], "unknown key --zzzzqqqq"),
        (["--c", "3"], "--c could be --generator_config.idenE_config.c"),
        (["--lr_G"], "--lr_G needs a value"),
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
    ],
)
def test_mistakes_on_the_command_line(argv, message):
    with pytest.raises(CaptureError) as caught:
        load_config([], argv)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train_config: {lrG: 1}", "unknown key train_config.lrG; did you mean lr_G?"),
        ("batch_size: 3", "unknown key batch_size; did you mean"),
        ("train_config: 3", "train_config is a section"),
        ("train_config: {lr_G: [1]}", "train_config.lr_G: expected a number"),
        ("train_config: {lr_G: {x: 1}}", "train_config.lr_G is a value, such as 0.0001, not a section"),
        ("- 1", "expected sections"),
        ("a: [1", "line 2: not valid YAML"),
        ("x: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("train_config: {lr_G: 1e-4}", "write 1.0e-4 or 0.0001"),
    ],
)
def test_mistakes_in_a_file_name_the_file(tmp_path, text, message):
    path = tmp_path / "overlay.yaml"
    path.write_text(text + "\n")
    with pytest.raises(CaptureError) as caught:
        load_config([path])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_not_text(tmp_path):
    with pytest.raises(CaptureError, match="nowhere.yaml: can't read"):
        load_config([tmp_path / "nowhere.yaml"])
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(CaptureError, match="not a text file"):
        load_config([tmp_path / "binary.yaml"])


@pytest.mark.parametrize("title", ["", "../elsewhere", "/tmp/x"])
def test_result_title_names_a_folder_below_result_path(title):
    with pytest.raises(CaptureError, match="result_title"):
        result_folder(load_config([], ["--result_title", title]))


def test_overlays_of_the_repository_hold_differences_only():
    def only_differences(overlay, defaults):
        for key, value in overlay.items():
            if isinstance(value, dict):
                only_differences(value, defaults[key])
            else:
                assert value != defaults[key], f"{key} repeats the default"

    overlays = sorted((DEFAULTS.parent / "configs").glob("*.yaml"))
    assert overlays
    for path in overlays:
        below = re.match(r"# On top of (\w+\.yaml)", path.read_text())  # else it stands on the defaults alone
        only_differences(yaml.safe_load(path.read_text()), load_config([path.parent / below[1]] if below else []))
        load_config([path])


@pytest.mark.parametrize("name", sorted(path.name for path in (DEFAULTS.parent / "configs").glob("*.yaml")))
def test_a_method_is_built_of_each_overlay_and_what_it_stands_on(name):
    from capture.methods.build import build_method

    path = DEFAULTS.parent / "configs" / name
    below = re.match(r"#.*(?:On top of |after configs/)(\w+\.yaml)", path.read_text())
    layers = [path.parent / below[1], path] if below else [path]
    config = load_config(layers, ["--gen_perceptualLoss_weight", "0", "--perceptual", "none"])
    assert build_method(config).networks["gen"]  # without weights, which may not be at hand


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
    ],
)
def test_hostile_files_are_refused_in_a_line(tmp_path, text, message):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(CaptureError, match=message) as caught:
        load_config([tmp_path / "bad.yaml"])
    assert len(str(caught.value)) < 500


def test_a_weights_folder_of_each_perceptual_loss_by_its_own_name():
    config = load_config([], ["--perceptual_path", "a", "--perceptual_net_path", "b"])
    assert config["baseline_config"]["perceptual_path"] == "a"
    assert config["loss_config"]["perceptual_net_path"] == "b"


def test_keys_that_are_no_longer_there_load_where_they_were_off(tmp_path):
    path = tmp_path / "0config.yaml"
    path.write_text("generator_config: {dec_config: {warp: false, reshape: false, carry: true}}")
    config = load_config([path])["generator_config"]["dec_config"]
    assert config["carry"] and "warp" not in config
    path.write_text("generator_config: {dec_config: {warp: true}}")
    with pytest.raises(CaptureError, match="0config.yaml: generator_config.dec_config.warp is no longer there"):
        load_config([path])
