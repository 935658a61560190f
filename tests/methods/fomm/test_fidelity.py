"""The authors' own code, run on the same weights and pictures, gave the numbers below (torch 2.12, CPU)."""

import pytest
import torch
from capture.methods.keypoint_warping.ranges import to_unit

from capture.methods.keypoint_warping.losses import fomm_discriminator_loss, fomm_loss, mraa_loss
from capture.methods.keypoint_warping.tps import Deformation
from capture.nn.perceptual import Features, PerceptualLoss
from tests.helpers.tiny_baselines import (
    deformation_noise,
    fill,
    pictures,
    sample,
    tiny_discriminator,
    tiny_fomm,
    tiny_mraa,
)

WEIGHTS = {
    "generator_gan": 1,
    "discriminator_gan": 1,
    "feature_matching": [10, 10],
    "equivariance_value": 10,
    "equivariance_jacobian": 10,
    "equivariance_shift": 10,
    "equivariance_affine": 10,
}
FOMM_GAVE = {
    "value": [-0.040541, 0.039945, -0.000621, 0.100156, -0.007456, 0.006554],
    "jacobian": [-0.124029, 1.03775, -0.019083, -0.193082, 0.235045, 0.27534],
    "flow": [-0.778945, 0.359448, -1.371791, 0.144915, 0.018834, 0.466646],
    "occlusion": [0.615777, 0.584675, 0.561322, 0.534873, 0.574772, 0.333376],
    "mask": [0.474014, 0.216199, 0.369646, 0.243862, 0.25, 0.069181],
    "prediction": [0.475023, 0.465764, 0.464427, 0.481857, 0.477216, 0.228182],
    "patches": [-3.849898, 2.176199, -0.536852, 3.469144, 2.343635, 13.408074],
    "features": [2.589665, -0.400678, 2.018363, -0.092747, 0.402868, 0.751745],
}
FOMM_LOSSES = {
    "G_perceptual": 23.042255,
    "G_gan": 25.469442,
    "G_features": 24.964247,
    "G_equi_value": 0.874429,
    "G_equi_jacobian": 4.64296,
    "D_gan": 58.495461,
}
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


@pytest.fixture(scope="module")
def perceptual() -> PerceptualLoss:
    return PerceptualLoss(fill(Features("vgg19")), (10,) * 5, (1, 0.5))


def check(ours: dict, theirs: dict) -> None:
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        torch.testing.assert_close(sample(value), torch.tensor(theirs[name]), atol=1e-4, rtol=1e-4, msg=name)


@torch.no_grad()
def test_fomm(perceptual):
    network, discriminator = tiny_fomm().eval(), tiny_discriminator().eval()
    fill(network.kp_detector), fill(network.generator), fill(discriminator)
    x, y = pictures()
    deformation = Deformation(deformation_noise())
    details = network(x, y, details=True, deformation=deformation)
    scores = discriminator(to_unit(x))
    check(
        {
            "value": details["source"].value,
            "jacobian": details["driving"].jacobian,
            "flow": details["motion"].flow,
            "occlusion": details["motion"].occlusion,
            "mask": details["motion"].mask,
            "prediction": details["prediction"],
            "patches": scores[1].patches,
            "features": scores[0].features[-1],
        },
        FOMM_GAVE,
    )
    fake, real = discriminator(details["prediction"]), discriminator(to_unit(y))
    _, parts = fomm_loss(details, to_unit(y), deformation, perceptual, WEIGHTS, (fake, real))
    parts |= fomm_discriminator_loss(fake, real, WEIGHTS)[1]
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(FOMM_LOSSES, rel=1e-4)


@torch.no_grad()
def test_mraa(perceptual):
    network = tiny_mraa(avd=True).eval()
    for part in (network.region_predictor, network.bg_predictor, network.generator, network.avd_network):
        fill(part)
    x, y = pictures()
    deformation = Deformation(deformation_noise())
    details = network(x, y, details=True, deformation=deformation)
    fitted = network.avd_network(details["source"], details["driving"])
    check(
        {
            "shift": details["source"].shift,
            "affine": details["source"].affine,
            "covar": details["driving"].covar,
            "background": network.bg_predictor(to_unit(x), to_unit(y)),
            "flow": details["motion"].flow,
            "occlusion": details["motion"].occlusion,
            "prediction": details["prediction"],
            "avd_shift": fitted.shift,
            "avd_affine": fitted.affine,
            "avd": to_unit(network.transfer(x, y, mode="avd")),
        },
        MRAA_GAVE,
    )
    _, parts = mraa_loss(details, to_unit(y), deformation, perceptual, WEIGHTS)
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(MRAA_LOSSES, rel=1e-4)
