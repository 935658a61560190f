"""The registry, printed: python -m capture.methods."""

from __future__ import annotations

from capture.common.errors import command_line
from capture.common.registry import METHODS, method_class
from capture.config.load import load_config
from capture.methods.build import build_generator


def main() -> None:
    """Each method's name, title, paper, inputs and the parameters of its generator with default settings."""
    for name in METHODS:
        method = method_class(name)
        generator = build_generator(load_config([], ["--method", name]))
        parameters = sum(p.numel() for p in generator.parameters()) / 1e6
        print(f"{name}: {method.title} ({method.paper})")
        print(f"    inputs: {', '.join(generator.inputs)}; generator: {parameters:.1f} M parameters")


if __name__ == "__main__":
    command_line(main)()
