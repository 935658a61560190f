"""CaPTURe with true targets: which terms there are, and what they compare."""

from __future__ import annotations

import pytest
import torch

from capture.common.errors import CaptureError
from capture.methods.build import build_generator, build_method, check_samples
from capture.methods.capture_supervised.pose_rows import PoseRowAttention
from capture.metrics.lpips import Perceptual
from capture.nn.blocks import adain
from capture.nn.perceptual import shift_cyclically
from tests.conftest import tiny_config

SUPERVISED = ("--method", "capture_supervised")
NO_GAN = ("--gen_ganLoss_weight", "0", "--dis_ganLoss_weight", "0")


def random_batch() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    batch = {name: torch.rand(2, 3, 32, 32) * 2 - 1 for name in ("identity", "real", "pose", "target")}
    return batch | {"has_target": torch.tensor([True, False])}


def first_loss(method, batch):
    noise = method.sample_noise(2, torch.Generator().manual_seed(1))
    return noise, *method.loss(method.update_order[-1], batch, noise, None)


class TestSupervisedTerms:
    def test_the_target_term_counts_samples_that_have_a_target(self):
        method, batch = build_method(tiny_config(*SUPERVISED, *NO_GAN, "--target_weight", "2")), random_batch()
        noise, loss, metrics = first_loss(method, batch)
        noise = noise[:, :-2].unflatten(1, (2, 2, -1))
        with torch.no_grad():
            fusion = method.networks["gen"]({"identity": batch["identity"], "pose": batch["pose"]}, noise[:, 0])
        torch.testing.assert_close(metrics["G_target"], (fusion - batch["target"])[:1].abs().mean())
        torch.testing.assert_close(loss, 15 * metrics["G_recon"] + 2 * metrics["G_target"])

    def test_terms_without_a_weight_are_not_made(self):
        method = build_method(tiny_config(*SUPERVISED, *NO_GAN, "--gen_reconLoss_weight", "0"))
        assert method.update_order == ("gen",)
        calls = []
        method.trained["gen"] = lambda inputs, noise: calls.append(len(inputs["pose"])) or inputs["identity"]
        _, loss, metrics = first_loss(method, random_batch())
        assert calls == [2] and set(metrics) == {"G_target"}  # one forward of two fusions, no reconstructions

    def test_data_without_targets_trains_as_published(self):
        method, batch = build_method(tiny_config(*SUPERVISED)), random_batch()
        del batch["target"], batch["has_target"]
        _, loss, metrics = first_loss(method, batch)
        torch.testing.assert_close(loss, 15 * metrics["G_recon"] + metrics["G_gan"])

    def test_missing_perceptual_weights_are_one_line(self, tmp_path):
        argv = (*SUPERVISED, "--perceptual_weight", "2", "--perceptual_path", str(tmp_path))
        message = "perceptual_net squeeze: .*or set supervision_config.perceptual_weight to 0"
        with pytest.raises(CaptureError, match=message):
            build_method(tiny_config(*argv))

    def test_the_perceptual_term_is_lpips_of_the_shifted_pictures(self, shared):
        weights = ("--perceptual_weight", "2", "--perceptual_path", str(shared / "weights"), "--target_weight", "0")
        method, batch = build_method(tiny_config(*SUPERVISED, *NO_GAN, *weights)), random_batch()
        noise, loss, metrics = first_loss(method, batch)
        offset, noise = (noise[0, -2:] * 16).long(), noise[:, :-2].unflatten(1, (2, 2, -1))
        assert offset.max() < 16
        fusion = method.networks["gen"]({"identity": batch["identity"], "pose": batch["pose"]}, noise[:, 0]).detach()
        ours, wanted = ((shift_cyclically(x[:1], offset) + 1) / 2 for x in (fusion, batch["target"]))
        expected = Perceptual.load("squeeze", shared / "weights")(ours, wanted)
        torch.testing.assert_close(metrics["G_perceptual"], expected[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(loss, 15 * metrics["G_recon"] + 2 * metrics["G_perceptual"])
        loss.backward()
        assert all(p.grad.isfinite().all() for p in method.networks["gen"].parameters() if p.grad is not None)
        assert not any(name.startswith("perceptual") for name in method.networks)  # nothing of it is saved


class TestPoseRowAttention:
    def test_both_branches_gather_for_positions_of_the_pose(self):
        torch.manual_seed(0)
        module = PoseRowAttention(8, t=3.0, alpha=0.3).double()
        torch.nn.init.constant_(module.beta, 0.6)
        f_in, f_i, f_p = torch.randn(3, 1, 8, 2, 3, dtype=torch.double)
        flat = lambda x: x.flatten(2)[0]  # noqa: E731  (C, N)
        b = torch.softmax(flat(module.query_conv(f_p)).T @ flat(module.key_conv(f_i)) / 3.0, dim=1)
        h = flat(adain(f_in, f_i))
        f_a = 0.4 * flat(f_i) + 0.6 * flat(module.value_conv(f_i)) @ b.T
        f_ra = 0.7 * (h.sum(1, keepdim=True) - h @ b.T) + 0.3 * h
        expected = module.out_conv(torch.cat([f_a, f_ra]).reshape(1, 16, 2, 3))
        torch.testing.assert_close(module(f_in, f_i, f_p), expected, rtol=1e-6, atol=1e-6)

    def test_an_old_configuration_gets_it(self):
        rows = ("--attention_rows", "pose")
        for argv, kinds in ((rows, {True}), ((), {False})):
            generator = build_generator(tiny_config(*SUPERVISED, *argv))
            assert {isinstance(module, PoseRowAttention) for module in generator.decoder.attention} == kinds


class TestTargets:
    @pytest.mark.parametrize("method", ["capture_supervised", "capture_parts"])
    def test_data_without_targets_are_refused_unless_their_losses_are_off(self, method):
        """A run that learns from targets would otherwise learn from less than it says, or from nothing."""
        sample = {name: torch.zeros(3, 32, 32) for name in ("identity", "real", "pose")}
        stage = ("--stage", "synthesis", "--attention_weight", "0") if method == "capture_parts" else ()
        config = tiny_config("--method", method, *stage, "--target_weight", "1", "--perceptual_weight", "0")
        with pytest.raises(CaptureError, match="target_weight.*no true targets"):
            check_samples(config, [sample])
        check_samples(config, [{**sample, "target": torch.zeros(3, 32, 32)}])
        off = tiny_config("--method", method, *stage, "--target_weight", "0", "--perceptual_weight", "0")
        check_samples(off, [sample])
