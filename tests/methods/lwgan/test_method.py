"""The method: training pairs, losses and their weights, samples without maps, updates, options."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from pydantic import ValidationError

from capture.common import registry
from capture.common.errors import CaptureError
from capture.methods.lwgan import losses
from capture.methods.lwgan.method import Method
from capture.methods.lwgan.options import DRIVES, Options
from capture.methods.lwgan.stream_inputs import erode
from tests.helpers.tiny_lwgan import SIZE, lwgan_options, tiny_batch, tiny_method

ROOT = Path(__file__).resolve().parents[3]

NO_NOISE = torch.zeros(2, 0)
ALONE = {"reconstruction": 0, "mask": 0, "mask_smoothness": 0, "adversarial": 0}


def loss_of(method, batch, name="gen", cache=None):
    return method.loss(name, batch, NO_NOISE, cache)


class TestRegistry:
    def test_lwgan_is_registered(self):
        assert registry.method_class("lwgan") is Method
        assert registry.method_options("lwgan") is Options


class TestTrainingPairs:
    """Which map drives and which picture is the truth: the three modes are never mixed up."""

    READS = {
        "published": ({}, {"identity", "identity_uv", "real", "real_uv"}),
        "true map": (
            {"true_targets": True, "drive": "target_uv"},
            {"identity", "identity_uv", "target", "target_uv", "has_target"},
        ),
        "driver's map": (
            {"true_targets": True, "drive": "pose_uv"},
            {"identity", "identity_uv", "target", "pose_uv", "target_uv", "has_target"},
        ),
    }

    @pytest.mark.parametrize("mode", READS)
    def test_the_loss_depends_on_these_roles_alone(self, mode):
        changes, reads = self.READS[mode]
        method, batch = tiny_method(**changes), tiny_batch()
        loss = loss_of(method, batch)[0]
        for role, value in batch.items():
            other = ~value if value.dtype == torch.bool else value.flip(3)
            changed = loss_of(method, {**batch, role: other})[0]
            assert (changed != loss) == (role in reads), role

    @pytest.mark.parametrize("drive", DRIVES)
    def test_the_reference_is_the_named_map(self, drive):
        method, batch = tiny_method(true_targets=True, drive=drive, loss_weights={"adversarial": 0}), tiny_batch()
        wanted = method.networks["gen"]({**batch, drive: batch[drive]})
        cache = {}
        loss_of(method, batch, cache=cache)
        assert torch.equal(cache["transfer"][0], wanted)
        assert torch.equal(cache["transfer"][1], method.networks["gen"].make_condition(batch[drive]))

    def test_published_pairs_drive_by_real_whatever_the_inference_map(self):
        batch = tiny_batch()
        first, second = (loss_of(tiny_method(drive=drive), batch)[0] for drive in DRIVES)
        assert torch.equal(first, second)

    def test_samples_without_a_target_learn_from_published_pairs(self):
        batch = tiny_batch()
        batch["has_target"][:] = False
        published = loss_of(tiny_method(), batch)[0]
        assert torch.equal(loss_of(tiny_method(true_targets=True), batch)[0], published)
        del batch["target"]
        assert torch.equal(loss_of(tiny_method(true_targets=True), batch)[0], published)

    def test_batch_keys(self):
        def keys(**changes):
            return Method.batch_keys({"lwgan_config": lwgan_options(**changes)})

        assert set(keys()) == {"identity_uv", "real_uv"}
        assert set(keys(true_targets=True)) == {"identity_uv", "real_uv", "target", "target_uv"}
        assert set(keys(true_targets=True, drive="pose_uv")) == {"identity_uv", "real_uv", "target", "pose_uv"}
        assert "this dataset has no UV maps; toon and datasets rendered with --uv do" in keys()["identity_uv"]
        assert all("\n" not in line for line in keys(true_targets=True).values())


class TestLosses:
    def test_generator_loss_is_the_weighted_sum_of_its_metrics(self):
        method, batch = tiny_method(), tiny_batch()
        loss, metrics = loss_of(method, batch)
        torch.testing.assert_close(loss.detach(), sum(metrics.values()))
        assert not any(value.requires_grad for value in metrics.values())
        for name, weight in method.weights.items():
            doubled, others = loss_of(tiny_method(loss_weights={name: 2 * weight}), batch)
            torch.testing.assert_close(others[f"G_{name}"], 2 * metrics[f"G_{name}"])
            torch.testing.assert_close(doubled.detach(), loss.detach() + metrics[f"G_{name}"])

    def test_mask_targets_are_the_eroded_background(self):
        method, batch = tiny_method(), tiny_batch()
        details = method.networks["gen"]({**batch, "target_uv": batch["real_uv"]}, details=True)
        targets = [erode((batch[role][:, :1] == 0).float(), 3) for role in ("identity_uv", "real_uv")]
        wanted = sum(
            torch.nn.functional.binary_cross_entropy(mask, target) / 2
            for mask, target in zip((details.reconstruction_mask, details.mask), targets)
        )
        torch.testing.assert_close(loss_of(method, batch)[1]["G_mask"], wanted.detach())

    def test_transfer_alone_moves_the_source_stream(self):
        method, batch = tiny_method(loss_weights=ALONE), tiny_batch()
        loss_of(method, batch)[0].backward()
        source = method.networks["gen"].src_model
        assert source.encoders[1][0].weight.grad.abs().sum() > 0
        assert source.resnets[0].main[0].weight.grad.abs().sum() > 0
        assert source.img_reg[0].weight.grad.abs().sum() == 0

    @pytest.mark.parametrize("name", ["gen", "disc"])
    def test_every_parameter_of_the_network_learns_and_no_other(self, name):
        method, batch = tiny_method(), tiny_batch()
        loss_of(method, batch, name)[0].backward()
        for other, network in method.networks.items():
            for key, parameter in network.named_parameters():
                if other != name:
                    assert parameter.grad is None, key
                    continue
                normalised = other == "disc" and key.endswith("bias") and key.split(".")[1] not in ("0", "11")
                assert parameter.grad.isfinite().all()
                assert normalised or parameter.grad.abs().sum() > 0, key

    def test_discriminator_judges_the_picture_of_the_generators_update(self):
        method, batch, cache = tiny_method(), tiny_batch(), {}
        loss_of(method, batch, cache=cache)
        made, condition = cache["transfer"]
        assert not made.requires_grad
        scores = [method.networks["disc"](torch.cat([x, condition], 1)) for x in (batch["real"], made)]
        real, fake = losses.discriminator_adversarial(*scores)
        kept, metrics = loss_of(method, batch, "disc", cache)
        torch.testing.assert_close(kept, (real + fake).mean())
        torch.testing.assert_close(metrics["D_real"], real.mean().detach())
        torch.testing.assert_close(loss_of(method, batch, "disc", None)[0], kept)
        with torch.no_grad():
            method.networks["gen"].tsf_model.img_reg[0].weight.add_(0.1)
        assert torch.equal(loss_of(method, batch, "disc", cache)[0], kept)
        assert not torch.equal(loss_of(method, batch, "disc", None)[0], kept)

    def test_no_discriminator_without_a_weight(self):
        method = tiny_method(loss_weights={"adversarial": 0})
        assert method.update_order == ("gen",) and set(method.networks) == {"gen"}
        assert "G_adversarial" not in loss_of(method, tiny_batch())[1]
        assert tiny_method().update_order == ("gen", "disc")

    def test_bfloat16(self):
        method, batch = tiny_method(), tiny_batch()
        exact = loss_of(method, batch)[0]
        with torch.autocast("cpu", torch.bfloat16):
            mixed = loss_of(method, batch)[0]
        torch.testing.assert_close(mixed, exact, rtol=0.05, atol=0)


class TestSamplesWithoutMaps:
    @pytest.mark.parametrize("name", ["gen", "disc"])
    @pytest.mark.parametrize("missing", ["identity_uv", "real_uv"])
    def test_samples_without_maps_count_nothing(self, missing, name):
        method, batch = tiny_method(), tiny_batch()
        batch[missing][1] = 0
        loss, metrics = loss_of(method, batch, name)
        alone, others = loss_of(method, {key: value[:1] for key, value in batch.items()}, name)
        torch.testing.assert_close(loss, alone)
        for metric, value in metrics.items():
            torch.testing.assert_close(value, others[metric])
        changed = {**batch, **{role: torch.cat([batch[role][:1], -batch[role][1:]]) for role in ("identity", "real")}}
        torch.testing.assert_close(loss_of(method, changed, name)[0], loss)

    def test_a_batch_without_any_map_gives_zero_and_no_gradient(self):
        method, batch = tiny_method(), tiny_batch()
        batch["identity_uv"].zero_()
        loss, _ = loss_of(method, batch)
        assert loss == 0
        loss.backward()
        assert all((parameter.grad == 0).all() for parameter in method.networks["gen"].parameters())


class TestTransferLoss:
    def test_pixels_without_a_network(self):
        a, b = torch.rand(2, 2, 3, 8, 8)
        everything = torch.ones(2, dtype=torch.bool)
        torch.testing.assert_close(losses.TransferLoss.load("none")(a, b, everything), (a - b).abs().mean())

    def test_missing_weights_are_said_in_one_line(self, tmp_path):
        with pytest.raises(CaptureError, match="^perceptual vgg19: vgg19-[^\n]*$"):
            tiny_method(perceptual="vgg19", perceptual_path=str(tmp_path))


class TestOptions:
    def test_defaults_are_the_published_ones(self):
        options = Options().model_dump()["lwgan_config"]
        assert (options["conv_dim"], options["repeat_num"]) == (64, 6)
        assert options["discriminator"] == {"ndf": 64, "n_layers": 4}
        assert options["loss_weights"] == {
            "reconstruction": 10,
            "transfer": 10,
            "mask": 1,
            "mask_smoothness": 1,
            "adversarial": 1,
        }
        assert Options.DEFAULTS["dataset_config"]["batch_size"] == 4
        assert Options.DEFAULTS["train_config"]["lr_G"] == Options.DEFAULTS["train_config"]["lr_D"] == 2e-4

    @pytest.mark.parametrize(
        ("changes", "line"),
        [
            ({"kernels": {"figure": 4}}, "kernels.figure 4: the side must be odd"),
            ({"discriminator": {"n_layers": 4}}, "n_layers 4 needs pictures of at least 48 pixels, image_size is 32"),
        ],
    )
    def test_values_that_do_not_fit_are_named(self, changes, line):
        with pytest.raises(ValueError, match=line):
            tiny_method(**changes)

    def test_the_overlay_for_a_cpu_holds_declared_keys(self):
        overlay = yaml.safe_load((ROOT / "configs" / "small_lwgan.yaml").read_text())["lwgan_config"]
        options = Options.model_validate({"lwgan_config": overlay}).model_dump()["lwgan_config"]
        assert (options["conv_dim"], options["discriminator"]) == (24, {"ndf": 24, "n_layers": 3})
        with pytest.raises(ValidationError, match="conv_dims"):
            Options.model_validate({"lwgan_config": {"conv_dims": 24}})

    def test_fresh_weights(self):
        method = tiny_method(conv_dim=16)
        network = method.networks["gen"]
        for weight in (network.src_model.resnets[0].main[0].weight, network.bg_model.model[9].weight):
            assert weight.std().item() == pytest.approx(0.02, rel=0.03)
        assert (network.src_model.encoders[0][1].weight == 1).all()
        before = network.tsf_model.img_reg[0].weight.clone()
        method.init_weights()
        assert not torch.equal(before, network.tsf_model.img_reg[0].weight)


class TestLearning:
    def test_a_few_updates_bring_the_figure_near_the_truth(self):
        method = tiny_method(conv_dim=8, loss_weights={"adversarial": 0}, true_targets=True, drive="pose_uv")
        batch = tiny_batch()
        colours = torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(5)) * 2 - 1
        for role in ("identity", "real", "pose", "target"):  # the two parts have a colour each
            part, paint = batch[f"{role}_uv"][:, :1], colours if role != "pose" else -colours
            batch[role] = torch.where(part == 1, paint, torch.where(part == 2, paint.flip(0), 0.9))
        optimiser = torch.optim.Adam(method.networks["gen"].parameters(), 3e-3, betas=(0.5, 0.999))
        for _ in range(40):
            optimiser.zero_grad()
            loss_of(method, batch)[0].backward()
            optimiser.step()
        image, figure = method.networks["gen"](batch), batch["target_uv"][:, :1] > 0

        def figure_l1(picture):
            return ((picture - batch["target"]).abs() * figure).sum() / figure.sum() / 3

        floors = [figure_l1(batch[role]) for role in ("identity", "pose")]
        assert figure_l1(image) < 0.5 * min(floors)
        assert image.shape == (2, 3, SIZE, SIZE)
