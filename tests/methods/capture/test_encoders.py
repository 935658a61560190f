"""The two encoders."""

from __future__ import annotations

import torch

from capture.methods.capture.encoders import IdentityEncoder, skip_channels


class TestSkipChannels:
    def test_channels_of_the_full_size(self):
        assert skip_channels(4, 64, 256) == {1: 64, 2: 128, 3: 256, 4: 256, 5: 256, 6: 512, 7: 1024}


class TestIdentityEncoder:
    def test_the_code_is_noise_and_mean_times_sigma(self):
        torch.manual_seed(0)
        encoder = IdentityEncoder(skip_channels(2, 4, 16), 3, in_norm=False, pad_type="zeros")
        eps, skips = torch.randn(1, 64), {}
        encoder.code_linear.register_forward_hook(lambda module, inputs, output: skips.update(statistics=output))
        skips.update(encoder(torch.rand(1, 3, 32, 32), eps))
        mu, sigma = skips["statistics"].chunk(2, dim=1)
        torch.testing.assert_close(skips[0], (eps + mu) * sigma)
