"""Results as tables for people and as JSON for programs, with the machine they were measured on."""

from __future__ import annotations

import io
import os
import platform
from pathlib import Path
from typing import Any

import torch

from capture.common.files import write_bytes


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures hold for."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    if device.type == "cuda":
        name = f"{torch.cuda.get_device_name(device)}, {name}"
    return {
        "device": str(device),
        "name": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def write_figure(figure: Any, path: Path, dpi: int = 110) -> None:
    """Write one of matplotlib's figures as a PNG, whole or not at all, and close it."""
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    pyplot.close(figure)
    write_bytes(path, buffer.getvalue())


def table(rows: list[dict[str, Any]]) -> str:
    """Rows with the same keys as a Markdown table; what a row lacks stays empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_text(key, row.get(key)) for key in columns] for row in rows]
    header = [key.replace("_", " ") for key in columns]
    widths = [max(len(line[i]) for line in [header, *cells]) for i in range(len(columns))]
    lines = [header, ["-" * width for width in widths], *cells]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines)


def _text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        if key.startswith("times"):
            return f"{value:.2f}x"
        if key.startswith("share"):
            return f"{100 * value:.0f} %"
        return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return str(value)
