"""The real programs in processes of their own, dozens a minute: forked from one that has imported their libraries.

    with Programs() as programs:
        finished = programs.run("prepare.py", "toon", folder, file_limit=4000)

The process they are forked from is a fresh interpreter (`python -m
tests.helpers.programs`), not the one that runs the tests.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import json
import multiprocessing.resource_tracker
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.file_limit import limit_file_size

ROOT = Path(__file__).resolve().parents[2]
OTHER_SYSTEM = ROOT / "tests" / "helpers" / "other_system"


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit status, or minus the signal that ended it.  calls: see `Programs.run`."""

    status: int
    out: str
    err: str
    calls: int

    def error(self) -> str:
        """The one line of an error that is meant for people."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert self.status == 2 and len(lines) == 1 and "Traceback" not in self.err, (self.status, self.err)
        return lines[0]


class Programs:
    """Starts programs and waits for them, one at a time."""

    def __enter__(self) -> Programs:
        self._folder = tempfile.TemporaryDirectory(prefix="capture-programs-")
        os.chmod(self._folder.name, 0o755)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.programs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        return self

    @property
    def process(self) -> int:
        """The number of the process that programs are started by."""
        return self._server.pid

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()
        self._folder.cleanup()

    def run(self, program: str | Path, *argv: Any, **options: Any) -> Finished:
        """Run a program to its end. Options:

        file_limit: no file may be larger (bytes).  dies_of_it: a write past it ends the process, half-written.
        memory: bytes that it may take beyond those it starts with.
        user: number of the user it runs as.  environment: variables to change (None: to remove).
        stdout: a file that standard output goes to.  folder: where it is started (default: the checkout).
        count: count the calls that change files.  kill_at: end it by SIGKILL at this call (from 1 on), or after it
        (`kill_behind`).  kill_after: end it by SIGKILL after so many seconds (by itself after two minutes).
        other_system: without what only Linux has (tests/helpers/other_system), the processes that it starts as well.
        processes: how many processes of one job to start, as torchrun does, that share standard output and error; the
        first one's exit status is returned, after all have ended.
        """
        return self.start(program, *argv, **options).finish()

    def start(self, program: str | Path, *argv: Any, **options: Any) -> Running:
        """Start a program, in a session of its own, with the options of `run`; it must be finished before the next."""
        out, err, calls = (Path(self._folder.name, name) for name in ("out", "err", "calls"))
        for path in (out, err, calls):
            path.write_text("0" if path is calls else "")
        calls.chmod(0o666)
        asked = {"program": str(ROOT / program), "argv": [str(a) for a in argv], "out": str(out), "err": str(err)}
        self._server.stdin.write(json.dumps({**asked, "calls": str(calls), **options}) + "\n")
        self._server.stdin.flush()
        return Running(self._server, json.loads(self._server.stdout.readline()), out, err, calls, "stdout" in options)


@dataclass(frozen=True)
class Running:
    """A program that was started. pid: of its process, its session and its process group."""

    server: subprocess.Popen
    pid: int
    out: Path
    err: Path
    calls: Path
    redirected: bool

    def finish(self) -> Finished:
        """Wait for the end, at most two minutes."""
        status = json.loads(self.server.stdout.readline())
        text = "" if self.redirected else self.out.read_text(errors="replace")
        return Finished(status, text, self.err.read_text(errors="replace"), int(self.calls.read_text() or 0))


def _serve() -> dict[str, Any] | None:
    """Fork the processes of each request; in each of them return its request, in this one None at the end."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        started = []
        for request in _requests(asked):
            process = os.fork()
            if process == 0:
                answers.close()
                return request
            started.append(process)
        answers.write(f"{started[0]}\n")
        answers.flush()
        first, *_ = [_wait(process, asked.get("kill_after")) for process in started]
        answers.write(f"{first}\n")
        answers.flush()
    return None


