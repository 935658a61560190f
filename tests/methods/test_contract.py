"""The contract of capture/methods/base.py, which every method of the registry keeps.

Nothing here names a method: one that is registered later is tested as soon as tests/conftest.py has its tiny
configuration.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from capture.checkpoints.checkpoint import latest_path
from capture.common.errors import CaptureError
from capture.common.registry import METHODS, method_class
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.methods import __main__ as list_methods
from capture.methods.base import Details, Generator, Method
from capture.methods.build import batch_keys, build_generator, new_method
from capture.training.trainer import Trainer
from tests.conftest import tiny_config

EVERY_METHOD = pytest.mark.parametrize("method", METHODS)
MAPS = ("identity_uv", "pose_uv", "target_uv")
CPU = torch.device("cpu")


def config_of(method: str, *more: str) -> dict[str, Any]:
    return tiny_config("--method", method, *more)


def random_pictures(count: int, size: int, seed: int) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def random_maps(count: int, size: int, seed: int) -> torch.Tensor:
    """IUV maps uint8 (count, 3, size, size): blocks of eight parts, with background around them."""
    random = torch.Generator().manual_seed(seed)
    part = torch.zeros(count, 1, size, size, dtype=torch.uint8)
    inner = torch.randint(0, 9, (count, 1, 4, 4), generator=random, dtype=torch.uint8)
    quarter, eighth = size // 4, size // 8
    part[..., quarter:-quarter, quarter:-quarter] = inner.repeat_interleave(eighth, -1).repeat_interleave(eighth, -2)
    uv = torch.randint(0, 256, (count, 2, size, size), generator=random, dtype=torch.uint8)
    return torch.cat([part, uv * (part > 0)], dim=1)


def inputs_of(generator: Generator, count: int, size: int, seed: int = 1) -> dict[str, torch.Tensor]:
    """What a generator reads: pictures and, where it reads them, maps."""
    return {
        role: (random_maps if role.endswith("_uv") else random_pictures)(count, size, seed + i)
        for i, role in enumerate(generator.inputs)
    }


def batch_of(config: dict[str, Any], generator: Generator, count: int) -> dict[str, torch.Tensor]:
    """A batch of training as the trainer hands it to a method: pictures, true targets and, where asked for, maps."""
    size = config["dataset_config"]["image_size"]
    roles = ("identity", "real", "pose", "target")
    batch = {role: random_pictures(count, size, 10 + i) for i, role in enumerate(roles)}
    batch["has_target"] = torch.ones(count, dtype=torch.bool)
    if any(key.endswith("_uv") for key in (*batch_keys(config), *generator.inputs)):
        batch |= {role: random_maps(count, size, 20 + i) for i, role in enumerate((*MAPS, "real_uv"))}
    return batch


def initialised(method: str) -> tuple[Generator, dict[str, Any]]:
    """The tiny generator of a method with initial weights, ready to render, and its configuration."""
    config = config_of(method)
    return new_method(config).networks["gen"].eval(), config


def data_of(config: dict[str, Any], tree: Path) -> dict[str, Any]:
    """The configuration with data that has what the method's batches must hold."""
    rendered = any(key.endswith("_uv") for key in batch_keys(config))
    more = {"dataset_path": "toon", "share_renders": True} if rendered else {"dataset_path": str(tree)}
    return {**config, "dataset_config": {**config["dataset_config"], **more}}


def states(trainer: Trainer) -> dict[str, torch.Tensor]:
    """All that a run holds, by name: networks, their average and the optimisers' moments."""
    found = {f"average.{name}": value for name, value in trainer.ema.average.state_dict().items()}
    for network, optimiser in trainer.optimisers.items():
        found |= {f"{network}.{name}": value for name, value in trainer.networks[network].state_dict().items()}
        for number, moments in optimiser.state_dict()["state"].items():
            found |= {f"{network}_optimiser.{number}.{name}": value for name, value in moments.items()}
    return found


