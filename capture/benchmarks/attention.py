"""The reverse-attention module, forward and backward, at growing resolutions: ours against the N x N way."""

from __future__ import annotations

from pathlib import Path

import torch

from capture.benchmarks.release import NxNAttention
from capture.benchmarks.report import write_figure
from capture.benchmarks.timing import compare
from capture.methods.capture.reverse_attention import ReverseAttention

LIMIT_MB = 12_000  # where N x N is not even tried


def measure(
    device: torch.device, sides: tuple[int, ...] = (16, 32, 64, 128), channels: int = 256, repeats: int = 3
) -> list[dict]:
    """Rows of ms and of memory that a forward and backward took beyond what was there before, in float32, batch 1."""
    rows = []
    for side in sides:
        torch.manual_seed(0)
        ours = ReverseAttention(channels, t=16, alpha=0.5).to(device)
        ways = {"ours": ours}
        if 8 * side**4 * 4 / 1e6 < LIMIT_MB:  # some eight float32 matrices of N x N, N = side^2
            ways["N x N"] = NxNAttention(ours)
        inputs = [torch.randn(1, channels, side, side, device=device, requires_grad=True) for _ in range(3)]

        def run(module, inputs=inputs):
            module(*inputs).square().mean().backward()
            for tensor in [*inputs, *module.parameters()]:
                tensor.grad = None

        timings = compare({name: lambda m=module: run(m) for name, module in ways.items()}, repeats, device)
        for name, timing in timings.items():
            rows.append(
                {
                    "side": side,
                    "positions": side * side,
                    "way": name,
                    "ms": timing.median * 1e3,
                    "spread": timing.spread,
                    "memory_mb": timing.peak_mb,
                }
            )
    return rows


def plot(rows: list[dict], path: Path) -> None:
    """Time and memory by the number of positions, both logarithmic, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, key, label in zip(axes, ("ms", "memory_mb"), ("ms, forward and backward", "MB beyond the inputs")):
        for way, style in (("N x N", "s--"), ("ours", "o-")):
            points = [(row["positions"], row[key]) for row in rows if row["way"] == way and row[key] > 0]
            axis.loglog(*zip(*points), style, label=way)
        ticks = sorted({row["positions"] for row in rows})
        axis.set_xticks(ticks, [f"{round(n**0.5)}²" for n in ticks])
        axis.minorticks_off()
        axis.set_xlabel("positions")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.suptitle("Reverse attention, 256 channels, float32, batch 1")
    write_figure(figure, path)
