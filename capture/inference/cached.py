"""A generator cut in three, so that what does not change is computed once: identity, pose, and the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Features, Generator, Inputs

STEPS = ("encode_identity", "encode_pose", "decode")


class CachedGenerator:
    """The two encoders and the decoder of a generator, compiled where asked for.

    Attributes:
        encode_identity, encode_pose, decode: as capture.methods.base.Generator has them.
    """

    def __init__(self, network: Generator, compiled: bool = False):
        self.network = network
        self.encode_identity: Callable[[Inputs, Tensor], Features] = network.encode_identity
        self.encode_pose: Callable[[Inputs], Features] = network.encode_pose
        self.decode: Callable[[Features, Features, Tensor], Tensor] = network.decode
        if not compiled:
            return
        on_gpu = next(network.parameters()).device.type == "cuda"
        # on a GPU, recorded graphs take the launches away; on a CPU, weights are laid out for it once
        mode = "reduce-overhead" if on_gpu else None
        for step in STEPS:
            keeps_inputs = step != "decode" and getattr(type(network), step) is getattr(Generator, step)
            if not keeps_inputs:
                run = torch.compile(getattr(network, step), dynamic=False, mode=mode)
                setattr(self, step, _copied(run) if on_gpu else _frozen(run))


def repeated(features: Features, count: int) -> Features:
    """Features of one picture as those of a batch of it."""
    return {
        name: value.expand(count, *value.shape[1:]).contiguous(
            memory_format=torch.channels_last if value.dim() == 4 else torch.contiguous_format
        )
        for name, value in features.items()
    }


def _frozen(run: Callable[..., Any]) -> Callable[..., Any]:
    """With weights as constants. An option of torch.compile would not reach the tracer, which must know of it too."""

    def frozen(*args: Any) -> Any:
        with torch._inductor.config.patch(freezing=True):
            return run(*args)

    return frozen


def _copied(run: Callable[..., Any]) -> Callable[..., Any]:
    """Results that the next call does not overwrite: a recorded graph writes to the same memory every time."""

    def copied(*args: Any) -> Any:
        torch.compiler.cudagraph_mark_step_begin()
        made = run(*args)
        return made.clone() if isinstance(made, Tensor) else {name: value.clone() for name, value in made.items()}

    return copied
