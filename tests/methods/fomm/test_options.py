"""The keys of FOMM: published values, bounds, and a network that they build."""

import pytest
from pydantic import ValidationError

from capture.methods.fomm.options import FommConfig, Options
from tests.helpers.tiny_baselines import merged


class TestFommOptions:
    def test_defaults_are_the_authors_vox_configuration(self):
        options = Options().model_dump()["fomm_config"]
        assert options["num_kp"] == 10 and options["estimate_jacobian"] is True
        assert options["kp_detector"] == {
            "block_expansion": 32,
            "max_features": 1024,
            "num_blocks": 5,
            "temperature": 0.1,
            "scale_factor": 0.25,
            "single_jacobian_map": False,
        }
        assert options["generator"]["num_bottleneck_blocks"] == 6 and options["generator"]["max_features"] == 512
        assert options["dense_motion"]["block_expansion"] == 64 and options["dense_motion"]["kp_variance"] == 0.01
        assert options["discriminator"]["num_blocks"] == 4 and options["discriminator"]["max_features"] == 512
        assert options["loss_weights"]["generator_gan"] == 0 and options["transform"]["sigma_tps"] == 0.005

    def test_default_schedule_is_the_published_one(self):
        assert Options.DEFAULTS["dataset_config"] == {"batch_size": 40}
        assert Options.DEFAULTS["train_config"]["lr_schedule"] == {"drop_epochs": [60, 90]}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"num_kp": 0},
            {"num_kp": 513},
            {"num_kp": True},
            {"perceptual": "vgg16"},
            {"scales": []},
            {"scales": [0.0]},
            {"scales": [1.0] * 65},
            {"perceptual_weights": [-1.0]},
            {"kp_detector": {"temperature": 0.0}},
            {"kp_detector": {"scale_factor": 1.5}},
            {"kp_detector": {"pad": 0}},
            {"dense_motion": {"num_blocks": 11}},
            {"loss_weights": {"generator_gan": float("inf")}},
            {"loss_weights": {"equivariance_value": float("nan")}},
            {"num_regions": 10},
        ],
    )
    def test_wrong_values_and_unknown_keys_are_refused(self, wrong):
        with pytest.raises(ValidationError):
            FommConfig.model_validate(wrong)

    def test_options_are_not_shared_between_configurations(self):
        one, other = FommConfig(), FommConfig()
        one.kp_detector.num_blocks, one.scales[0] = 2, 0.5
        assert other.kp_detector.num_blocks == 5 and other.scales[0] == 1.0

    def test_whole_numbers_serve_as_floats(self):
        plain = FommConfig().model_dump()
        changed = merged(plain, {"scales": [1], "loss_weights": {"generator_gan": 1}})
        assert FommConfig.model_validate(changed).loss_weights.generator_gan == 1.0

    def test_only_the_folder_of_weights_may_change_on_resume(self):
        fields = FommConfig.model_fields.items()
        free = [name for name, field in fields if field.json_schema_extra["resume"] != "fixed"]
        assert free == ["perceptual_path"]
