"""PoseTransfer: encoding once, any number of poses, and fast ways that change nothing a person could see."""

from __future__ import annotations

import copy
from itertools import count

import pytest
import torch

from capture.config.load import load_result_config
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.io.images import normalise
from capture.methods.build import build_generator
from capture.training.trainer import Trainer
from tests.conftest import tiny_config

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(mixamo_tree, tmp_path_factory):
    """A result folder with a generator that has learnt its tiny dataset."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    config = tiny_config(
        "--method", "capture_supervised", "--dataset_path", str(mixamo_tree), "--gen_ganLoss_weight", "0",
        "--dis_ganLoss_weight", "0", "--lr_G", "0.002", "--samples_per_epoch", "240", "--num_epochs", "1",
        "--batch_size", "4",
    )  # fmt: skip
    assert Trainer(config, open_data(config), folder).train()
    return folder


@pytest.fixture(scope="module")
def pictures(trained):
    """Some of its own training pictures, uint8 (6, 3, S, S): identities and poses."""
    data = open_data(load_result_config(trained)).train
    samples = [data[i] for i in range(6)]
    return [torch.stack([sample[name] for sample in samples]) for name in ("identity", "pose")]


def psnr(one, other):
    return 10 * torch.log10(4 / (one - other).square().mean()).item()


class TestDrive:
    def test_drive_gives_the_pictures_of_render(self, trained, pictures):
        transfer = PoseTransfer.load(trained, "cpu")
        identities, poses = pictures
        noise = transfer.sample_noise(1, 1.0, 3)
        driven = torch.stack(list(transfer.drive(identities[:2], iter(poses), batch_size=4, noise=noise)))
        assert driven.shape == (6, 2, 3, 32, 32) and driven.dtype == torch.uint8
        for i in range(2):
            alone = transfer.render(identities[i : i + 1].expand(6, -1, -1, -1), poses, noise=noise)
            assert (driven[:, i].int() - alone.int()).abs().max() <= 1

    def test_drive_encodes_every_picture_once(self, trained, pictures):
        transfer = PoseTransfer.load(trained, "cpu")
        seen = {"identity": 0, "pose": 0}
        network = transfer.generator
        for name, encoder in (("identity", network.identity_encoder), ("pose", network.pose_encoder)):
            encoder.register_forward_hook(
                lambda module, args, out, name=name: seen.update({name: seen[name] + len(args[0])})
            )
        identities, poses = pictures
        assert len(list(transfer.drive(identities[:3], iter(poses), batch_size=4))) == 6
        assert seen == {"identity": 3, "pose": 6}

    def test_drive_reads_poses_as_they_are_needed(self, trained, pictures):
        transfer = PoseTransfer.load(trained, "cpu")
        taken = count()
        endless = (pictures[1][next(taken) % 6] for _ in count())
        driven = transfer.drive(pictures[0][:1], endless, batch_size=2)
        for _ in range(5):
            next(driven)
        assert next(taken) == 6  # three batches of two, of an endless row

    def test_features_hold_only_what_the_decoder_reads(self, trained, pictures):
        transfer = PoseTransfer.load(trained, "cpu")
        pose = transfer.encode_pose(normalise(pictures[1]))
        assert set(pose) == {0, 3}  # the decoder's start, and the level of its one attention
        assert set(transfer.encode_identity(normalise(pictures[0]))) == {0, 2, 3}

    @pytest.mark.parametrize("key", ("enc_adain_layers", "enc_attn_layers"))
    def test_pose_encoders_that_read_the_identity_are_encoded_again_for_each(self, key, pictures):
        torch.manual_seed(0)
        config = tiny_config(f"--{key}", "[3]")
        transfer = PoseTransfer(build_generator(config), config, CPU)
        identities, poses = map(normalise, pictures)
        whole = transfer.generator({"identity": identities, "pose": poses})
        torch.testing.assert_close(transfer.transfer(identities, poses), whole, rtol=1e-4, atol=1e-5)
        driven = torch.cat(list(transfer.drive(pictures[0][:1], iter(pictures[1]))))
        alone = transfer.render(pictures[0][:1].expand(6, -1, -1, -1), pictures[1])
        assert (driven.int() - alone.int()).abs().max() <= 1


class TestBfloat16:
    @pytest.mark.parametrize("which", ("random weights", "trained"))
    def test_bfloat16_changes_nothing_a_person_could_see(self, which, trained, pictures):
        exact = PoseTransfer.load(trained, "cpu")
        if which == "random weights":
            torch.manual_seed(1)
            for parameter in exact.generator.parameters():
                torch.nn.init.normal_(parameter, std=0.05)
        fast = PoseTransfer(copy.deepcopy(exact.generator), exact.config, CPU, "bf16")
        identity, pose = map(normalise, pictures)
        want, got = exact.transfer(identity, pose), fast.transfer(identity, pose)
        assert got.dtype == torch.float32 and not torch.equal(want, got)
        assert psnr(want, got) > 40
        assert next(fast.generator.parameters()).dtype == torch.float32  # what is exported stays exact

    def test_the_trainers_moving_average_stays_float32_after_rendering_in_bfloat16(self, mixamo_tree, tmp_path):
        config = tiny_config("--dataset_path", str(mixamo_tree), "--precision", "bf16")
        trainer = Trainer(config, open_data(config), tmp_path)
        before = copy.deepcopy(trainer.ema.average.state_dict())
        assert trainer.validation.metrics()
        assert all(torch.equal(value, before[name]) for name, value in trainer.ema.average.state_dict().items())
