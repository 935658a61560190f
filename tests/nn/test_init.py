"""How weights start."""

from __future__ import annotations

import pytest
import torch

from capture.nn.init import OwnInit, init_weights
from capture.nn.spectral_norm import SpectralNormConv2d


class TestInitWeights:
    @pytest.mark.parametrize("init", ("xavier", "kaiming", "gaussian"))
    def test_standard_deviations(self, init):
        network = torch.nn.Sequential(torch.nn.Conv2d(32, 64, 3), SpectralNormConv2d(32, 64, 3))
        torch.manual_seed(0)
        init_weights(network, init)
        plain, spectral = network[0].weight, network[1].weight_orig
        fan_in, fan_out = 32 * 9, 64 * 9
        want = {"xavier": (2 * 2 / (fan_in + fan_out)) ** 0.5, "kaiming": (2 / fan_in) ** 0.5, "gaussian": 0.02}[init]
        for weight in (plain, spectral):
            assert weight.std().item() == pytest.approx(want, rel=0.03)
        if init == "xavier":  # uniform under spectral norm, normal elsewhere
            assert spectral.abs().max() <= 3**0.5 * want < plain.abs().max()
        assert network[0].bias.abs().max() == 0

    def test_an_unknown_name_is_refused(self):
        with pytest.raises(ValueError, match="none of xavier, kaiming, gaussian"):
            init_weights(torch.nn.Linear(1, 1), "orthogonal")

    def test_modules_with_an_init_of_their_own_have_the_last_word(self):
        class Ones(OwnInit):
            def __init__(self):
                super().__init__()
                self.linear = torch.nn.Linear(2, 2)

            def init_own(self):
                torch.nn.init.ones_(self.linear.weight)

        network = torch.nn.Sequential(Ones())
        init_weights(network)
        assert torch.equal(network[0].linear.weight, torch.ones(2, 2))