@EVERY_METHOD
class TestMethodContract:
    def test_a_method_introduces_itself(self, method):
        kind = method_class(method)
        assert issubclass(kind, Method) and kind.title and kind.paper
        assert all(isinstance(why, str) and why for why in kind.batch_keys(config_of(method)).values())

    def test_parameters_that_learn_get_finite_gradients_and_the_others_none(self, method):
        config = config_of(method)
        built = new_method(config)
        count = max(2, built.min_micro_batch)
        batch = batch_of(config, built.networks["gen"], count)
        noise, cache = built.sample_noise(count, torch.Generator().manual_seed(0)), {}
        assert set(built.update_order) == set(built.networks) and len(noise) == count
        for name in built.update_order:
            for network in built.networks.values():
                network.zero_grad(set_to_none=True)
            loss, metrics = built.loss(name, batch, noise, cache)
            assert loss.shape == () and all(
                value.numel() == 1 and not value.requires_grad for value in metrics.values()
            )
            loss.backward()
            for other, network in built.networks.items():
                learning = built.trainable(network, other, config)
                modules = [network] if learning is None else learning
                learns = {id(parameter) for module in modules for parameter in module.parameters()}
                for key, parameter in network.named_parameters():
                    if other == name and id(parameter) in learns:
                        assert parameter.grad is not None, f"{name}: {key} has no gradient"
                        assert torch.isfinite(parameter.grad).all(), f"{name}: {key}"
                    else:
                        assert parameter.grad is None, f"the update of {name} gives {other}.{key} a gradient"

    def test_micro_batches_get_the_losses_of_the_whole(self, method):
        """Without a cache, and from rows of the noise: the mean of the parts is finite and has the same metrics."""
        config = config_of(method)
        built = new_method(config)
        part = max(1, built.min_micro_batch)
        batch = batch_of(config, built.networks["gen"], 2 * part)
        noise = built.sample_noise(2 * part, torch.Generator().manual_seed(0))
        for name in built.update_order:
            whole, metrics = built.loss(name, batch, noise, {})
            rows = {key: value[:part] for key, value in batch.items()}
            some, its_metrics = built.loss(name, rows, noise[:part], None)
            assert torch.isfinite(whole) and torch.isfinite(some) and metrics.keys() == its_metrics.keys()

    def test_noise_is_drawn_from_the_given_generator_alone(self, method):
        built = new_method(config_of(method))
        drawn = [built.sample_noise(2, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
        assert torch.equal(drawn[0], drawn[1])
        assert drawn[0].numel() == 0 or not torch.equal(drawn[0], drawn[2])

    def test_a_seed_decides_the_initial_weights(self, method):
        first, again, other = (
            {
                f"{name}.{key}": value
                for name, network in new_method(config_of(method, "--seed", seed)).networks.items()
                for key, value in network.state_dict().items()
            }
            for seed in ("1", "1", "2")
        )
        assert all(torch.equal(value, again[name]) for name, value in first.items())
        assert not all(torch.equal(value, other[name]) for name, value in first.items())

    def test_two_steps_and_two_steps_are_four_steps(self, method, mixamo_tree, tmp_path):
        """To the bit: networks, moving average, moments of the optimisers."""
        config = data_of(config_of(method, "--validation_pairs", "0", "--warmup_steps", "3"), mixamo_tree)
        data = open_data(config, batch_keys(config))
        straight = Trainer(config, data, tmp_path / "straight")
        straight.run_steps(4)
        for _ in range(2):
            resumed = Trainer(config, data, tmp_path / "resumed")
            resumed.run_steps(2)
            resumed.save(latest_path(tmp_path / "resumed"))
        assert resumed.step_number == 4
        expected, found = states(straight), states(resumed)
        assert expected.keys() == found.keys()
        assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []


@EVERY_METHOD
class TestGeneratorContract:
    def test_details_hold_the_picture_where_training_and_rendering_agree(self, method):
        """`details` never changes the shape or the range; a method may train in another mode than it renders in."""
        generator, config = initialised(method)
        inputs = inputs_of(generator, 2, config["dataset_config"]["image_size"])
        with torch.no_grad():
            image, details = generator(inputs), generator(inputs, details=True)
        picture = details.image if isinstance(details, Details) else details
        assert picture.shape == image.shape == inputs["identity"].shape
        assert image.abs().max() <= 1 + 1e-5 and picture.abs().max() <= 1 + 1e-5
        if getattr(generator, "mode", "absolute") == "absolute":
            torch.testing.assert_close(picture, image)

    def test_a_forward_repeats_and_leaves_no_state(self, method):
        generator, config = initialised(method)
        size = config["dataset_config"]["image_size"]
        inputs, other = inputs_of(generator, 2, size), inputs_of(generator, 2, size, seed=5)
        before = {name: value.clone() for name, value in generator.state_dict().items()}
        attributes = {name: _plain_attributes(module) for name, module in generator.named_modules()}
        with torch.no_grad():
            first = generator(inputs)
            generator(other)
            generator(other, details=True)
            assert torch.equal(generator(inputs), first)
            assert not torch.equal(generator(other), first)
        assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
        assert attributes == {name: _plain_attributes(module) for name, module in generator.named_modules()}

    def test_no_noise_is_zero_noise(self, method):
        generator, config = initialised(method)
        inputs = inputs_of(generator, 2, config["dataset_config"]["image_size"])
        with torch.no_grad():
            assert torch.equal(generator(inputs), generator(inputs, torch.zeros(2, 2, generator.noise_dim)))
        noise = generator.sample_noise(3, generator=torch.Generator().manual_seed(0))
        assert noise.shape == (3, 2, generator.noise_dim)

    def test_encoding_and_decoding_give_the_picture_of_the_forward(self, method):
        generator, config = initialised(method)
        inputs = inputs_of(generator, 2, config["dataset_config"]["image_size"])
        noise = generator.sample_noise(2, generator=torch.Generator().manual_seed(0))
        of_identity = {role: value for role, value in inputs.items() if role.startswith("identity")}
        of_pose = {role: value for role, value in inputs.items() if not role.startswith("identity")}
        with torch.no_grad():
            identity, pose = generator.encode_identity(of_identity, noise[:, 0]), generator.encode_pose(of_pose)
            assert all(len(value) == 2 for features in (identity, pose) for value in features.values())
            torch.testing.assert_close(generator.decode(identity, pose, noise), generator(inputs, noise))

    def test_a_batch_of_one_gives_the_picture_that_it_gives_among_others(self, method):
        generator, config = initialised(method)
        inputs = inputs_of(generator, 3, config["dataset_config"]["image_size"])
        with torch.no_grad():
            alone = generator({role: value[1:2] for role, value in inputs.items()})
            torch.testing.assert_close(alone, generator(inputs)[1:2], atol=1e-4, rtol=1e-3)

    def test_a_size_that_does_not_fit_raises_an_error_that_names_the_rule(self, method):
        generator, config = initialised(method)
        size = config["dataset_config"]["image_size"]
        generator.check_size(size)
        with pytest.raises(ValueError, match=rf"image_size {size + 1} .*multiple"):
            generator.check_size(size + 1)
        with pytest.raises(CaptureError, match=f"^configuration: image_size {size + 1} .*multiple"):
            build_generator(config_of(method, "--image_size", str(size + 1)))

    def test_bfloat16_rendering_is_near_float32(self, method):
        generator, config = initialised(method)
        size = config["dataset_config"]["image_size"]
        inputs = {"pose": random_pictures(2, size, 9)} | inputs_of(generator, 2, size)
        maps = {role: value for role, value in inputs.items() if role.endswith("_uv")}
        exact, fast = (
            PoseTransfer(generator, config, CPU, precision).transfer(inputs["identity"], inputs["pose"], maps=maps)
            for precision in ("fp32", "bf16")
        )
        assert fast.dtype == torch.float32 and torch.isfinite(fast).all() and not torch.equal(exact, fast)
        assert (exact - fast).abs().mean() < 0.05
        assert all(parameter.dtype == torch.float32 for parameter in generator.parameters())

    def test_a_map_that_is_read_and_not_given_is_one_line(self, method):
        generator, config = initialised(method)
        if "target_uv" not in generator.inputs:
            generator.inputs = (*generator.inputs, "target_uv")  # of this instance alone
        size = config["dataset_config"]["image_size"]
        identity, pose = random_pictures(2, size, 1), random_pictures(2, size, 2)
        transfer = PoseTransfer(generator, config, CPU)
        with pytest.raises(CaptureError, match="reads an IUV map, .*_uv, which is not given") as caught:
            transfer.transfer(identity, pose)
        assert "\n" not in str(caught.value)
        assert transfer.transfer(identity, pose, maps={role: random_maps(2, size, 3) for role in MAPS}).shape[0] == 2

    def test_a_missing_picture_is_a_key_error_and_not_a_wrong_picture(self, method):
        generator, config = initialised(method)
        inputs = inputs_of(generator, 2, config["dataset_config"]["image_size"])
        for role in inputs:
            with pytest.raises(KeyError, match=role):
                generator({name: value for name, value in inputs.items() if name != role})

    def test_relative_mode_is_there_where_it_is_announced(self, method):
        generator, config = initialised(method)
        size = config["dataset_config"]["image_size"]
        inputs = {"pose": random_pictures(2, size, 9)} | inputs_of(generator, 2, size)
        if generator.relative:
            assert generator.transfer_relative(inputs, inputs["pose"]).shape == inputs["identity"].shape
        else:
            with pytest.raises(NotImplementedError):
                generator.transfer_relative(inputs, inputs["pose"])


def _plain_attributes(module: torch.nn.Module) -> dict[str, str]:
    """Every attribute of a module but its parameters, buffers, submodules and hooks, as text."""
    return {name: repr(value) for name, value in vars(module).items() if not name.startswith("_")}


class TestListOfMethods:
    def test_every_method_builds_by_default_and_is_printed_with_its_paper_inputs_and_parameters(self, capsys):
        list_methods.main()
        heading, *rows = capsys.readouterr().out.splitlines()
        assert len(rows) == len(METHODS) and heading.split() == ["method", "title", "inputs", "parameters", "paper"]
        for name, row in zip(METHODS, rows, strict=True):
            kind = method_class(name)
            assert row.split()[0] == name and kind.title in row and row.endswith(kind.paper)
            assert re.search(r"  identity, .*  +[\d.]+ M ", row)
