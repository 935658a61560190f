"""The keys of training: its length, its optimisers, its arithmetic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from capture.common.options import Section, key


def _are_betas(betas: list[float]) -> list[float]:
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"expected two numbers from 0 up to 1, found {betas[:8]}")
    return betas


class LrSchedule(Section):
    """How the learning rates change with time."""

    warmup_steps: int = key(0, "the rates rise from 0 during the first so many updates", ge=0)
    decay_epochs: int = key(
        0, "the rates fall linearly to 0 during the last so many epochs; 0: they stay", ge=0, resume="noted"
    )
    drop_epochs: list[int] = key([-1], "epochs after which the rates are divided by ten; -1: none", resume="noted")


class TrainConfig(Section):
    """Section train_config."""

    num_epochs: int = key(250, "epochs of a run", ge=1, resume="free", added=False)
    max_minutes: float = key(
        0.0, "the run saves and ends after so many minutes, ready to be resumed; 0: never", ge=0, resume="free"
    )
    seed: int = key(
        777,
        "of weights, samples and noise: a seed gives the same run on the same machine",
        ge=0,
        le=2**63 - 1,
        added=False,
    )
    adam_betas: Annotated[list[float], AfterValidator(_are_betas)] = key([0.5, 0.999], "betas of Adam", added=False)
    lr_G: float = key(0.0001, "learning rate of the generator", ge=0, resume="noted", added=False)
    lr_D: float = key(0.0001, "learning rate of the discriminator", ge=0, resume="noted", added=False)
    lr_schedule: LrSchedule = key(LrSchedule(), "how both learning rates change with time")
    ema_decay: float = key(
        0.999, "decay of the generator's moving average, which makes the pictures; 0: none", ge=0, lt=1
    )
    clip_grad_norm: float = key(
        0.0, "a network's gradient is scaled down to this norm where it is longer; 0: never", ge=0, resume="noted"
    )
    precision: Literal["fp32", "bf16", "auto"] = key(
        "fp32",
        "arithmetic: fp32, bf16, or auto (bf16 where the machine is faster with it)",
        resume="noted",
    )
    compile: bool = key(
        False,
        "compile the networks: slow at the start, then faster; a CPU needs a C++ compiler",
        resume="free",
    )
    micro_batches: int = key(
        1,
        "passes in which a batch is worked through: less memory, nearly the same update",
        ge=1,
        le=65_536,
        resume="free",
    )
    recompute: bool = key(
        False,
        "compute activations twice: much less memory, a third more time",
        resume="free",
    )
