"""Checkpoints of the release and of older versions load by today's names, with their optimisers' moments."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from capture.checkpoints.checkpoint import EXPORTED, latest_path, load_checkpoint, save_checkpoint
from capture.checkpoints.release_names import current_names, reorder_optimiser
from capture.config.legacy import PARTS as PARTS_KEYS
from capture.config.legacy import RENAMED
from capture.config.nested import pop_value, set_value
from capture.data.open_data import open_data
from capture.methods.build import batch_keys, build_generator
from capture.training.trainer import Trainer
from tests.conftest import ROOT, tiny_config

OLD_ORDER = (  # of a generator with a body: today's prefix, what version 3 called it; the first that fits counts
    ("identity_encoder.code_linear.", "idenity_encoder.code_linear_layer.0."),
    ("identity_encoder.", "idenity_encoder."),
    ("pose_encoder.", "pose_encoder."),
    ("decoder.identity_pyramid.convs.", "decoder.identity_context.joins."),
    ("decoder.pose_pyramid.convs.", "decoder.pose_context.joins."),
    ("decoder.code_to_map.", "decoder.code_to_feat."),
    ("decoder.up_convs.0.", "decoder.upBlock.1."),
    ("decoder.up_convs.1.", "decoder.upBlock.3."),
    ("decoder.up_convs.2.", "decoder.upBlock.4."),
    ("decoder.up_convs.3.", "decoder.upBlock.5."),
    ("decoder.modulation.", "decoder.shape_linear."),
    ("decoder.attention.", "decoder.attnModule_256."),
    ("decoder.res_up.", "decoder.model."),
    ("decoder.layout_conv.", "decoder.layout_join."),
    ("refiner.in_conv.", "decoder.painter.join."),
    ("refiner.blocks.", "decoder.painter.paint."),
    ("refiner.colour.", "decoder.painter.colour."),
    ("refiner.alpha.", "decoder.painter.share."),
    ("segmenter.stem.", "body.reader.first."),
    ("segmenter.unet.", "body.reader."),
    ("segmenter.post.", "body.reader.again."),
    ("segmenter.head.", "body.reader.last."),
    ("part_motion.part_embedding", "body.motion.name"),
    ("part_motion.embed.", "body.motion.read."),
    ("part_motion.transformer.", "body.motion.body."),
    ("part_motion.head.", "body.motion.move."),
    ("layout.coarse_conv.", "body.layout.join."),
    ("layout.coarse_unet.", "body.layout."),
    ("layout.coarse_head.", "body.layout.draft."),
    ("layout.token_linear.", "body.layout.tell."),
    ("layout.fine_conv.", "body.layout.compare."),
    ("layout.fine_unet.down.", "body.layout.down_again."),
    ("layout.fine_unet.up.", "body.layout.up_again."),
    ("layout.logits_head.", "body.layout.fine."),
    ("layout.flow_head.", "body.layout.mend."),
)


def old_name(name: str) -> str:
    """What version 3 called a parameter of CaPTURe-Parts."""
    prefix, old = next(row for row in OLD_ORDER if name.startswith(row[0]))
    name = old + name[len(prefix) :]
    name = name.replace(".out_conv.", ".conv_comp.") if name.startswith("decoder.attnModule_256.") else name
    if name.startswith("body."):
        name = re.sub(r"(\.up(?:_again)?\.\d+)\.smaller_conv\.", r"\1.below.", name)
        name = re.sub(r"(\.up(?:_again)?\.\d+)\.skip_conv\.", r"\1.beside.", name)
    return name


def old_position(name: str) -> int:
    return next(i for i, row in enumerate(OLD_ORDER) if name.startswith(row[0]))


def old_state(state: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of CaPTURe-Parts as version 3 wrote it: its names, its order of parameters, its configuration."""
    own = list(state["gen_state_dict"])
    order = sorted(own, key=lambda name: (old_position(name), own.index(name)))
    assert order != own
    old: dict[str, Any] = dict(state)
    for key in ("gen_state_dict", "ema_state_dict"):
        old[key] = {old_name(name): state[key][name] for name in order}
    moments = state["gen_opt"]["state"]
    renumbered = {i: moments[own.index(name)] for i, name in enumerate(order) if own.index(name) in moments}
    old["gen_opt"] = {**state["gen_opt"], "state": renumbered}
    config = _copy(state["config"])
    stage = config["capture_parts_config"].pop("stage")
    assert stage == "joint"  # which was method capture with body_learns layout
    for name, today in {**RENAMED, **PARTS_KEYS}.items():
        section, _, key = today.rpartition(".")
        place: Any = config
        for part in section.split("."):
            place = place.get(part, {})
        if key in place:
            set_value(config, name, pop_value(config, today))
    config["discriminator_config"] = config["capture_parts_config"].pop("discriminator")
    del config["capture_parts_config"]
    config["main_config"]["method"] = "capture"
    config["train_config"]["body_learns"] = "layout"
    return {**old, "config": config}


