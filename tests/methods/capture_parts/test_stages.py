"""The stages of training: which networks learn, from which losses, and what each stage learns to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from capture.checkpoints.checkpoint import export_generator, latest_path
from capture.common.errors import CaptureError
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.methods.build import batch_keys, build_method, new_method
from capture.methods.capture_parts.attention_loss import at_cells
from capture.methods.capture_parts.losses import layout_loss
from capture.methods.capture_parts.stages import PAINTING, STAGES
from capture.training.batches import to_device
from capture.training.trainer import Trainer
from tests.conftest import tiny_argv, tiny_config
from tests.helpers.parts import certain_segmentation, moving_parts, tiny_generator

TOON = ("--method", "capture_parts", "--dataset_path", "toon", "--share_renders", "true", "--validation_pairs", "0")


def stage_config(stage: str, *more: str) -> dict[str, Any]:
    alpha = ("--figure_alpha", "true", "--alpha_weight", "1", "--attention_weight", "0") if stage == "alpha" else ()
    return tiny_config(*TOON, "--stage", stage, *alpha, *more)


def rendered_batch(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Two samples of the built-in renderer, as the trainer hands them to a method."""
    raw = open_data(config, batch_keys(config)).train.__getitems__(range(2))
    return to_device({name: torch.stack([sample[name] for sample in raw]) for name in raw[0]}, torch.device("cpu"))


def fit(method: Any, batch: dict[str, torch.Tensor], steps: int, lr: float = 2e-3) -> list[dict[str, float]]:
    """The metrics of so many updates of the generator on one batch."""
    optimiser = torch.optim.Adam([p for p in method.networks["gen"].parameters() if p.requires_grad], lr, (0.5, 0.999))
    noise = method.sample_noise(2, torch.Generator().manual_seed(0))
    history = []
    for _ in range(steps):
        loss, metrics = method.loss("gen", batch, noise, {})
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append({name: value.item() for name, value in metrics.items()})
    return history


def networks_with_gradient(generator: torch.nn.Module) -> set[str]:
    """The networks of a generator some of whose parameters have a gradient."""
    return {
        name.split(".")[0]
        for name, parameter in generator.named_parameters()
        if parameter.grad is not None and parameter.grad.any()
    }


def all_parts() -> set[str]:
    return {name for name, _ in tiny_generator().named_children()}


