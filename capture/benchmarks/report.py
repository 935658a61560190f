"""Results as tables for people and as JSON for programs, with the machine they were measured on."""

from __future__ import annotations

import io
import os
import platform
from pathlib import Path
from typing import Any

import torch

from capture.common.cpu import cpu_info
from capture.common.files import write_bytes

INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_fp16")
COLUMNS = {  # of parts that compare ways: key of a row -> heading
    "subject": "what",
    "batch": "batch",
    "way": "way",
    "ms": "ms each",
    "per_second": "a second",
    "times_baseline": "times the first way",
    "spread": "spread, ms",
    "repeats": "repeats",
    "gflop": "GFLOP each",
    "share_of_peak": "share of peak",
    "operators": "operators a call",
}


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures hold for."""
    about = cpu_info()
    name = about.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in about and not any(letter.isdigit() for letter in name):  # of some hosts: "AMD EPYC"
        name += f" (family {about['cpu family']}, model {about['model']})"
    if device.type == "cuda":
        name = f"{torch.cuda.get_device_name(device)}, {name}"
    flags = about.get("flags", "").split()
    return {
        "device": device.type,
        "name": name,
        "instructions": " ".join(flag for flag in INSTRUCTIONS if flag in flags),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def line(part: str, row: dict[str, Any]) -> str:
    """A row on one line, as soon as it is known."""
    cells = {key: _text(key, row[key]) for key in row if key in COLUMNS and row[key] is not None}
    about = [part, *(cells.pop(key) for key in ("subject", "way") if key in cells)]
    if "batch" in cells:
        about.insert(2, f"batch {cells.pop('batch')}")
    measured = [row["note"]] if "note" in row else [f"{COLUMNS[key]} {value}" for key, value in cells.items()]
    return f"{', '.join(about)}: {', '.join(measured)}"


def comparison_table(rows: list[dict[str, Any]]) -> str:
    """Rows of a part that compares ways, as a Markdown table without its empty columns."""
    shown = []
    for row in rows:
        row = dict(row)
        if "low_ms" in row:
            row["spread"] = f"{_text('ms', row['low_ms'])} to {_text('ms', row['high_ms'])}"
        shown.append({heading: _text(key, row.get(key)) for key, heading in COLUMNS.items()})
    return table([{k: v for k, v in row.items() if any(other[k] for other in shown)} for row in shown])


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
