"""FOMM's arithmetic is its authors': their own code, on the same weights and pictures, gave the numbers below."""

import pytest
import torch

from capture.methods.fomm.losses import fomm_discriminator_loss, fomm_loss
from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.keypoint_warping.tps import Deformation
from tests.helpers.tiny_baselines import (
    check_samples,
    deformation_noise,
    fill,
    filled_vgg19_loss,
    inputs,
    pictures,
    tiny_discriminator,
    tiny_fomm,
)

WEIGHTS = {
    "generator_gan": 1,
    "discriminator_gan": 1,
    "feature_matching": [10, 10],
    "equivariance_value": 10,
    "equivariance_jacobian": 10,
}
# torch 2.12, CPU
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


class TestFommFidelity:
    @torch.no_grad()
    def test_fomm_networks_and_losses_agree_with_the_authors_code(self):
        network, discriminator = tiny_fomm().eval(), tiny_discriminator().eval()
        fill(network.kp_detector), fill(network.generator), fill(discriminator)
        x, y = pictures()
        deformation = Deformation(deformation_noise())
        details = network(inputs(x, y), details=True, deformation=deformation)
        scores = discriminator(to_unit(x))
        check_samples(
            {
                "value": details.source.value,
                "jacobian": details.driving.jacobian,
                "flow": details.motion.flow,
                "occlusion": details.motion.occlusion,
                "mask": details.motion.mask,
                "prediction": details.prediction,
                "patches": scores[1].patches,
                "features": scores[0].features[-1],
            },
            FOMM_GAVE,
        )
        fake, real = discriminator(details.prediction), discriminator(to_unit(y))
        _, terms = fomm_loss(details, to_unit(y), deformation, filled_vgg19_loss(), WEIGHTS, (fake, real))
        terms |= fomm_discriminator_loss(fake, real, WEIGHTS)[1]
        assert {name: term.item() for name, term in terms.items()} == pytest.approx(FOMM_LOSSES, rel=1e-4)
