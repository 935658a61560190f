"""CaPTURe: cartoon pose transfer using reverse attention.

    import capture

    character = capture.load("Toon")
    character("hero.png", "pose.png").save("out.png")
    character("hero.png", "dance.mp4").save("out.gif")

Importing this module imports nothing that computes; `load` does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capture.common.errors import CaptureError
    from capture.inference.frames import Frames
    from capture.inference.pipeline import Pipeline

__version__ = "0.1.0"
__all__ = ["CaptureError", "Frames", "Pipeline", "__version__", "from_pretrained", "load"]

_HOMES = {
    "CaptureError": "capture.common.errors",
    "Frames": "capture.inference.frames",
    "Pipeline": "capture.inference.pipeline",
}


def load(
    source: str | os.PathLike[str] = "Toon", device: str = "auto", precision: str = "fp32", compiled: bool = False
) -> Pipeline:
    """A trained generator, ready to be called with an identity and a pose.

    Args:
        source: a result folder, an exported .safetensors, .onnx or .pt file, or "Toon", the weights that come with the
            package.
        device: auto | cpu | cuda.  precision: fp32 | bf16 | auto.
        compiled: compile first: some minutes, then faster.
    Raises:
        CaptureError: nothing to load there, or a file that is damaged or for another configuration.
    """
    from capture.inference.pipeline import Pipeline

    return Pipeline.load(source, device, precision, compiled)


def from_pretrained(repo_id: str | os.PathLike[str], **options: Any) -> Pipeline:
    """A generator that `Pipeline.push_to_hub` has uploaded, or that `Pipeline.save_pretrained` wrote to a folder.

    Args:
        repo_id: "user/name" on the hub, or a folder.
        options: of huggingface_hub's from_pretrained (revision, token, cache_dir, and others), and device.
    """
    from capture.inference.hub import from_pretrained
    from capture.inference.pipeline import Pipeline

    return Pipeline(from_pretrained(os.fspath(repo_id), **options))


def __getattr__(name: str) -> Any:
    """The classes of `__all__`, imported when they are first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'capture' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