def _requests(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """One request for each process of a job."""
    count = asked.get("processes", 1)
    if count == 1:
        return [asked]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    job = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    requests = []
    for rank in range(count):
        ranks = {name: str(value) for name, value in {**job, "RANK": rank, "LOCAL_RANK": rank}.items()}
        requests.append({**asked, "environment": {**asked.get("environment", {}), **ranks}})
    return requests


def _wait(process: int, seconds: float | None) -> int:
    """The exit status of a process and the end of those it started."""
    until = time.monotonic() + (120.0 if seconds is None else seconds)
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            break
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
            break
        time.sleep(0.002)
    until = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(process, 0)  # workers end a moment after their parent
            time.sleep(0.005)
        os.killpg(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


def _become(asked: dict[str, Any]) -> None:
    """In the new process: everything that makes it the program's, and the machine's bad day."""
    os.setsid()
    os.chdir(asked.get("folder", ROOT))
    for number, path in ((0, os.devnull), (1, asked.get("stdout", asked["out"])), (2, asked["err"])):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    for name, value in asked.get("environment", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if asked.get("count") or asked.get("kill_at"):
        _count_calls(asked)
    if "file_limit" in asked:
        if asked.get("dies_of_it"):
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        limit_file_size(asked["file_limit"])
    if "memory" in asked:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * os.sysconf("SC_PAGE_SIZE") + asked["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if "user" in asked:
        os.setgroups([])
        os.setgid(asked["user"])
        os.setuid(asked["user"])
    if asked.get("other_system"):
        os.environ["PYTHONPATH"] = str(OTHER_SYSTEM)
        for name in [name for name in sys.modules if name.split(".")[0] in ("capture", "tests", "filelock")]:
            del sys.modules[name]  # they are imported again, there
        runpy.run_path(str(OTHER_SYSTEM / "sitecustomize.py"))
        multiprocessing.resource_tracker._HAVE_SIGMASK = False  # it looked when it was imported
    sys.argv = [asked["program"], *asked["argv"]]


def _count_calls(asked: dict[str, Any]) -> None:
    """Count the calls after which files are other than before, or, for frames and networks, memory is; end at one."""
    import capture.data.cache_build
    from capture.training.trainer import Trainer

    calls = os.open(asked["calls"], os.O_WRONLY)
    count, last = 0, asked.get("kill_at")

    def counted(call: Any, changes: Any = lambda *args, **options: True) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            nonlocal count
            if not changes(*args, **options):
                return call(*args, **options)
            count += 1
            os.pwrite(calls, str(count).encode(), 0)
            if count == last and not asked.get("kill_behind"):
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*args, **options)
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return run

    def writes(file: Any, mode: str = "r", *args: Any, **options: Any) -> bool:
        return isinstance(file, (str, os.PathLike)) and any(letter in mode for letter in "wax+")

    for name in ("replace", "rename", "fsync", "mkdir", "unlink", "rmdir", "posix_fallocate"):
        setattr(os, name, counted(getattr(os, name)))
    builtins.open = counted(builtins.open, writes)
    Trainer.step = counted(Trainer.step)
    # called when the pixels of a frame are written and its CRC isn't
    capture.data.cache_build.frame_crc = counted(capture.data.cache_build.frame_crc)


def import_libraries() -> None:
    """Import what the programs import when they use it, so that no forked process has to: that takes seconds."""
    import encodings.utf_8_sig  # noqa: F401  another user may not be allowed to read the library

    import av  # noqa: F401
    import lpips  # noqa: F401
    import torch
    import torch.utils.tensorboard  # noqa: F401
    import torchmetrics.functional.image  # noqa: F401  it imports matplotlib, which lists fonts and writes a cache
    from PIL import Image

    import capture.data.cache
    import capture.data.check.check
    import capture.data.fashion.prepare
    import capture.data.lpc.sheets
    import capture.data.mixamo.command
    import capture.data.toon.held_out
    import capture.data.toon.write
    import capture.evaluation.evaluation
    import capture.inference.map_pictures
    import capture.inference.pictures
    import capture.inference.video
    import capture.methods.capture.method
    import capture.training.trainer  # noqa: F401

    Image.init()
    torch.set_num_threads(1)
    gc.freeze()  # a collection in a new process would touch, and so copy, every page


if __name__ == "__main__":
    import_libraries()
    asked = _serve()
    if asked is None:
        os._exit(0)  # as below
    else:
        _become(asked)
        status = 0
        try:
            runpy.run_path(asked["program"], run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
        finally:
            threading._shutdown()
            atexit._run_exitfuncs()
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        os._exit(status)  # taking libraries apart that are shared with others takes a second and a half
