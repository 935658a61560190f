"""The keys of MRAA: published values and bounds."""

import pytest
from pydantic import ValidationError

from capture.methods.mraa.options import MraaConfig, Options


class TestMraaOptions:
    def test_defaults_are_the_authors_ted_configuration_with_avd(self):
        options = Options().model_dump()["mraa_config"]
        assert options["mode"] == "avd" and options["num_regions"] == 10 and options["random_scale"] == 0.25
        assert options["region_predictor"] == {
            "block_expansion": 32,
            "max_features": 1024,
            "num_blocks": 5,
            "temperature": 0.1,
            "scale_factor": 0.25,
            "pca_based": True,
            "pad": 0,
        }
        assert options["background"] == {
            "block_expansion": 32,
            "max_features": 1024,
            "num_blocks": 5,
            "bg_type": "affine",
        }
        assert options["generator"]["skips"] and options["pixelwise_flow"]["region_var"] == 0.01
        assert options["avd"] == {"id_bottle_size": 64, "pose_bottle_size": 64}
        assert set(options["loss_weights"].values()) == {10.0, 1.0}

    def test_default_schedule_is_the_published_one(self):
        assert Options.DEFAULTS["dataset_config"] == {"batch_size": 6}
        assert Options.DEFAULTS["train_config"]["lr_schedule"] == {"drop_epochs": [60, 90]}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"mode": "sideways"},
            {"background": {"bg_type": "none"}},
            {"random_scale": 1.5},
            {"region_predictor": {"pad": -1}},
            {"avd": {"id_bottle_size": 0}},
            {"loss_weights": {"lambda_shift": -1.0}},
            {"num_kp": 10},
        ],
    )
    def test_wrong_values_and_unknown_keys_are_refused(self, wrong):
        with pytest.raises(ValidationError):
            MraaConfig.model_validate(wrong)
