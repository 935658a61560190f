"""The progress bar of a run."""

from __future__ import annotations

import pytest

from capture.training.progress import progress_title


class TestProgressTitle:
    @pytest.mark.parametrize(
        ("epochs", "total", "title"),
        [(0, 20, "epoch 1 of 20, all samples"), (20, 20, "epoch 20 of 20, all samples"), (0, 1, "epoch 1 of 1")],
    )
    def test_title_says_that_the_bar_counts_the_samples_of_all_epochs(self, epochs, total, title):
        assert progress_title(epochs, total) == title
