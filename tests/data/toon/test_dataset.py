"""ToonStream: samples straight from the renderer."""

from __future__ import annotations

import pytest
import torch

from capture.common.errors import CaptureError
from capture.data.sampling import IdentityPictures
from capture.data.toon.dataset import HELD_OUT_SEEDS, ToonStream
from capture.data.toon.rendering.render import render


class TestToonStream:
    def test_samples_depend_on_seed_epoch_and_index_only(self):
        a, b = ToonStream(32, 8), ToonStream(32, 8)
        batch = a.__getitems__([3, 5, 0])
        assert all(torch.equal(batch[1][key], b[5][key]) for key in batch[1])
        b.set_epoch(1)
        assert not torch.equal(b[5]["identity"], batch[1]["identity"])
        assert not torch.equal(ToonStream(32, 8, seed=1)[5]["identity"], batch[1]["identity"])

    def test_target_is_the_identity_in_the_shot_of_the_pose(self):
        stream = ToonStream(48, 4, uv=True)
        assert len(stream) == 4
        identity, real, pose, target = stream.shots(2)
        assert identity.character_seed == real.character_seed == target.character_seed != pose.character_seed
        assert pose.with_character(identity.character_seed) == target
        sample = stream[2]
        assert torch.equal(sample["target"], render([target], 48)["rgb"][0])
        assert torch.equal(sample["target_uv"], render([target], 48, outputs=("iuv",))["iuv"][0])
        assert sample["has_target"].item() is True

    def test_no_sample_has_a_held_out_character(self):
        stream = ToonStream(32)
        seeds = {shot.character_seed for i in range(300) for shot in stream.shots(i)}
        assert not seeds & set(HELD_OUT_SEEDS) and len(seeds) == 600

    def test_clips_can_be_left_out(self):
        stream = ToonStream(32, clips=["walk", "wave"])
        assert {shot.clip for i in range(60) for shot in stream.shots(i)} == {"walk", "wave"}

    def test_loader_workers_change_nothing(self):
        stream = ToonStream(32, 6)
        plain, forked = (list(torch.utils.data.DataLoader(stream, batch_size=3, num_workers=n)) for n in (0, 2))
        for a, b in zip(plain, forked, strict=True):
            assert all(torch.equal(a[key], b[key]) for key in a)

    def test_unknown_clip_is_named(self):
        with pytest.raises(CaptureError, match="no clip 'moonwalk'"):
            ToonStream(64, clips=["moonwalk"])

    def test_batch_equals_single_samples(self):
        stream = ToonStream(16, uv=True)
        batch = stream.batch([4, 2])
        for row, index in enumerate((4, 2)):
            assert all(torch.equal(batch[name][row], value) for name, value in stream[index].items())
        assert batch["identity_uv"].is_contiguous()


class TestIdentityPictures:
    """Further pictures of the identity."""

    @pytest.mark.parametrize("shared", (False, True))
    def test_they_show_the_character_of_the_identity_and_never_the_target(self, shared):
        stream = ToonStream(32, share_renders=shared)
        for index in range(12):
            identity, _, _, target = stream.shots(index)
            others = stream.other_shots(index, 3)
            assert [shot.character_seed for shot in others] == [identity.character_seed] * 3
            assert len({identity, target, *others}) == 5
            assert stream.other_shots(index, 1) == others[:1]

    @pytest.mark.parametrize("shared", (False, True))
    def test_they_are_the_pictures_of_their_shots_and_change_no_other_picture(self, shared):
        counts = IdentityPictures(4, 2, seed=0)
        update = next(k for k in range(20) if counts.count([2 * k]) == 3)
        indices = [2 * update, 2 * update + 1]
        plain = ToonStream(32, uv=True, share_renders=shared).batch(indices)
        stream = ToonStream(32, uv=True, share_renders=shared, identity_pictures=counts)
        batch = stream.batch(indices)
        more = {"identity_2", "identity_3", "identity_2_uv", "identity_3_uv"}
        assert batch.keys() - plain.keys() == more
        assert all(torch.equal(batch[name], value) for name, value in plain.items())
        for k, shot in enumerate(stream.other_shots(indices[1], 2), start=2):
            assert torch.equal(batch[f"identity_{k}"][1], render([shot], 32)["rgb"][0])
        assert list(stream.describe(indices[1])) == ["identity", "real", "pose", "target", "identity_2", "identity_3"]

    def test_they_share_the_style_of_the_identity(self):
        """Pixel art has few colours, and those of one style share a palette."""
        counts = IdentityPictures(2, 1, seed=0)
        update = next(k for k in range(20) if counts.count([k]) == 2)
        for shared in (False, True):
            made = ToonStream(32, share_renders=shared, styles="many", identity_pictures=counts).batch([update])
            assert made["identity_2"].shape == (1, 3, 32, 32)
            assert not torch.equal(made["identity_2"], made["identity"])
