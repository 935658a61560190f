"""Test pairs of toon characters that training never renders."""

from __future__ import annotations

import torch

from capture.data.toon.held_out import held_out_batch


class TestHeldOutBatch:
    def test_first_pairs_do_not_depend_on_the_count(self):
        batch, again = held_out_batch(3, 32), held_out_batch(5, 32)
        assert set(batch) == {"identity", "pose", "target"} and batch["pose"].shape == (3, 3, 32, 32)
        assert all(torch.equal(batch[name], again[name][:3]) for name in batch)

    def test_maps_are_those_of_the_pictures(self):
        plain, batch = held_out_batch(2, 32), held_out_batch(2, 32, uv=True)
        assert set(batch) == {name + end for name in ("identity", "pose", "target") for end in ("", "_uv")}
        for name in plain:
            assert torch.equal(plain[name], batch[name])
            figure = batch[f"{name}_uv"][:, 0] > 0
            background = (batch[name] == 235).all(1)
            assert figure.any() and not (figure & background).float().mean() > 0.02
        assert not torch.equal(batch["pose_uv"], batch["target_uv"])
