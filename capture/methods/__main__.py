"""The registered methods as a table: python -m capture.methods."""

from __future__ import annotations

from capture.common.errors import command_line
from capture.common.registry import METHODS, method_class
from capture.config.load import load_config
from capture.methods.build import build_generator

HEADINGS = ("method", "title", "inputs", "parameters", "paper")


def method_rows() -> list[tuple[str, ...]]:
    """Name, title, inputs, the generator's parameters with default settings, and paper of each method."""
    rows: list[tuple[str, ...]] = []
    for name in METHODS:
        method = method_class(name)
        generator = build_generator(load_config([], ["--method", name]))
        parameters = sum(parameter.numel() for parameter in generator.parameters()) / 1e6
        rows.append((name, method.title, ", ".join(generator.inputs), f"{parameters:.1f} M", method.paper))
    return rows


def main() -> None:
    """Print a line for each method."""
    rows = [HEADINGS, *method_rows()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    command_line(main)()
