"""Options and sizes that do not fit each other are refused in one line before training, not in its first update."""

from __future__ import annotations

import itertools

import pytest
import torch

from capture.common.errors import CaptureError
from capture.methods.build import new_method
from capture.methods.capture.generator import CaPTUReGenerator
from tests.conftest import tiny_config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "fomm", "--fomm_config.scales", "[1.0, 0.75]"), "must be 1 divided by a whole number"),
        (("--method", "fomm", "--kp_detector.scale_factor", "0.4"), "must be 1 divided by a whole number"),
        (("--method", "coord_inpainting", "--perceptual_scales", "[0.7]"), "must be 1 divided by a whole number"),
        (("--method", "mraa", "--estimate_affine", "false", "--pca_based", "false"), "mode avd needs frames of the"),
        (
            ("--method", "mraa", "--mode", "absolute", "--estimate_affine", "false", "--pca_based", "false"),
            "pixelwise_flow.use_covar_heatmap needs frames of the regions",
        ),
        (("--method", "lwgan", "--perceptual", "alexnet", "--image_size", "24"), "alexnet needs 31"),
        (("--disc_downs", "5"), "discriminator_config: disc_downs 5 needs pictures of at least 64 pixels"),
        (
            ("--method", "coord_inpainting", "--colour_scales", "6", "--image_size", "16", "--texture_size", "40"),
            "can't be halved so often; lower it",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(CaptureError, match=message) as error:
        new_method(tiny_config(*options))
    assert "\n" not in str(error.value)


def test_regions_without_frames_train_where_nothing_needs_frames():
    off = ("--estimate_affine", "false", "--pca_based", "false", "--pixelwise_flow.use_covar_heatmap", "false")
    new_method(tiny_config("--method", "mraa", "--mode", "absolute", *off))


@pytest.mark.parametrize("size", [16, 32])
def test_capture_accepts_the_sizes_at_which_its_networks_have_numbers(size):
    """Norms and reflected borders of either encoder, and AdaIN and attention at the deepest skip level."""
    accepted = 0
    mixed = ({}, {"enc_adain_layers": [5]}, {"enc_attn_layers": [5]})
    switches = itertools.product((False, True), (False, True), ("zeros", "reflect"), (False, True), mixed)
    for pose_norm, identity_norm, border, res2, layers in switches:
        encoder = {"downs": 2, "c_in": 3, "c": 4, "min_ch": 16}
        pose = {**encoder, "in_norm": pose_norm, "pad_type": border, "res2": res2, "enc_adain_layers": [-1]}
        config = {
            "idenE_config": {**encoder, "in_norm": identity_norm, "pad_type": "zeros"},
            "poseE_config": {**pose, "enc_attn_layers": [-1], **layers},
            "dec_config": {
                "min_ch": 16,
                "dec_adain_layers": [1],
                "dec_attn_layers": [0],
                "t": 16.0,
                "alpha_init": 1.0,
                "res2": res2,
            },
        }
        generator = CaPTUReGenerator(config).train()
        if size % 2 ** (4 + res2):
            continue
        try:
            generator.check_size(size)
            fits = True
        except ValueError:
            fits = False
        pictures = torch.rand(2, 3, size, size)
        try:
            picture = generator({"identity": pictures, "pose": pictures.flip(0)}, generator.sample_noise(2))
            has_numbers = bool(picture.isfinite().all())
        except (ValueError, RuntimeError):
            has_numbers = False
        assert fits == has_numbers, config
        accepted += fits
    assert accepted
