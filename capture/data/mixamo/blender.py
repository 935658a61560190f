"""Blender in a Python interpreter of its own: finding it, starting it, and sending it requests.

Blender's module needs another version of Python and of NumPy than this project may run on, so it is installed in
another environment. Every worker process keeps one Blender and exchanges lines of JSON with it (in_blender/worker.py).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError

ROOT = Path(__file__).resolve().parents[3]
OWN_PYTHON = ROOT / ".venv-blender" / "bin" / "python"
_PROGRAM = Path(__file__).resolve().parent / "in_blender" / "worker.py"
_HOW = "run `make blender` (it needs Python 3.11), or name a Python that has bpy with --blender PYTHON"


class Unusable(Exception):
    """Blender can't use a model. The message says why in one line."""


class Died(Exception):
    """Blender ended without an answer."""


class Blender:
    """A running Blender, for one thread at a time."""

    def __init__(self, python: str):
        self._process = subprocess.Popen(
            [python, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # they are pipes
        self._requests, self._answers = self._process.stdin, self._process.stdout
        try:
            first = self._answer()
        except Died:
            self.close()
            raise CaptureError(f"{python}: Blender's module (bpy) can't be started there; {_HOW}") from None
        if "blender" not in first:
            self.close()
            raise CaptureError(f"{python}: can't use Blender's module ({first.get('error')}); {_HOW}")
        self.version: str = first["blender"]

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Blender's answer to a request of in_blender/jobs.py.

        Raises:
            Unusable: the model is broken.
            Died: Blender crashed, or was killed because memory ran out.
        """
        try:
            self._requests.write(json.dumps(request) + "\n")
            self._requests.flush()
            answer = self._answer()
        except BaseException as error:  # for example Ctrl-C: nothing will read the answer
            self.close()
            raise (Died() if isinstance(error, OSError) else error) from None
        if "unusable" in answer:
            raise Unusable(answer["unusable"])
        if "error" in answer:
            raise Unusable(f"Blender can't handle it ({answer['error']})")
        return answer

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line.endswith("\n"):
            raise Died
        return json.loads(line)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()  # it holds nothing that could be lost
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()


_running: dict[str, Blender] = {}
_lock = threading.Lock()


def blender(python: str) -> Blender:
    """This process's Blender; the first call starts it."""
    with _lock:
        if python not in _running or not _running[python].alive:
            _running[python] = Blender(python)
        return _running[python]


def close(python: str) -> None:
    """End this process's Blender, if it runs."""
    with _lock:
        if python in _running:
            _running.pop(python).close()


def find_blender(python: str | None) -> str:
    """A Python with Blender's module: the one given, that of `make blender`, or this one.

    Raises:
        CaptureError: there is no such Python.
    """
    if python is not None:
        if not Path(python).is_file():
            raise CaptureError(f"--blender {python}: no such file; name a Python that has Blender's module (bpy)")
        return python
    if OWN_PYTHON.is_file():
        return str(OWN_PYTHON)
    if importlib.util.find_spec("bpy") is not None:
        return sys.executable
    raise CaptureError(f"rendering needs Blender's Python module (bpy), which isn't installed; {_HOW}")


def blender_version(python: str) -> str:
    """The version of this process's Blender, which is started.

    Raises:
        CaptureError: it can't be started.
    """
    try:
        return blender(python).version
    except OSError as error:
        raise CaptureError(f"--blender {python}: can't be run ({error.strerror})") from None
