"""A training step that a recorded graph could hold: no shape and no Python branch depends on data, nobody waits.

On a GPU a step of many small operators is bound by how fast Python starts them, unless the graph of the step is
recorded once and replayed. That needs the same operators in every step.
"""

from __future__ import annotations

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from capture.benchmarks.training import ROLES, ours
from capture.common import registry
from capture.training.nonfinite import Guard
from tests.conftest import tiny_config
from tests.helpers.waits import READS, SHAPES, Waits

METHODS = {
    "capture": ("--method", "capture"),
    **{
        f"capture_parts, {stage}": ("--method", "capture_parts", "--stage", stage)
        for stage in ("segmentation", "layout", "synthesis", "joint")
    },
    **{name: ("--method", name) for name in ("capture_supervised", "fomm", "mraa", "coord_inpainting")},
}


def pictures_of(config, seed):
    size = config["dataset_config"]["image_size"]
    rng = torch.Generator().manual_seed(seed)
    return {role: torch.rand(2, 3, size, size, generator=rng) * 2 - 1 for role in ROLES}


def trained(name):
    """A trainer and one of its batches."""
    config = tiny_config(*METHODS.get(name, ("--method", name)))
    return ours(config, pictures_of(config, 0), {"precision": "fp32"})


class TestStaticStep:
    def test_every_method_is_here_but_lwgan(self):
        assert {argv[1] for argv in METHODS.values()} == registry.METHODS.keys() - {"lwgan"}

    def test_lwgan_looks_for_the_pixels_that_show_a_part(self):
        """So that its step is no single graph.

        It compares each pixel with those of its own part alone (capture.nn.iuv.correspondence_flow), of which there are
        as many as the maps say; comparing all pixels with all would be up to 25 times the work and the memory.
        """
        trainer, batch = trained("lwgan")
        trainer.update.guard = Guard(0.0, raise_at_once=False)
        trainer.step(batch)
        with Waits() as waits:
            trainer.step(batch)
        assert waits.found.keys() == {"nonzero", "_local_scalar_dense"}

    @pytest.mark.parametrize("name", METHODS)
    def test_no_step_waits_for_the_device(self, name):
        trainer, batch = trained(name)
        trainer.update.guard = Guard(0.0, raise_at_once=False)  # as on a GPU, where the check is deferred
        trainer.step(batch)
        with Waits() as waits:  # a branch that depends on data asks for a value
            trainer.step(batch)
        assert not waits.found

    @pytest.mark.parametrize("name", ["capture", "capture_parts, joint"])  # joint has all that the other stages have
    def test_losses_and_gradients_are_one_graph(self, name):
        """Traced with tensors that have shapes and no values: whatever asks for a value raises."""
        trainer, batch = trained(name)
        method, noise = trainer.method, trainer.method.sample_noise(2, torch.Generator().manual_seed(0))

        def update(batch, noise):
            cache, made = {}, []
            for name in method.update_order:
                loss, metrics = method.loss(name, batch, noise, cache)
                learnt = [p for p in method.networks[name].parameters() if p.requires_grad]
                made += [loss, *metrics.values(), *torch.autograd.grad(loss, learnt, allow_unused=True)]
            return [x for x in made if x is not None]

        update(batch, noise)  # what is computed once and kept, such as codes of surface points, is no part of a step
        traced = make_fx(update, tracing_mode="fake", _allow_non_fake_inputs=True)(batch, noise)
        called = {node.target.overloadpacket.__name__ for node in traced.graph.nodes if node.op == "call_function"
                  and isinstance(node.target, torch._ops.OpOverload)}  # fmt: skip
        assert len(called) > 30 and not called & (READS | SHAPES)


class TestWaits:
    def test_every_kind_is_found(self):
        x = torch.arange(4)
        with Waits() as waits:
            x.sum().item()
            x[x > 1]
            x.nonzero()
            x[[0, 1]]
            x.unique()
        assert waits.found == {"_local_scalar_dense": 1, "index": 1, "nonzero": 1, "_unique2": 1}
