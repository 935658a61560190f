"""The moving average of the generator."""

from __future__ import annotations

import pytest
import torch

from capture.training.averages import EMA


class TestEMA:
    def test_one_weight_by_hand(self):
        network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(network.weight)
        ema = EMA(network, 0.5)
        torch.nn.init.ones_(network.weight)
        ema.update(network, 0)  # min(0.5, 1 / 10)
        assert ema.average.weight.item() == pytest.approx(0.9)
        ema.update(network, 1000)
        assert ema.average.weight.item() == pytest.approx(0.95)
