"""The figure's alpha: predicted by the refiner, composited over the ground, and learnt from the target's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from capture.checkpoints.checkpoint import export_generator
from capture.common.errors import CaptureError
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.inference.background import cut_out
from capture.methods.build import batch_keys, check_samples, new_method
from capture.methods.capture_parts.losses import alpha_loss
from capture.methods.capture_parts.refiner import FigureHead, figure_logit
from capture.nn.init import init_weights
from capture.training.batches import to_device
from capture.training.trainer import Trainer
from tests.conftest import tiny_config
from tests.helpers.parts import SIZE, moving_parts, parameters_without_gradient, random_pair, tiny_generator

TOON = ("--method", "capture_parts", "--dataset_path", "toon", "--share_renders", "true", "--validation_pairs", "0")
ALPHA = ("--figure_alpha", "true", "--alpha_weight", "1", "--attention_weight", "0")


def predicting():
    return moving_parts(tiny_generator(networks__figure_alpha=True))


class TestFigureHead:
    def test_at_first_the_layout_decides(self):
        head = FigureHead(8, 2)
        init_weights(head)
        logits = torch.randn(1, 4, 16, 16)
        made = F.pixel_shuffle(head(torch.randn(1, 8, 8, 8), logits), 2)
        torch.testing.assert_close(made.sigmoid(), 1 - logits.softmax(1)[:, :1])

    def test_logits_of_the_layout_are_bounded(self):
        sure = torch.tensor([[100.0, -100.0], [-100.0, 100.0]])[:, :, None, None]
        assert figure_logit(sure).flatten().tolist() == [-8.0, 8.0]


class TestComposite:
    def test_only_the_given_ground_is_seen_where_the_figure_is_not(self):
        generator = predicting()
        with torch.no_grad():
            generator.refiner.figure.conv.bias.fill_(-1000.0)
            ground = torch.rand(2, 3, SIZE, SIZE) * 2 - 1
            torch.testing.assert_close(generator(random_pair() | {"ground": ground}), ground)

    def test_the_ground_is_estimated_for_samples_whose_ground_is_not_known(self):
        generator, pair, known = predicting(), random_pair(), torch.tensor([True, False])
        with torch.no_grad():
            generator.refiner.figure.conv.bias.fill_(-1000.0)
            estimated, ground = generator(pair), torch.full((2, 3, SIZE, SIZE), -1.0)
            made = generator(pair | {"ground": ground, "ground_known": known})
        torch.testing.assert_close(made, torch.where(known[:, None, None, None], ground, estimated))
        assert (estimated[1] + 1).abs().max() > 0.1

    def test_where_all_is_figure_the_picture_is_that_of_a_generator_without_alpha(self):
        generator, plain = predicting(), moving_parts(tiny_generator())
        weights = {name: value for name, value in generator.state_dict().items() if "figure" not in name}
        plain.load_state_dict(weights)
        with torch.no_grad():
            generator.refiner.figure.conv.bias.fill_(1000.0)
            torch.testing.assert_close(generator(random_pair()), plain(random_pair()))

    def test_layers_tell_the_alpha_and_their_image_is_that_of_decode(self):
        generator, pair = predicting(), random_pair()
        noise = torch.zeros(2, 2, generator.noise_dim)
        with torch.no_grad():
            identity, pose = generator.encode_identity(pair, noise[:, 0]), generator.encode_pose(pair)
            layers = generator.decode_layers([identity], pose, generator.estimate_motion([identity], pose), noise)
            torch.testing.assert_close(layers.image, generator.decode(identity, pose, noise))
        assert layers.figure_alpha.shape == (2, 1, SIZE, SIZE) and layers.figure_alpha.min() >= 0
        assert layers.at(1).figure_alpha.shape == (1, 1, SIZE, SIZE)

    def test_pictures_are_sharpened_and_what_the_losses_see_is_not(self):
        plain, pair = predicting(), random_pair()
        sharp = moving_parts(tiny_generator(networks__figure_alpha=True, networks__sharpness=4.0))
        noise = torch.zeros(2, 2, sharp.noise_dim)
        with torch.no_grad():
            one, other = (generator(pair, details=True) for generator in (plain, sharp))
            torch.testing.assert_close(one.image, other.image)
            identity, pose = sharp.encode_identity(pair, noise[:, 0]), sharp.encode_pose(pair)
            layers = sharp.decode_layers([identity], pose, sharp.estimate_motion([identity], pose), noise)
            torch.testing.assert_close(layers.image, sharp(pair))
        torch.testing.assert_close(layers.figure_alpha, (4 * one.figure_logits).sigmoid())
        assert not torch.allclose(layers.image, one.image)

    def test_figure_is_cut_out_by_the_predicted_alpha(self):
        picture = torch.full((8, 8, 3), 235, dtype=torch.uint8).numpy()
        picture[2:6, 2:6] = 10
        alpha = torch.zeros(8, 8)
        alpha[2:6, 2:4] = 1.0
        figure = cut_out(picture, (235, 235, 235), alpha=alpha.numpy())
        assert (figure[2:6, 2:4] == [10, 10, 10, 255]).all() and not figure[..., 3][:, 4:].any()


class TestAlphaLoss:
    def test_sure_and_right_costs_nothing_and_wrong_costs_its_logit(self):
        batch = {"target_alpha": torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4)}
        right, metrics = alpha_loss(20 * batch["target_alpha"], batch)
        assert right < 1e-6 and metrics["alpha_error"] < 1e-6
        assert alpha_loss(-20 * batch["target_alpha"], batch)[0].item() == pytest.approx(20, abs=1e-4)

    def test_samples_without_a_target_count_nothing(self):
        batch = {"target_alpha": torch.full((2, 1, 4, 4), -1.0), "has_target": torch.tensor([True, False])}
        logits = torch.tensor([-20.0, 20.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
        assert alpha_loss(logits, batch)[0] < 1e-6


class TestStageAlpha:
    def test_the_stage_learns_the_alpha_of_the_target_and_changes_nothing_else(self):
        config = tiny_config(*TOON, "--stage", "alpha", *ALPHA, "--toon_styles", "many")
        method = new_method(config)
        raw = open_data(config, batch_keys(config)).train.__getitems__(range(2))
        names = {name for name in raw[0] if not name.endswith("_uv")}
        batch = to_device({name: torch.stack([one[name] for one in raw]) for name in names}, torch.device("cpu"))
        learning = [p for p in method.generator.parameters() if p.requires_grad]
        assert learning == list(method.generator.refiner.figure.parameters())
        optimiser, noise = torch.optim.Adam(learning, 0.03), method.sample_noise(2, torch.Generator().manual_seed(0))
        errors = []
        for _ in range(25):
            optimiser.zero_grad()
            loss, metrics = method.loss("gen", batch, noise, None)
            loss.backward()
            optimiser.step()
            errors.append(metrics["alpha_error"].item())
        assert errors[-1] < 0.6 * errors[0]

    def test_every_parameter_of_a_generator_with_alpha_gets_a_gradient(self):
        generator = predicting()
        with torch.no_grad():
            generator.refiner.figure.conv.weight.normal_(std=0.01)
        made = generator(random_pair(), torch.randn(2, 2, generator.noise_dim), details=True)
        (made.image.square().mean() + made.figure_logits.square().mean()).backward()
        assert not {name for name in parameters_without_gradient(generator.refiner) if name.startswith("figure")}

    def test_a_run_starts_from_weights_that_have_no_alpha(self, tmp_path):
        start = tmp_path / "start"
        config = tiny_config(*TOON)
        torch.manual_seed(3)
        export_generator(start / "generator.safetensors", new_method(config).generator.state_dict(), config)
        (start / "0config.yaml").write_text(dump_yaml(config))
        config = tiny_config(*TOON, "--stage", "alpha", *ALPHA, "--start_from", str(start))
        trainer = Trainer(config, open_data(config, batch_keys(config)), tmp_path / "run")
        own = trainer.method.generator.state_dict()
        assert not own["refiner.figure.conv.weight"].any() and own["refiner.colour.conv.weight"].any()

    def test_data_without_targets_is_refused_with_the_key(self, mixamo_tree):
        config = tiny_config("--method", "capture_parts", "--dataset_path", str(mixamo_tree), *ALPHA)
        sample = {"identity": torch.zeros(3, 32, 32)}
        with pytest.raises(CaptureError, match="alpha_weight is 1.0: this data has no true targets"):
            check_samples(config, [sample])
