"""Files of older versions, whole or in part, in today's keys; what no longer exists is refused in a line."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from safetensors import safe_open

from capture.common.errors import CaptureError
from capture.config.legacy import OLD_KEYS, PARTS, RENAMED, SUPERVISION, current_name, upgrade
from capture.config.load import differences, flatten, load_config, load_result_config, with_defaults
from capture.config.nested import get_value, has_value, set_value
from capture.config.schema import default_config, key_field
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "fixtures" / "golden" / "results"
BODY = {  # generator_config of the weights in result/Toon, as their export holds it
    "patch": 2,
    "body_parts": 25,
    "code_ch": 24,
    "idenE_config": {"downs": 2, "c_in": 3, "c": 24, "min_ch": 96, "in_norm": False, "pad_type": "zeros"},
    "poseE_config": {
        "downs": 2,
        "c_in": 3,
        "c": 24,
        "min_ch": 96,
        "enc_adain_layers": [-1],
        "enc_attn_layers": [-1],
        "in_norm": True,
        "conv_num": 0,
        "res2": False,
        "pad_type": "zeros",
    },
    "dec_config": {
        "min_ch": 96,
        "dec_adain_layers": [0, 1],
        "dec_attn_layers": [0, 1],
        "t": None,
        "res2": False,
        "alpha_init": 1.0,
        "beta_init": 1.0,
        "attn_rows": "output",
        "carry": False,
        "pose_skip": False,
        "retarget": True,
        "attn_width": 32,
    },
}


def body(method: str = "capture", learns: str = "all", weight: float = 0.0) -> dict:
    """What a configuration of CaPTURe with a body said of its stage."""
    return {
        "main_config": {"method": method},
        "generator_config": copy.deepcopy(BODY),
        "loss_config": {"gen_surfaceLoss_weight": weight, "gen_targetLoss_weight": 5.0},
        "train_config": {"body_learns": learns, "body_to_reader": 0.03},
    }


def text_of(config: dict, tmp_path, name: str = "0config.yaml"):
    (tmp_path / name).write_text(yaml.safe_dump(config))
    return tmp_path / name


class TestWholeFiles:
    @pytest.mark.parametrize(
        ("version", "method"), [("v1", "capture"), ("v2", "capture"), ("v3", "capture_supervised")]
    )
    def test_results_of_every_version_load(self, version, method):
        config = load_result_config(GOLDEN / version)
        assert config["main_config"]["method"] == method
        assert config["generator_config"]["idenE_config"]["c"] == config["discriminator_config"]["c"] == 1
        assert config["generator_config"]["dec_config"]["dec_adain_layers"] == [1]
        assert config["train_config"]["lr_schedule"] == {"warmup_steps": 0, "decay_epochs": 0, "drop_epochs": [-1]}
        kept = dict(flatten(config))  # every other value of the file is still there
        for key, value in flatten(yaml.safe_load((GOLDEN / version / "0config.yaml").read_text())):
            if key not in OLD_KEYS and not key.startswith("baseline_config") and key != "main_config.method":
                assert kept[key] == value, key

    def test_version_3_keeps_what_made_it_supervised(self):
        config = load_result_config(GOLDEN / "v3")["supervision_config"]
        assert config["attention_rows"] == "pose" and config["target_weight"] == config["perceptual_weight"] == 0

    @pytest.mark.parametrize("version", ["v1", "v2", "v3"])
    def test_exports_carry_the_same_networks_as_their_results(self, version):
        with safe_open(str(GOLDEN / version / "generator.safetensors"), "pt") as file:
            config = with_defaults(json.loads(file.metadata()["config"]))
        result = load_result_config(GOLDEN / version)
        if version == "v3":  # an export does not hold the losses
            assert config["supervision_config"]["attention_rows"] == "pose"
        for section in ("generator_config", "discriminator_config"):
            assert config[section] == result[section]

    def test_the_weights_in_the_repository(self):
        result = load_result_config(ROOT / "result" / "Toon")
        with safe_open(str(ROOT / "result" / "Toon" / "generator.safetensors"), "pt") as file:
            export = with_defaults(json.loads(file.metadata()["config"]))
        for config in (result, export):
            assert config["main_config"]["method"] == "capture_parts"
            assert config["dataset_config"]["image_size"] == 128
        for key in ("stage", "num_parts", "patch_size", "networks", "discriminator"):
            assert export["capture_parts_config"][key] == result["capture_parts_config"][key]
        parts = default_config("capture_parts")["capture_parts_config"]
        assert result["capture_parts_config"]["networks"] == parts["networks"]

    def test_the_releases_configuration_is_not_changed(self, shared):
        config = yaml.safe_load((shared / "reference" / "0config.yaml").read_text())
        assert upgrade(config) is config

    @pytest.mark.parametrize("method", ["capture", "capture_supervised", "capture_parts", "fomm", "mraa"])
    def test_todays_configurations_are_not_changed(self, method):
        config = default_config(method)
        assert upgrade(config) is config

    def test_upgrading_twice_changes_nothing_and_the_argument_stays(self):
        for config in (body(), yaml.safe_load((GOLDEN / "v3" / "0config.yaml").read_text())):
            before = copy.deepcopy(config)
            once = upgrade(config)
            assert config == before and once != config and upgrade(once) == once


class TestRenamedKeys:
    def test_keys_of_every_method(self):
        old = {
            "dataset_config": {"toon_improvised": 0.4, "reuse_drawings": True, "reuse_samples": 16, "augment": "none"},
            "train_config": {"lr_warmup_steps": 7, "lr_decay_epochs": 2, "lr_drop_epochs": [3], "seed": 5},
        }
        assert upgrade(old) == {
            "dataset_config": {"toon_mixed_motions": 0.4, "share_renders": True, "samples_per_render_group": 16},
            "train_config": {"lr_schedule": {"warmup_steps": 7, "decay_epochs": 2, "drop_epochs": [3]}, "seed": 5},
        }

    def test_new_names_exist(self):
        for method, table in (
            ("capture", RENAMED),
            ("capture_supervised", SUPERVISION),
            ("capture_parts", PARTS),
        ):
            for old, new in table.items():
                assert key_field(method, new) is not None, new
                assert key_field(method, old) is None, old

    def test_todays_name_of_an_older_key(self):
        assert current_name("lr_decay_epochs") == "train_config.lr_schedule.decay_epochs"
        assert current_name("dec_config.attn_rows") == "supervision_config.attention_rows"
        assert current_name("body_to_reader") == "capture_parts_config.segmenter_grad_scale"
        assert current_name("lr_G") is current_name("decay_epochs") is current_name("c") is None


class TestCaptureSupervised:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ({"gen_targetLoss_weight": 15.0}, {"target_weight": 15.0}),
            (
                {"gen_perceptualLoss_weight": 3.0, "perceptual_net": "vgg"},
                {"perceptual_weight": 3.0, "perceptual_net": "vgg", "target_weight": 0.0},
            ),
        ],
    )
    def test_losses_of_true_targets(self, old, new):
        assert upgrade({"loss_config": old | {"gen_reconLoss_weight": 4.0}}) == {
            "main_config": {"method": "capture_supervised"},
            "loss_config": {"gen_reconLoss_weight": 4.0},
            "supervision_config": new,
        }

    def test_without_a_discriminator(self):
        losses = {"dis_ganLoss_weight": 0.0, "gen_ganLoss_weight": 0.0, "gen_targetLoss_weight": 0.0}
        config = with_defaults({"loss_config": losses})
        assert config["main_config"]["method"] == "capture_supervised"
        assert config["supervision_config"]["target_weight"] == 0

    def test_losses_that_are_off_are_dropped(self):
        losses = {"gen_targetLoss_weight": 0.0, "gen_perceptualLoss_weight": 0.0, "gen_surfaceLoss_weight": 0.0}
        old = {"loss_config": losses, "generator_config": {"dec_config": {"attn_rows": "identity", "attn_width": 0}}}
        assert with_defaults(old) == default_config("capture")

    def test_a_part_over_one_that_is_supervised(self):
        old = {"loss_config": {"gen_perceptualLoss_weight": 3.0}}
        assert upgrade(old, method="capture_supervised") == {"supervision_config": {"perceptual_weight": 3.0}}

    def test_wrong_values_stay_wrong(self):
        with pytest.raises(CaptureError, match="supervision_config.target_weight: expected a number"):
            with_defaults({"loss_config": {"gen_targetLoss_weight": "x"}})
        with pytest.raises(CaptureError, match="supervision_config.attention_rows: expected one of identity, pose"):
            with_defaults({"generator_config": {"dec_config": {"attn_rows": "sideways"}}})


class TestCaptureParts:
    @pytest.mark.parametrize(
        ("method", "learns", "weight", "stage"),
        [
            ("reading", "all", 1.0, "segmentation"),
            ("surfaces", "all", 1.0, "layout"),
            ("capture", "all", 0.0, "synthesis"),
            ("capture", "layout", 0.0, "synthesis"),
            ("capture", "layout", 1.0, "joint"),
        ],
    )
    def test_stages(self, method, learns, weight, stage):
        config = with_defaults(body(method, learns, weight))
        assert config["main_config"]["method"] == "capture_parts"
        parts = config["capture_parts_config"]
        assert parts["stage"] == stage
        assert parts["loss"]["correspondence_weight"] == 1 and parts["loss"]["target_weight"] == 5
        assert parts["segmenter_grad_scale"] == 0.03

    @pytest.mark.parametrize(
        ("method", "learns", "weight"),
        [("surfaces", "motion", 1.0), ("surfaces", "layout", 1.0), ("capture", "all", 1.0), ("capture", "motion", 1.0)],
    )
    def test_combinations_that_no_longer_exist(self, method, learns, weight):
        with pytest.raises(CaptureError, match=f"^configuration: method {method} with .* no longer exists") as caught:
            with_defaults(body(method, learns, weight))
        assert "\n" not in str(caught.value)

    def test_networks(self):
        config = body()
        config["generator_config"]["dec_config"]["t"] = 0.07
        config["discriminator_config"] = {"c": 8, "n_res": 1}
        parts = with_defaults(config)["capture_parts_config"]
        assert parts["networks"] == {
            "segmenter_ch": 32,
            "layout_ch": 48,
            "downs": 2,
            "c": 24,
            "min_ch": 96,
            "code_ch": 24,
            "adain_layers": [0, 1],
            "attention_layers": [0, 1],
            "attention_width": 32,
            "attention_temperature": 0.07,
            "figure_alpha": False,
            "part_textures": False,
            "sharpness": 1.0,
        }
        assert parts["num_parts"] == 25 and parts["patch_size"] == 2
        assert parts["discriminator"]["c"] == 8 and parts["discriminator"]["n_res"] == 1

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("generator_config.dec_config.attn_rows", "pose"),
            ("generator_config.dec_config.retarget", False),
            ("generator_config.dec_config.carry", True),
            ("generator_config.dec_config.beta_init", 0.0),
            ("generator_config.dec_config.res2", True),
            ("generator_config.poseE_config.c", 12),
            ("generator_config.dec_config.min_ch", 48),
            ("generator_config.idenE_config.pad_type", "reflect"),
        ],
    )
    def test_networks_that_no_longer_exist(self, key, value):
        config = body()
        set_value(config, key, value)
        with pytest.raises(CaptureError, match=key):
            upgrade(config, "run/0config.yaml")

    def test_a_reconstruction_weight_is_dropped_where_it_is_zero_and_refused_elsewhere(self):
        """CaPTURe-Parts makes no reconstruction; the stages that paint nothing never read the weight."""
        config = body()
        set_value(config, "loss_config.gen_reconLoss_weight", 0.0)
        assert with_defaults(config) == with_defaults(body())
        set_value(config, "loss_config.gen_reconLoss_weight", 4.0)
        with pytest.raises(CaptureError, match="^run/0config.yaml: loss_config.gen_reconLoss_weight: 4.0 no longer"):
            upgrade(config, "run/0config.yaml")
        for method in ("reading", "surfaces"):
            config = body(method)
            set_value(config, "loss_config.gen_reconLoss_weight", 15.0)
            assert with_defaults(config) == with_defaults(body(method))

    def test_overlays_on_one_another(self, tmp_path):
        """A file without a method goes on with the one that the file before it turned out to have."""
        first = text_of({"generator_config": BODY}, tmp_path, "compact.yaml")
        second = {"loss_config": {"dis_ganLoss_weight": 1.0, "gen_perceptualLoss_weight": 30.0}}
        config = load_config([first, text_of(second, tmp_path, "sharpen.yaml")])
        changed = differences(config, load_config([], ["--method", "capture_parts"]))
        assert changed == [
            ("capture_parts_config.loss.discriminator_weight", 1.0, 0.0),
            ("capture_parts_config.loss.perceptual_weight", 30.0, 10.0),
        ]
        third = {"main_config": {"method": "surfaces"}, "loss_config": {"gen_surfaceLoss_weight": 1.0}}
        config = load_config([first, text_of(third, tmp_path, "surfaces.yaml")])
        changed = differences(config, load_config([], ["--method", "capture_parts"]))
        assert changed == [("capture_parts_config.stage", "layout", "synthesis")]


class TestBaselines:
    OLD = {
        "perceptual": "alexnet",
        "scales": [1.0, 0.5],
        "transform": {"points_tps": 4},
        "fomm": {"num_kp": 7, "generator": {"max_features": 96}},
        "mraa": {"num_regions": 8, "mode": "absolute", "generator": {"max_features": 64}},
    }

    @pytest.mark.parametrize(
        ("method", "own"),
        [
            ("fomm", {"num_kp": 7, "generator": {"max_features": 96}}),
            ("mraa", {"num_regions": 8, "mode": "absolute", "generator": {"max_features": 64}}),
        ],
    )
    def test_each_takes_its_keys_out_of_the_shared_section(self, method, own):
        old = {
            "main_config": {"method": method},
            "baseline_config": self.OLD,
            "generator_config": BODY,
            "loss_config": {"gen_targetLoss_weight": 15.0, "gen_reconLoss_weight": 3.0},
            "discriminator_config": {"c": 8},
        }
        shared = {"perceptual": "alexnet", "scales": [1.0, 0.5], "transform": {"points_tps": 4}}
        assert upgrade(old) == {"main_config": {"method": method}, f"{method}_config": {**shared, **own}}
        config = with_defaults(old)
        assert config["train_config"] == default_config(method)["train_config"]
        assert get_value(config, f"{method}_config.generator.max_features") == own["generator"]["max_features"]

    def test_an_overlay_without_a_method_takes_the_one_that_is_asked_for(self, tmp_path):
        path = text_of({"baseline_config": self.OLD}, tmp_path)
        config = load_config([path], ["--method", "mraa"])
        assert config["mraa_config"]["num_regions"] == 8 and config["mraa_config"]["scales"] == [1.0, 0.5]
        first = text_of({"main_config": {"method": "fomm"}}, tmp_path, "first.yaml")
        assert load_config([first, path])["fomm_config"]["num_kp"] == 7

    def test_capture_never_read_it(self):
        assert with_defaults({"baseline_config": self.OLD}) == default_config("capture")

    @pytest.mark.parametrize("value", [3, None, [1], {"fomm": 3}, {"fomm": {"num_kp": {"x": 1}}}])
    def test_what_is_no_section(self, value):
        config = {"main_config": {"method": "fomm"}, "baseline_config": value}
        try:
            assert with_defaults(config) == default_config("fomm")
        except CaptureError as error:
            assert "fomm_config" in str(error) and "\n" not in str(error)


class TestRetiredKeys:
    OFF = [
        ("dataset_config.augment", "none", "flip"),
        ("dataset_config.toon_characters", 0, 100),
        ("generator_config.patch", 1, 2),
        ("generator_config.code_ch", 0, 24),
        ("generator_config.dec_config.attn_width", 0, 32),
        ("generator_config.dec_config.retarget", False, True),
        ("generator_config.dec_config.carry", False, True),
        ("generator_config.dec_config.pose_skip", False, True),
        ("generator_config.dec_config.warp", False, True),
        ("generator_config.dec_config.reshape", False, True),
        ("generator_config.dec_config.beta_init", 1.0, 0.0),
        ("loss_config.gen_surfaceLoss_weight", 0.0, 1.0),
        ("loss_config.gen_attentionLoss_weight", 0.0, 1.0),
    ]

    @pytest.mark.parametrize(("key", "off", "on"), OFF)
    def test_off_is_dropped_and_on_is_refused(self, tmp_path, key, off, on):
        config = {"train_config": {"seed": 5}}
        set_value(config, key, off)
        assert upgrade(config) == {"train_config": {"seed": 5}}
        set_value(config, key, on)
        path = text_of(config, tmp_path)
        with pytest.raises(CaptureError) as caught:
            load_config([path])
        assert str(caught.value).startswith(f"{path}: {key}: {on!r} no longer exists; ")

    def test_attention_of_the_output_without_a_body(self):
        with pytest.raises(
            CaptureError, match="attn_rows: output without a body no longer exists; method capture_parts"
        ):
            upgrade({"generator_config": {"dec_config": {"attn_rows": "output"}}})

    def test_a_baseline_never_read_them(self):
        old = {
            "main_config": {"method": "fomm"},
            "baseline_config": {},
            "generator_config": {"dec_config": {"carry": True}},
        }
        assert with_defaults(old) == default_config("fomm")


class TestEveryKeyOfOlderVersions:
    def test_no_key_of_an_older_default_file_is_forgotten(self):
        """Version 3's whole default file, for each of its methods, loads, but for what the method itself says."""
        old = yaml.safe_load((GOLDEN / "v3" / "0config.yaml").read_text())
        for method in ("capture", "fomm", "mraa"):
            config = copy.deepcopy(old)
            config["main_config"]["method"] = method
            upgraded = upgrade(config)
            for key, _ in flatten(upgraded):
                assert has_value(default_config(upgraded["main_config"]["method"]), key), key
