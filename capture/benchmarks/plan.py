"""What benchmark.py measures, in order of worth: what says most about a machine first, what takes minutes last.

A group is a few ways of doing one thing, which take turns in a process of their own. It can be ended at any time, and
what it reported until then counts.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from capture.benchmarks.inference import COMPILED, KNOWN, ONNX, OPENVINO, RELEASE
from capture.benchmarks.turns import Row, take_turns
from capture.benchmarks.video import WHOLE_VIDEO
from capture.common.device import native_bf16

TABLED = ("inference", "training", "live", "video")  # parts whose rows compare ways, with one set of columns
WHOLE = ("renderer", "loader", "attention", "startup")  # parts with columns of their own
PARTS = (*TABLED, *WHOLE)
PUBLISHED, OURS = "published network", "CaPTURe-Parts"
CONFIGS = {PUBLISHED: None, OURS: "configs/capture_parts.yaml"}  # overlays on defaults.yaml


@dataclass(frozen=True)
class Group:
    """Ways of one part that are measured together.

    Attributes:
        part: one of PARTS, a module of capture.benchmarks.
        subject: what is computed, such as `published network, 256x256`.
        config: resolved.  batch: of a call.
        names: of the ways, the baseline first; empty for parts of WHOLE.
        share: of the time that is left, after which no further round begins.
        options: of the part's `measure`, for parts of WHOLE.
    """

    part: str
    subject: str
    config: dict[str, Any]
    batch: int = 1
    names: tuple[str, ...] = ()
    share: float = 0.3
    options: dict[str, Any] = field(default_factory=dict)

    def measure(self, device: torch.device, repeats: int, peaks: dict[str, float], until: float) -> Iterator[Row]:
        """Rows as soon as they are known, a way's again when it is known better; see take_turns."""
        module = importlib.import_module(f"capture.benchmarks.{self.part}")
        if not self.names:
            yield from module.measure(**self.options)
            return
        ways = module.ways(self.config, device, self.batch, list(self.names))
        for row in take_turns(ways, self.batch, repeats, device, peaks, until):
            yield {"subject": self.subject, "batch": self.batch, **row}

    def missing(self, rows: list[Row], why: str) -> list[Row]:
        """Rows that say why a way is not measured, for every way that `rows` lacks; one for a part of WHOLE."""
        if not self.names:
            return [] if rows else [{"note": why}]
        known = {row["way"] for row in rows if row.get("subject") == self.subject and row["batch"] == self.batch}
        return [
            {"subject": self.subject, "batch": self.batch, "way": name, "note": why}
            for name in self.names
            if name not in known
        ]


def plan(configs: dict[str, dict[str, Any]], device: torch.device, batches: tuple[int, ...] = ()) -> list[Group]:
    """All groups of TABLED parts, in order of worth.

    Args:
        configs: resolved configurations by the name of what they describe; the first with a release to compare with.
        batches: of rendering and training, in place of the usual ones.
    """
    fast = "bf16" if native_bf16(device) else "fp32"
    eager = tuple(dict.fromkeys(("fp32", fast)))
    groups: list[tuple[int, Group]] = []

    def add(worth: int, part: str, name: str, batch: int, names: tuple[str, ...], share: float = 0.3) -> None:
        side = configs[name]["dataset_config"]["image_size"]
        groups.append((worth, Group(part, f"{name}, {side}x{side}", configs[name], batch, names, share)))

    by_openvino = tuple(OPENVINO if way == "fp32" else f"{OPENVINO}, {way}" for way in eager)
    for name, config in configs.items():
        released = (RELEASE,) if config["main_config"]["method"] == "capture" else ()
        ours = name == OURS
        base = released or ("fp32",)
        for k, batch in enumerate(batches or (1, 4)):
            add(1 + 20 * k, "inference", name, batch, (*released, *eager, f"{fast}, {KNOWN}"))
            add(7 + 20 * k, "inference", name, batch, (*base, ONNX, f"{ONNX}, {KNOWN}"))
            if batch > 1:  # OpenVINO computes the pictures of a batch side by side, and one picture on one core
                add(8 + 20 * k, "inference", name, batch, (*base, by_openvino[-1], f"{by_openvino[-1]}, {KNOWN}"))
            compiled = (f"{fast}, {COMPILED}", f"{fast}, {COMPILED}, {KNOWN}")
            add(9 + 20 * k, "inference", name, batch, (*base, *compiled))
        for k, batch in enumerate(batches or ((4,) if ours else (2,))):
            add(3 + 20 * k, "training", name, batch, (*released, fast, *(set(eager) - {fast})), 0.5)
            add(10 + 20 * k, "training", name, batch, (*base, f"{fast}, {COMPILED}", f"{fast}, recomputed blocks"), 0.5)
        if ours:
            add(2, "live", name, 1, (*eager, *by_openvino))
            add(6, "live", name, 1, ("fp32", ONNX))
            network = by_openvino[-1] if importlib.util.find_spec("openvino") else fast
            add(4, "video", name, 1, (network, f"{network}, {WHOLE_VIDEO}"))
            add(8, "live", name, 1, ("fp32", f"{fast}, {COMPILED}"))
    return [group for _, group in sorted(groups, key=lambda pair: pair[0])]
