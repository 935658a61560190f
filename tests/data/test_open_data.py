"""open_data: from the configuration and the keys of a batch to training samples and test pairs."""

from __future__ import annotations

import shutil

import pytest
import torch

from capture.common.errors import CaptureError
from capture.data.open_data import open_data
from capture.data.toon.dataset import ToonStream
from capture.data.toon.held_out import held_out_batch
from capture.data.toon.render_groups import GROUPS_PER_BLOCK, SAMPLES_PER_RENDER_GROUP
from capture.data.toon.write import write_toon
from tests.conftest import tiny_config

ROLES = ("identity", "real", "pose", "target")
PAIR = ("identity", "pose", "target")


def toon(*argv: str, keys=()):
    return open_data(tiny_config("--dataset_path", "toon", *argv), keys)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open") / "written"
    write_toon(folder, 2, 2, 2, 32, 5, uv=True, workers=1, test_characters=2, test_clips=1, progress=False)
    return folder


class TestKeys:
    @pytest.mark.parametrize("keys", [(), {"target"}, ["target", "has_target"]])
    def test_no_maps_without_a_key_that_ends_in_uv(self, written, keys):
        for data in (toon(keys=keys), open_data(tiny_config("--dataset_path", str(written)), keys)):
            assert set(data.train[0]) == {*ROLES, "has_target"}
            assert set(data.test_batch(2)) == set(PAIR)

    @pytest.mark.parametrize("keys", [{"identity_uv"}, ("target", "target_uv")])
    def test_maps_of_samples_and_test_pairs_with_such_a_key(self, written, keys):
        for data in (toon(keys=keys), open_data(tiny_config("--dataset_path", str(written)), keys)):
            assert set(data.train[0]) == {*ROLES, *(f"{role}_uv" for role in ROLES), "has_target"}
            pairs = data.test_batch(2)
            assert set(pairs) == {*PAIR, *(f"{role}_uv" for role in PAIR)}
            for role in PAIR:
                assert pairs[f"{role}_uv"].shape == (2, 3, 32, 32) and pairs[f"{role}_uv"].dtype == torch.uint8
                assert pairs[f"{role}_uv"][:, 0].flatten(1).any(1).all()

    def test_maps_do_not_change_the_pictures(self):
        plain, with_maps = toon().train[3], toon(keys={"pose_uv"}).train[3]
        assert all(torch.equal(plain[role], with_maps[role]) for role in ROLES)

    def test_data_without_maps_is_opened_without_them(self, mixamo_tree):
        data = open_data(tiny_config("--dataset_path", str(mixamo_tree)), {"target_uv"})
        assert set(data.train[0]) == {*ROLES, "has_target"} and set(data.test_batch(2)) == set(PAIR)
        assert "IUV maps" not in data.description


class TestTestBatchMaps:
    @pytest.fixture
    def copy(self, written, tmp_path):
        return shutil.copytree(written, tmp_path / "copy", ignore=shutil.ignore_patterns(".capture"))

    def test_role_with_a_missing_map_is_left_out(self, copy):
        config = tiny_config("--dataset_path", str(copy))
        before = open_data(config, {"target_uv"}).test_batch(2)
        row = (copy / "test" / "pairs.csv").read_text().split("\n")[1].split(",")
        (copy / "test" / row[0].replace("imgs/", "uv/")).unlink()
        after = open_data(config, {"target_uv"}).test_batch(2)
        assert set(before) - set(after) >= {"identity_uv"} and "identity" in after

    def test_map_column_of_the_pairs_file_is_used_before_the_map_beside_the_picture(self, copy):
        header, first = (copy / "test" / "pairs.csv").read_text().split("\n")[:2]
        identity, pose, target = first.split(",")
        (copy / "test" / "pairs.csv").write_text(f"{header},identity_uv\n{first},{pose.replace('imgs/', 'uv/')}\n")
        pairs = open_data(tiny_config("--dataset_path", str(copy)), {"identity_uv"}).test_batch(1)
        assert torch.equal(pairs["identity_uv"], pairs["pose_uv"])

    def test_map_of_another_size_than_its_picture_is_refused(self, copy):
        from PIL import Image

        row = (copy / "test" / "pairs.csv").read_text().split("\n")[1].split(",")
        path = copy / "test" / row[0].replace("imgs/", "uv/")
        Image.new("RGB", (16, 16)).save(path)
        with pytest.raises(CaptureError, match=r"a map of 16x16 pixels for a picture of 32x32"):
            open_data(tiny_config("--dataset_path", str(copy)), {"identity_uv"}).test_batch(1)


class TestToonOptions:
    def test_views_and_held_out_clips(self):
        data = toon("--toon_views", "front", "--toon_test_clips", "4")
        shots = [shot for i in range(60) for shot in data.train.shots(i)]
        assert max(abs(shot.view.azimuth_degrees) for shot in shots) < 150
        assert not {shot.clip for shot in shots} & {"clap", "kneel", "fly", "sit_chair"}
        assert {"clap", "kneel", "fly", "sit_chair"} < {shot.clip for i in range(60) for shot in toon().train.shots(i)}
        pairs = data.test_batch(3)
        assert torch.equal(pairs["pose"], held_out_batch(3, 32, views="front")["pose"])
        assert not torch.equal(pairs["pose"], held_out_batch(3, 32)["pose"])

    def test_mixed_motions(self):
        shots = [shot for i in range(20) for shot in toon("--toon_mixed_motions", "0.5").train.shots(i)]
        assert 10 < sum("+" in shot.clip for shot in shots) < 70
        assert not any("+" in shot.clip for i in range(20) for shot in toon().train.shots(i))

    def test_samples_per_render_group(self):
        stream = toon("--share_renders", "true", "--samples_per_render_group", "10").train
        assert stream.samples_per_render_group == 10
        next_block = GROUPS_PER_BLOCK * 10
        assert stream.shots(next_block)[0] != ToonStream(32, 9, share_renders=True).shots(next_block)[0]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--toon_reach", "0.5"), "toon_reach .* set toon_mixed_motions above 0"),
            (("--style_filters", "many"), "style_filters .* set toon_styles"),
        ],
    )
    def test_options_that_would_do_nothing_are_refused(self, options, message):
        with pytest.raises(CaptureError, match=message):
            toon(*options)

    def test_styles_as_filters_are_refused_for_toon_that_is_named_twice(self):
        with pytest.raises(CaptureError, match="style_filters .* set toon_styles"):
            open_data(tiny_config("--dataset_path", "toon + toon", "--style_filters", "many"))

    def test_options_of_toon_that_do_nothing_for_folders_are_named(self, mixamo_tree, caplog):
        caplog.set_level("INFO", "capture")
        options = ("--toon_styles", "many", "--toon_mixed_motions", "0.4")
        open_data(tiny_config("--dataset_path", f"{mixamo_tree} + toon", *options))
        open_data(tiny_config("--dataset_path", str(mixamo_tree)))
        assert not caplog.text
        open_data(tiny_config("--dataset_path", str(mixamo_tree), *options))
        said = "toon_mixed_motions 0.4, toon_styles many: passed over without toon in dataset_path; style_filters draws"
        assert caplog.text.count("\n") == 1 and said in caplog.text

    def test_samples_per_render_group_need_shared_renders(self):
        assert SAMPLES_PER_RENDER_GROUP == 24
        with pytest.raises(CaptureError, match="samples_per_render_group .* set share_renders true"):
            toon("--samples_per_render_group", "10")
