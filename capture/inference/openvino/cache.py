"""Compiled models that are kept between runs, since converting a network from torch takes longer than most videos.

A file begins with the sha256 of what follows. Its name is made of all that the compiled model follows from: weights,
configuration, this program's own code, versions, precision and processor. Files lie in ~/.cache/capture/openvino.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.common.shipped import PACKAGE
from capture.inference.openvino.compiled import DEVICE
from capture.inference.openvino.models import openvino
from capture.methods.base import Generator

DIGEST = hashlib.sha256().digest_size
MOST = 16  # files that are kept


class Cache:
    """The compiled parts of one generator.

    Args:
        core: openvino.Core.  properties: that models are compiled with.
    """

    def __init__(self, core: Any, generator: Generator, config: dict[str, Any], properties: dict[str, Any]):
        self._core, self._properties = core, properties
        digest = hashlib.sha256()
        for name, value in generator.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
        for source in sorted(PACKAGE.rglob("*.py")):
            digest.update(source.read_bytes())
        about = [openvino().__version__, torch.__version__, core.get_property(DEVICE, "FULL_DEVICE_NAME"), properties]
        digest.update(json.dumps([*about, config], sort_keys=True, default=str).encode())
        self._key = digest.hexdigest()[:32]

    def load(self, part: str) -> Any:
        """openvino.CompiledModel, or None where it is not kept or damaged."""
        path = self._path(part)
        if path is None:
            return None
        try:
            data = path.read_bytes()
            if hashlib.sha256(data[DIGEST:]).digest() != data[:DIGEST]:
                return None
            model = self._core.import_model(data[DIGEST:], DEVICE, self._properties)
            path.touch()  # the ones that were used last are kept
        except (OSError, RuntimeError):  # unreadable, or of a build that OpenVINO itself tells apart
            return None
        return model

    def save(self, part: str, model: Any) -> None:
        """Keep a compiled model, where there is room, and remove those that were not used for longest."""
        path = self._path(part)
        if path is None:
            return
        data = model.export_model().getvalue()
        with contextlib.suppress(CaptureError, OSError):  # then the next run converts again
            write_bytes(path, hashlib.sha256(data).digest() + data)
            for old in sorted(path.parent.glob("*.blob"), key=lambda one: -one.stat().st_mtime)[MOST:]:
                old.unlink()

    def _path(self, part: str) -> Path | None:
        try:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        except RuntimeError:  # a user without a home, as in containers
            return None
        return folder / "capture" / "openvino" / f"{self._key}.{part}.blob"
