"""MRAA's AVD network: bodies are stretched, and their poses rebuilt."""

import torch

from capture.methods.mraa.avd import rescale, stretch_factors
from capture.methods.mraa.losses import avd_loss
from capture.methods.mraa.regions import Regions
from tests.helpers.tiny_baselines import tiny_mraa, two_frames


class TestAvdNetwork:
    def test_bodies_are_stretched_along_x_and_y(self):
        regions = Regions(torch.ones(1, 2, 2), torch.ones(1, 2, 2, 2))
        other = rescale(regions, stretch_factors(torch.tensor([[0.0, 1.0]]), 0.25))
        assert other.shift[0, 0].tolist() == [0.75, 1.25]
        assert other.affine[0, 1].tolist() == [[0.75, 0.75], [1.25, 1.25]]

    def test_the_avd_network_learns_to_rebuild_a_pose(self):
        network, (x, y) = tiny_mraa(avd=True), two_frames(batch=8)
        with torch.no_grad():
            source, driving = network.region_predictor(x), network.region_predictor(y)
        optimiser, rng = torch.optim.Adam(network.avd_network.parameters(), 1e-3), torch.Generator().manual_seed(1)
        history = []
        for _ in range(30):
            stretch = stretch_factors(torch.rand(8, 2, generator=rng), 0.25)
            rebuilt = network.avd_network(source, rescale(driving, stretch))
            loss, _ = avd_loss(rebuilt, driving, {"lambda_shift": 1, "lambda_affine": 1})
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            history.append(loss.item())
        assert history[-1] < 0.5 * history[0]

    def test_avd_is_float32_under_autocast_and_takes_either_sign_of_the_identity(self):
        network, (x, y) = tiny_mraa(avd=True).eval(), two_frames()
        source, driving = network.region_predictor(x), network.region_predictor(y)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network.avd_network(source, driving)
        exact = network.avd_network(source._replace(affine=-source.affine), driving)
        for a, b in zip(rough, exact):
            torch.testing.assert_close(a, b)