class TestStages:
    def test_the_table(self):
        assert {name: set(stage.learns) for name, stage in STAGES.items()} == {
            "segmentation": {"segmenter"},
            "layout": {"segmenter", "part_motion", "layout"},
            "synthesis": set(PAINTING),
            "refiner": {"refiner"},
            "alpha": {"refiner.figure"},
            "joint": {"layout", *PAINTING},
        }
        assert {"segmenter", "part_motion", "layout", *PAINTING} == all_parts()

    @pytest.mark.parametrize("stage", STAGES)
    def test_a_stage_trains_its_networks_and_the_others_stay_to_the_bit(self, stage, tmp_path):
        config = stage_config(stage)
        trainer = Trainer(config, open_data(config, batch_keys(config)), tmp_path)
        generator = trainer.networks["gen"]
        before = {name: value.clone() for name, value in generator.state_dict().items()}
        metrics = trainer.run_steps(2)[-1]
        after = generator.state_dict()
        moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
        learns = STAGES[stage].learns
        assert all(name.startswith(tuple(f"{part}." for part in learns)) for name in moved)
        assert all(any(name.startswith(f"{part}.") for name in moved) for part in learns)
        assert ("segmentation_ce" in metrics) == STAGES[stage].correspondence
        assert ("G_target" in metrics) == (STAGES[stage].until == "image")

    @pytest.mark.parametrize("stage", STAGES)
    def test_a_new_run_warns_of_networks_that_an_earlier_stage_has_to_train(self, stage, tmp_path):
        read = {
            "segmentation": (),
            "layout": (),
            "synthesis": ("segmenter", "part_motion", "layout"),
            "refiner": ("segmenter", "part_motion", "layout", "identity_encoder", "pose_encoder", "decoder"),
            "alpha": ("segmenter", "part_motion", "layout", "identity_encoder", "pose_encoder", "decoder"),
            "joint": ("segmenter", "part_motion"),
        }[stage]
        config = stage_config(stage)
        notes = Trainer(config, open_data(config, batch_keys(config)), tmp_path).notes
        assert len(notes) == bool(read)
        assert all(note.startswith(f"warning: {', '.join(read)}: not trained in this stage") for note in notes)
        assert all("--start_from" in note for note in notes)

    def test_the_stage_alpha_needs_the_key_that_predicts_it(self):
        with pytest.raises(CaptureError, match="stage alpha needs capture_parts_config.networks.figure_alpha: true"):
            build_method(tiny_config(*TOON, "--stage", "alpha"))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--stage", "synthesis", "--target_weight", "0", "--attention_weight", "0"), "learns from nothing"),
            (("--stage", "refiner", "--target_weight", "0"), "set one of target_weight, perceptual_weight"),
            (("--stage", "joint", "--alpha_weight", "1"), "alpha_weight needs .*figure_alpha: true"),
        ],
    )
    def test_stages_that_would_learn_from_nothing_are_refused(self, options, message):
        adversarial = ("--adversarial_weight", "0", "--discriminator_weight", "0")
        with pytest.raises(CaptureError, match=message):
            new_method(tiny_config("--method", "capture_parts", "--dataset_path", "toon", *adversarial, *options))

    def test_stages_without_the_decoder_need_no_maps_for_its_attention(self):
        keys = {stage: batch_keys(tiny_config("--method", "capture_parts", "--stage", stage)) for stage in STAGES}
        assert "target_uv" in keys["synthesis"] and "target_uv" in keys["joint"]
        assert "target_uv" not in keys["refiner"]

    def test_the_next_stage_begins_with_the_weights_of_the_one_before(self, tmp_path):
        config = stage_config("segmentation", "--ema_decay", "0")
        first = Trainer(config, open_data(config, batch_keys(config)), tmp_path / "first")
        first.run_steps(1)
        first.save(latest_path(tmp_path / "first"))
        exported = tmp_path / "first.safetensors"
        export_generator(exported, first.ema.average.state_dict(), config)
        for source in (tmp_path / "first", exported):
            if source.is_dir():
                (source / "0config.yaml").write_text(dump_yaml(config))
            config = stage_config("layout", "--start_from", str(source))
            second = Trainer(config, open_data(config, batch_keys(config)), tmp_path / f"second_{source.name}")
            own = second.networks["gen"].state_dict()
            assert not any("warning" in note for note in second.notes)
            assert all(torch.equal(value, own[name]) for name, value in first.networks["gen"].state_dict().items())
        assert PoseTransfer.load(exported, "cpu").config["capture_parts_config"]["stage"] == "segmentation"

    def test_gradients_of_the_pictures_losses_reach_the_layout_in_stage_joint_and_no_further(self):
        for stage in ("synthesis", "joint"):
            argv = ("--loss.correspondence_weight", "0", "--loss.attention_weight", "0")
            method = build_method(stage_config(stage, *argv))
            torch.manual_seed(0)
            method.init_weights()
            generator = moving_parts(method.networks["gen"])
            pictures = {name: torch.rand(2, 3, 64, 64) * 2 - 1 for name in ("identity", "real", "pose", "target")}
            noise = method.sample_noise(2, torch.Generator().manual_seed(0))
            method.loss("gen", pictures, noise, None)[0].backward()
            assert networks_with_gradient(generator) == {*PAINTING} | ({"layout"} if stage == "joint" else set())
        layout = generator.layout
        for head in (layout.coarse_head, layout.logits_head, layout.flow_head):
            assert head.weight.grad.any()

    def test_gradients_of_the_correspondence_loss_stay_in_what_learns(self):
        config = stage_config("joint", "--loss.target_weight", "0", "--loss.attention_weight", "0")
        method = new_method(config)
        batch = rendered_batch(config)
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        method.loss("gen", batch, noise, None)[0].backward()
        assert networks_with_gradient(method.networks["gen"]) == {"layout"}

    @pytest.mark.parametrize("stage", STAGES)
    def test_the_configured_share_of_gradients_reaches_the_segmenter(self, stage):
        config = stage_config(stage, "--segmenter_grad_scale", "0.25")
        assert build_method(config).networks["gen"].segmenter_grad_scale == 0.25

    @pytest.mark.parametrize("stage", ("synthesis", "joint"))
    def test_a_discriminator_learns_where_its_losses_have_weights(self, stage):
        argv = ("--loss.discriminator_weight", "1", "--loss.adversarial_weight", "0.5", "--loss.attention_weight", "0")
        method = build_method(stage_config(stage, *argv, "--loss.target_weight", "0", "--correspondence_weight", "0"))
        torch.manual_seed(0)
        method.init_weights()
        assert method.update_order == ("disc", "gen")
        pictures = {name: torch.rand(2, 3, 64, 64) * 2 - 1 for name in ("identity", "real", "pose")}
        noise, cache = method.sample_noise(2, torch.Generator().manual_seed(0)), {}
        loss, metrics = method.loss("disc", pictures, noise, cache)
        torch.testing.assert_close(loss, metrics["D_real"] + metrics["D_fake"])
        loss.backward()
        assert all(p.grad is None for p in method.networks["gen"].parameters())
        method.networks["disc"].zero_grad(set_to_none=True)
        loss, metrics = method.loss("gen", pictures, noise, cache)
        torch.testing.assert_close(loss, 0.5 * metrics["G_gan"])
        loss.backward()
        assert all(p.grad is None for p in method.networks["disc"].parameters())

    @pytest.mark.parametrize("stage", ("segmentation", "layout"))
    def test_stages_that_paint_nothing_have_no_discriminator(self, stage):
        method = build_method(stage_config(stage, "--loss.discriminator_weight", "1", "--loss.adversarial_weight", "1"))
        assert set(method.networks) == {"gen"} and method.update_order == ("gen",)


