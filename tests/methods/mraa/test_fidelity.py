"""MRAA's arithmetic is its authors': their own code, on the same weights and pictures, gave the numbers below."""

import pytest
import torch

from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.keypoint_warping.tps import Deformation
from capture.methods.mraa.losses import mraa_loss
from tests.helpers.tiny_baselines import (
    check_samples,
    deformation_noise,
    fill,
    filled_vgg19_loss,
    inputs,
    pictures,
    tiny_mraa,
)

# torch 2.12, CPU
MRAA_GAVE = {
    "shift": [0.189819, 0.08925, -0.014799, 0.148577, 0.061942, 0.011785],
    "affine": [-0.399445, -0.585455, -0.431169, 0.550602, 0.08506, 0.195661],
    "covar": [0.359383, 0.351723, 0.428532, 0.37294, 0.18637, 0.078394],
    "background": [-0.170055, 0.0, -0.169844, 1.0, 0.088431, 0.266682],
    "flow": [-0.261565, 0.158282, 0.001391, 0.246739, 0.087349, 0.070725],
    "occlusion": [0.478109, 0.490072, 0.480757, 0.434562, 0.510042, 0.262343],
    "prediction": [0.372834, 0.414055, 0.464988, 0.540769, 0.469292, 0.230929],
    "avd_shift": [-0.651712, -0.095123, -0.460716, 0.408228, -0.105553, 0.120851],
    "avd_affine": [-0.340534, -0.540284, -0.445035, 0.304037, -0.078108, 0.37189],
    "avd": [0.254811, 0.266186, 0.406212, 0.56071, 0.366485, 0.156996],
}
MRAA_LOSSES = {"G_perceptual": 21.489887, "G_equi_shift": 0.598486, "G_equi_affine": 1.944661}


class TestMraaFidelity:
    @torch.no_grad()
    def test_mraa_networks_and_losses_agree_with_the_authors_code(self):
        network = tiny_mraa(avd=True).eval()
        for part in (network.region_predictor, network.bg_predictor, network.generator, network.avd_network):
            fill(part)
        x, y = pictures()
        deformation = Deformation(deformation_noise())
        details = network(inputs(x, y), details=True, deformation=deformation)
        fitted = network.avd_network(details.source, details.driving)
        check_samples(
            {
                "shift": details.source.shift,
                "affine": details.source.affine,
                "covar": details.driving.covar,
                "background": network.bg_predictor(to_unit(x), to_unit(y)),
                "flow": details.motion.flow,
                "occlusion": details.motion.occlusion,
                "prediction": details.prediction,
                "avd_shift": fitted.shift,
                "avd_affine": fitted.affine,
                "avd": to_unit(network.transfer(inputs(x, y), "avd")),
            },
            MRAA_GAVE,
        )
        weights = {"equivariance_shift": 10, "equivariance_affine": 10}
        _, terms = mraa_loss(details, to_unit(y), deformation, filled_vgg19_loss(), weights, revert_axis_swap=True)
        assert {name: term.item() for name, term in terms.items()} == pytest.approx(MRAA_LOSSES, rel=1e-4)