def _copy(value: Any) -> Any:
    return {key: _copy(one) for key, one in value.items()} if isinstance(value, dict) else value


class TestCurrentNames:
    def test_names_of_version_3_are_today_s(self):
        own = list(build_generator(tiny_config("--method", "capture_parts")).state_dict())
        old = {old_name(name): torch.tensor(i) for i, name in enumerate(own)}
        assert len(old) == len(own) and not set(old) & {name for name in own if not name.startswith("pose_encoder.")}
        renamed = current_names(old)
        assert list(renamed) == own and [value.item() for value in renamed.values()] == list(range(len(own)))

    @pytest.mark.parametrize("method", ("capture", "capture_parts", "fomm", "mraa"))
    def test_names_of_today_stay(self, method):
        weights = build_generator(tiny_config("--method", method)).state_dict()
        assert list(current_names(weights)) == list(weights)

    def test_the_shipped_file_has_old_names_that_all_fit(self):
        from safetensors.torch import load_file

        weights = load_file(ROOT / "result" / "Toon" / EXPORTED)
        assert any(name.startswith("body.") for name in weights)
        from capture.config.load import load_config

        generator = build_generator(load_config([], ["--method", "capture_parts"]))
        renamed = current_names(weights)
        assert set(renamed) == set(generator.state_dict())
        assert all(renamed[name].shape == value.shape for name, value in generator.state_dict().items())


class TestReorderOptimiser:
    def test_moments_follow_their_parameters(self):
        state = {"state": {0: "of b", 2: "of a"}, "param_groups": [{"params": [0, 1, 2]}]}
        moved = reorder_optimiser(state, ["b", "c", "a"], ["a", "b", "c"])
        assert moved == {"state": {0: "of a", 1: "of b"}, "param_groups": [{"params": [0, 1, 2]}]}

    def test_other_names_the_same_order_and_damaged_states_are_left(self):
        state = {"state": {0: "x"}, "param_groups": []}
        assert reorder_optimiser(state, ["a", "b"], ["a", "b"]) is state
        assert reorder_optimiser(state, ["a", "c"], ["b", "a"]) is state
        for damaged in ({"state": {7: "x"}}, {"state": 3}, {}, None, 5):
            assert reorder_optimiser(damaged, ["b", "a"], ["a", "b"]) is damaged


class TestOldCheckpoint:
    def test_a_run_of_version_3_goes_on_as_if_nothing_had_been_renamed(self, tmp_path):
        more = ("--dataset_path", "toon", "--share_renders", "true", "--validation_pairs", "0", "--stage", "joint")
        config = tiny_config("--method", "capture_parts", *more)
        data = open_data(config, batch_keys(config))
        first = Trainer(config, data, tmp_path / "today")
        first.run_steps(2)
        first.save(latest_path(tmp_path / "today"))
        state = load_checkpoint(latest_path(tmp_path / "today"))
        save_checkpoint(latest_path(tmp_path / "old"), old_state(state))
        today, old = (Trainer(config, data, tmp_path / name) for name in ("today", "old"))
        assert old.step_number == today.step_number == 2 and old.notes == []
        one, other = (trainer.optimisers["gen"].state_dict() for trainer in (today, old))
        assert one["state"].keys() == other["state"].keys() and len(one["state"]) > 10
        for number, moments in one["state"].items():
            assert all(torch.equal(value, other["state"][number][name]) for name, value in moments.items()), number
        for trainer in (today, old):
            trainer.run_steps(1)
        weights = old.networks["gen"].state_dict()
        assert all(torch.equal(value, weights[name]) for name, value in today.networks["gen"].state_dict().items())