class TestWhatStagesLearn:
    """On one fixed batch; the margins hold for several seeds."""

    def test_the_segmenter_finds_parts_that_no_constant_answer_finds(self):
        config = stage_config("segmentation")
        method, batch = new_method(config), rendered_batch(config)
        fit(method, batch, 45)
        roles = ("identity", "pose", "target")
        maps = torch.cat([batch[f"{role}_uv"] for role in roles])
        with torch.no_grad():
            pictures = torch.cat([batch[role] for role in roles])
            made = method.networks["gen"]({"identity": pictures}, until="segmentation")
        part = at_cells(maps, made.logits.shape[-1])[:, 0].long()
        drawn = part > 0
        right = made.logits.argmax(1) == part
        constant = part[drawn].bincount().max() / drawn.sum()  # of the character's positions: 0.19 to 0.29
        assert right[drawn].float().mean() > 1.4 * constant
        assert right.float().mean() > (~drawn).float().mean()  # background everywhere is right for 84 to 87 %

    def test_part_motion_and_layout_find_a_figure_of_other_size_at_another_place(self):
        """Untrained, every part stays where the pose has it: 12 pixels from the target."""
        identity_uv, pose_uv, target_uv = (two_parts(3, 4, 8, 12), two_parts(5, 10, 4, 8), two_parts(14, 6, 8, 12))
        generator = tiny_generator(num_parts=2)
        identity, pose = (certain_segmentation(uv[0, 0, 1::2, 1::2].long(), 2) for uv in (identity_uv, pose_uv))
        learning = [*generator.part_motion.parameters(), *generator.layout.parameters()]
        optimiser = torch.optim.Adam(learning, 3e-4, (0.5, 0.999))
        history = []
        for step in range(31):
            motion = generator.part_motion(identity, pose)
            layout = generator.layout(identity, pose, motion)
            seed = torch.tensor(step * 0.377 % 1)
            loss, metrics = layout_loss(motion, layout, identity_uv, pose_uv, target_uv, seed)
            history.append({name: value.item() for name, value in metrics.items()})
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 5.0)
            optimiser.step()
        first, last = history[0], history[-1]
        for name in ("identity_epe", "identity_refined_epe", "pose_epe", "pose_refined_epe"):
            assert first[name] > 11 and last[name] < first[name] / 3, (name, first, last)
        # a constant answer by the shares of background and parts leaves their entropy
        share = target_uv[0, 0].flatten().bincount() / target_uv[0, 0].numel()
        assert last["layout_ce"] < 0.6 < -(share * share.log()).sum()

    def test_the_painting_networks_and_the_attention_approach_their_targets(self):
        config = stage_config("synthesis", "--loss.target_weight", "1")
        method, batch = new_method(config), rendered_batch(config)
        history = fit(method, batch, 20, lr=3e-3)
        assert history[-1]["G_target"] < 0.7 * history[0]["G_target"]
        assert history[-1]["G_attention"] < 0.5 * history[0]["G_attention"]


def two_parts(left: int, top: int, width: int, height: int) -> torch.Tensor:
    """An IUV map uint8 (1, 3, 32, 32) of two parts of width x height, side by side."""
    uv = torch.zeros(3, 32, 32, dtype=torch.uint8)
    for part in (1, 2):
        columns = slice(left + width * (part - 1), left + width * part)
        u = (torch.arange(width) * (240 // width)).to(torch.uint8).expand(height, -1)
        v = (torch.arange(height) * (240 // height)).to(torch.uint8)[:, None].expand(-1, width)
        uv[:, top : top + height, columns] = torch.stack([torch.full_like(u, part), u, v])
    return uv[None]


class TestStageRefusals:
    def test_data_without_iuv_maps_and_sizes_that_do_not_fit_are_one_line(self, mixamo_tree, tmp_path, bad_input):
        where = ("--result_path", str(tmp_path), "--result_title", "run")
        argv = (*tiny_argv("capture_parts"), "--method", "capture_parts", *where)
        on_frames = ("--dataset_path", str(mixamo_tree))
        for stage in ("segmentation", "layout", "joint"):
            line = bad_input("train.py", *argv, *on_frames, "--stage", stage)
            assert f"capture_parts_config.stage {stage} learns from UV maps: this data has no UV maps" in line
        line = bad_input("train.py", *argv, *on_frames)
        assert "capture_parts_config.loss.attention_weight is 1.0: this data has no UV maps" in line
        assert "or set it to 0" in line
        line = bad_input("train.py", *argv, *on_frames, "--image_size", "32", "--attention_weight", "0")
        assert "image_size 32 must be a multiple of 32 = patch_size * 16, and at least 64" in line
        assert "expected one of segmentation, layout" in bad_input("train.py", *argv, "--stage", "painting")
        assert not (Path(tmp_path) / "run").exists()
