"""Model FLOP utilisation and operators a step, as the log has them."""

from __future__ import annotations

import torch

from capture.training.utilisation import Utilisation


class TestUtilisation:
    def test_the_second_step_is_kept_and_later_ones_only_run(self):
        used = Utilisation(torch.device("cpu"), bf16=False, compiled=False)
        assert used.metrics(1.0) == {}
        a = torch.ones(512, 512)
        used.step(lambda: a + a)
        assert [used.step(lambda: int((a @ a).sum())) for _ in range(2)] == [512**3] * 2
        used.step(lambda: a @ a @ a)
        assert used.work is not None and used.work.flop == 2 * 512**3
        slow, fast = used.metrics(0.1), used.metrics(10.0)
        assert slow["operators_per_step"] == 3  # product, sum, and reading the number
        assert 0 < slow["model_flop_utilisation"] < fast["model_flop_utilisation"]

    def test_with_compilation_the_first_step_runs_eagerly(self):
        function = torch.compile(lambda x: x @ x, backend="eager")
        used = Utilisation(torch.device("cpu"), bf16=False, compiled=True)
        used.step(lambda: function(torch.ones(8, 8)))
        assert used.work is not None and used.work.flop == 2 * 8**3
