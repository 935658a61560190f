"""The losses, the two stages and what learns in each, and that a few steps of optimisation help."""

from __future__ import annotations

import pytest
import torch
import yaml

from capture.checkpoints.checkpoint import latest_path
from capture.common.registry import METHODS, method_class, method_options
from capture.data.open_data import open_data
from capture.methods.build import batch_keys
from capture.methods.coord_inpainting import losses
from capture.methods.coord_inpainting.method import Method
from capture.methods.coord_inpainting.options import Options
from capture.nn.spectral_norm import SpectralNormConv2d
from capture.training.trainer import Trainer
from tests.conftest import ROOT, tiny_config
from tests.helpers.coord_inpainting import DEPARTURES, tiny_method, toon_batch
from tests.helpers.states import assert_same_state

NOISE = torch.zeros(2, 0)


def gradients(network):
    return {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


class TestRegistry:
    def test_the_method_is_found_by_its_name(self):
        assert METHODS["coord_inpainting"] == "capture.methods.coord_inpainting"
        assert method_class("coord_inpainting") is Method
        assert method_options("coord_inpainting") is Options

    def test_defaults_are_the_release_and_faithful(self):
        options = Options().coord_inpainting_config
        assert (options.inpainter_width, options.refiner_width, options.no_uv) == (32, 256, -10.0)
        assert not any((options.keep_known, options.fill, options.mirror, options.skips, options.separate_cells))
        assert options.texture_size == 0 and options.mask_source and not options.residual

    def test_unknown_keys_are_refused(self):
        with pytest.raises(ValueError, match="extra"):
            Options.model_validate({"coord_inpainting_config": {"widths": 3}})


class TestLosses:
    def test_masked_l1_is_a_mean_over_the_mask(self):
        a, b, mask = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
        mask[..., :2] = 1
        assert losses.masked_l1(a, b, mask) == pytest.approx(1)
        b[..., 2:] = 100
        assert losses.masked_l1(a, b, mask) == pytest.approx(1)
        assert losses.masked_l1(a, b, 0 * mask) == 0

    def test_one_scale_of_the_pyramid_is_masked_l1(self):
        torch.manual_seed(0)
        a, b, mask = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
        assert losses.pyramid_l1(a, b, mask, 1) == losses.masked_l1(a, b, mask)
        assert losses.pyramid_l1(a, a, mask, 3) == 0
        assert losses.pyramid_l1(a, a + 1, mask, 3).item() == pytest.approx(1, abs=1e-5)

    def test_correspondence_counts_unknown_texels_of_shown_parts(self):
        xy, known = torch.zeros(1, 2, 40, 40), torch.zeros(1, 1, 40, 40)
        known[:, :, 2, 2] = 1
        wrong = xy.clone()
        wrong[:, :, 20:, 20:] = 1  # parts that are not shown
        assert losses.correspondence_l1(wrong, xy, known) == 0
        wrong[:, :, 3, 3] = 1
        assert losses.correspondence_l1(wrong, xy, known) > 0

    def test_hinge(self):
        assert losses.hinge_discriminator(torch.tensor([2.0]), torch.tensor([-2.0])) == 0
        assert losses.hinge_discriminator(torch.tensor([0.0]), torch.tensor([0.0])) == 2
        assert losses.hinge_generator(torch.tensor([3.0])) == -3


class TestStages:
    def test_in_stage_texture_the_inpainter_learns_alone(self):
        method = tiny_method(stage="texture")
        assert method.update_order == ("gen",) and set(method.networks) == {"gen"}
        loss, metrics = method.loss("gen", toon_batch(), NOISE, None)
        loss.backward()
        names = gradients(method.networks["gen"])
        assert names and all(name.startswith("inpainter.") for name in names)
        assert set(metrics) == {"G_colour", "G_coordinates"}

    def test_in_stage_picture_the_refiner_learns_alone_and_the_inpainter_stays(self):
        method = tiny_method(stage="picture")
        generator = method.networks["gen"]
        before = {name: value.clone() for name, value in generator.inpainter.state_dict().items()}
        loss, metrics = method.loss("gen", toon_batch(), NOISE, None)
        loss.backward()
        names = gradients(generator)
        assert names and all(name.startswith("refiner.") for name in names)
        assert set(metrics) == {"G_l1", "G_perceptual", "G_adversarial"}
        assert all(torch.equal(before[name], value) for name, value in generator.inpainter.state_dict().items())

    @pytest.mark.parametrize("stage, parts", [("texture", ()), ("picture", ("inpainter",)), ("joint", ())])
    def test_stage_picture_needs_a_trained_inpainter(self, stage, parts):
        method = tiny_method(stage=stage)
        assert method.needs_trained(method.config) == parts
        assert all(hasattr(method.generator, part) for part in parts)

    def test_in_stage_joint_both_learn(self):
        method = tiny_method(stage="joint")
        loss, metrics = method.loss("gen", toon_batch(), NOISE, None)
        loss.backward()
        assert {name.split(".")[0] for name in gradients(method.networks["gen"])} == {"inpainter", "refiner"}
        assert {"G_colour", "G_l1"} <= set(metrics)

    def test_the_discriminator_learns_from_its_own_loss(self):
        method = tiny_method(stage="picture")
        assert method.update_order == ("gen", "disc")
        loss, metrics = method.loss("disc", toon_batch(), NOISE, None)
        loss.backward()
        assert gradients(method.networks["disc"]) and not gradients(method.networks["gen"])
        assert {"D_real", "D_fake"} <= set(metrics)

    @pytest.mark.parametrize(
        "name, stage", [("adversarial", "picture"), ("perceptual", "picture"), ("coordinates", "texture")]
    )
    def test_a_weight_of_zero_leaves_a_loss_out(self, name, stage):
        method, other = tiny_method(stage=stage), tiny_method(stage=stage, loss_weights={name: 0.0})
        values = [m.loss("gen", toon_batch(), NOISE, None)[0] for m in (method, other)]
        assert values[0] != values[1]
        assert ("disc" in other.networks) == (name != "adversarial" and stage == "picture")

    def test_the_optional_terms_count(self):
        weights = {"source": 1.0, "correspondence": 1.0}
        method = tiny_method(stage="texture", loss_weights=weights, texture_size=80)
        _, metrics = method.loss("gen", toon_batch(), NOISE, None)
        assert {"G_source", "G_correspondence"} <= set(metrics) and all(v > 0 for v in metrics.values())
        method = tiny_method(stage="picture", loss_weights={"figure_l1": 1.0})
        assert method.loss("gen", toon_batch(), NOISE, None)[1]["G_figure_l1"] > 0

    def test_the_discriminator_judges_the_picture_of_the_generators_update(self):
        method, cache = tiny_method(stage="picture"), {}
        method.loss("gen", toon_batch(), NOISE, cache)
        kept, _ = method.loss("disc", toon_batch(), NOISE, cache)
        assert set(cache) == {"picture"} and not cache["picture"].requires_grad
        cache["picture"] = -cache["picture"]
        changed, _ = method.loss("disc", toon_batch(), NOISE, cache)
        assert changed != kept

    @pytest.mark.parametrize("stage", ["texture", "picture"])
    @pytest.mark.parametrize("role", ["identity_uv", "real_uv"])
    def test_samples_without_a_map_teach_nothing(self, stage, role):
        method, batch = tiny_method(stage=stage), toon_batch()
        batch[role] = torch.zeros_like(batch[role])
        loss, _ = method.loss("gen", batch, NOISE, None)
        loss.backward()
        assert loss.isfinite()
        if stage == "picture":
            assert not gradients(method.networks["gen"])


class TestConfigurations:
    @pytest.mark.parametrize("names", [["coord_inpainting"], ["coord_inpainting", "small_coord_inpainting"]])
    def test_files_hold_known_keys_and_build(self, names):
        section = {}
        for name in names:
            overlay = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
            section |= overlay["coord_inpainting_config"]
            size = overlay["dataset_config"]["image_size"]
        options = Options.model_validate({"coord_inpainting_config": section}).model_dump()
        small = {"inpainter_width": 4, "refiner_width": 4, "disc_width": 4}
        options["coord_inpainting_config"] |= small
        generator = Method.build_generator({**options, "dataset_config": {"image_size": size}})
        assert generator.options["keep_known"] == (len(names) == 2)


class TestPairs:
    def test_published_pairs_are_two_pictures_of_a_character(self):
        batch = toon_batch()
        inputs, truth, truth_map = tiny_method().pair(batch)
        assert torch.equal(inputs["target_uv"], batch["real_uv"]) and torch.equal(truth_map, batch["real_uv"])
        assert torch.allclose(truth, (batch["real"] + 1) / 2)

    @pytest.mark.parametrize("drive", ["target_uv", "pose_uv"])
    def test_true_targets_where_a_sample_has_one(self, drive):
        batch = toon_batch()
        batch["has_target"] = torch.tensor([True, False])
        inputs, truth, truth_map = tiny_method(true_targets=True, drive=drive).pair(batch)
        assert torch.equal(inputs[drive][0], batch[drive][0]) and torch.equal(inputs[drive][1], batch["real_uv"][1])
        assert torch.allclose(truth[0], (batch["target"][0] + 1) / 2)
        assert torch.allclose(truth[1], (batch["real"][1] + 1) / 2)
        assert torch.equal(truth_map[0], batch["target_uv"][0]) and torch.equal(truth_map[1], batch["real_uv"][1])

    def test_what_a_batch_must_hold(self):
        keys = Method.batch_keys(tiny_method(true_targets=True, drive="pose_uv").config)
        assert set(keys) == {"identity_uv", "real_uv", "pose_uv", "target_uv", "target"}
        assert set(Method.batch_keys(tiny_method().config)) == {"identity_uv", "real_uv"}


class TestInitWeights:
    def test_fill_starts_by_correcting_nothing(self):
        method, batch = tiny_method(**{**DEPARTURES, "keep_known": False}), toon_batch()
        texture = method.networks["gen"].make_texture(batch["identity"], batch["identity_uv"])
        known = texture.known.bool().expand_as(texture.xy)
        assert torch.allclose(texture.xy[known], texture.xy_partial[known], atol=1e-4)

    def test_power_iteration_starts_from_unit_vectors(self):
        layers = [
            m for m in tiny_method(stage="picture").networks["gen"].modules() if isinstance(m, SpectralNormConv2d)
        ]
        assert len(layers) == 16
        assert all(layer.weight_u.norm().item() == pytest.approx(1, abs=1e-5) for layer in layers)


@pytest.mark.parametrize("stage", ["texture", "picture"])
@pytest.mark.parametrize("departures", [{}, DEPARTURES])
def test_a_few_steps_lower_the_loss(stage, departures):
    method, batch = tiny_method(stage=stage, loss_weights={"adversarial": 0.0}, **departures), toon_batch()
    network = method.networks["gen"]
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 3e-3, betas=(0.5, 0.999))
    values = []
    for _ in range(25):
        loss, _ = method.loss("gen", batch, NOISE, None)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert min(values[-5:]) < (0.97 if stage == "texture" else 0.7) * values[0]


class TestResume:
    """Stage texture is resumed among the other methods, in tests/methods/test_contract.py."""

    def test_stage_picture_resumes_to_the_bit(self, tmp_path):
        argv = ("--method", "coord_inpainting", "--stage", "picture", "--dataset_path", "toon")
        config = tiny_config(*argv, "--validation_pairs", "0")
        data = open_data(config, batch_keys(config))
        straight = Trainer(config, data, tmp_path / "straight")
        straight.run_steps(4)
        straight.save(latest_path(tmp_path / "straight"))
        for _ in range(2):
            resumed = Trainer(config, data, tmp_path / "resumed")
            resumed.run_steps(2)
            resumed.save(latest_path(tmp_path / "resumed"))
        assert resumed.step_number == 4 and set(resumed.networks) == {"gen", "disc"}
        assert_same_state(tmp_path / "straight", tmp_path / "resumed")
