"""One case in a process of its own, forked from this one (importing torch takes seconds), and the verdict on it."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import io
import os
import resource
import select
import shutil
import signal
import stat
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from capture.common.errors import command_line
from tests.helpers.programs import import_libraries
from tests.reliability.hostile.case import HERE, Case

ROOT = Path(__file__).resolve().parents[3]
CPU_SECONDS = 20.0  # of processor time that a refusal or a success may take
WALL_SECONDS = 120  # until a run is ended: other programs may have the processor
MEMORY = 3 << 30  # bytes on top of what the libraries take
ADDRESSES = 6 << 30  # bytes of address space on top of it
LARGEST_FILE = 256 << 20
WHEN = 1_600_000_000  # every file's time of change: prepared frames and indexes hold where these agree
TALKING = {"prepare.py": (1, 3)}  # check: something is wrong; fashion: some of it could not be read
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime")  # path first
PAIRS = ("os.rename", "os.link", "os.symlink")  # two paths
EXECUTION = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.Popen", "pty.spawn"),
    *("socket.connect", "socket.bind", "urllib.Request", "webbrowser.open", "ctypes.dlopen/outside"),
)
HARMLESS = ("/dev/", "/proc/self/")


@dataclass
class Verdict:
    """What became of a case.

    Attributes:
        status: exit status; a signal's number below zero.
        what: "succeeded", "refused" (status 2), or "told" (a documented status of its own).
        violations: what must not happen and did.
    """

    status: int
    what: str
    error: str
    cpu: float
    memory: int
    violations: list[str] = field(default_factory=list)
    stderr: str = ""


class Server:
    """Runs cases one after the other below `folder`; every program is imported once, here."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.box = self.folder / "world" / "deep" / "er"  # so that ../../ is still seen
        self.programs: dict[str, ModuleType] = {}
        for program in ("train", "save_result", "evaluate", "prepare"):
            spec = importlib.util.spec_from_file_location(program, ROOT / f"{program}.py")
            self.programs[f"{program}.py"] = module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        import_libraries()
        tqdm.monitor_interval = 0  # a thread that children would lack

    def run(self, case: Case) -> Verdict:
        """Lay the case out, run it, look at what it left."""
        world = self.folder / "world"
        _remove(world)
        self._lay_out(case)
        before = dict(_listing(world))
        status, cpu, memory, reports = self._fork(case)
        after = dict(_listing(world))
        stderr = (self.folder / "stderr").read_bytes().decode("utf-8", "replace")
        return _judge(case, status, cpu, memory, stderr, reports, *self._changes(case, before, after))

    def _lay_out(self, case: Case) -> None:
        for name in ("elsewhere", "home", "tmp", ""):
            (self.box / name).mkdir(parents=True, exist_ok=True)
        (self.box / "elsewhere" / "canary").write_text("sings")
        (self.folder / "world" / "canary").write_text("sings")
        here = os.fsencode(self.box)
        for name, data in case.files.items():
            path = _below(self.box, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data.replace(HERE.encode(), here))
        for name, target in case.links.items():
            path = _below(self.box, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target.replace(HERE, str(self.box)), path)
        for folder, folders, files in os.walk(os.fsencode(self.folder / "world"), topdown=False):
            for name in (*files, *folders):
                os.utime(os.path.join(folder, name), (WHEN, WHEN), follow_symlinks=False)

    def _fork(self, case: Case) -> tuple[int, float, int, list[str]]:
        """(status, processor seconds, bytes on top of the libraries', what the program did that it must not)."""
        reader, writer = os.pipe()
        sys.stdout.flush(), sys.stderr.flush()
        gc.freeze()  # a collection in the child would touch, and so copy, every page
        child = os.fork()
        if not child:
            os.close(reader)
            self._be_the_program(case, writer)
        os.close(writer)
        heard, until = b"", time.monotonic() + WALL_SECONDS
        while (left := until - time.monotonic()) > 0:
            if select.select([reader], [], [], left)[0]:
                piece = os.read(reader, 1 << 16)
                if not piece:
                    break
                heard += piece
        else:
            heard += b"ran past the limit of wall-clock time\n"
        with contextlib.suppress(ProcessLookupError):
            if left <= 0:
                os.killpg(child, signal.SIGKILL)
        os.close(reader)
        _, status, usage = os.wait4(child, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # whatever it started
        code = os.waitstatus_to_exitcode(status)
        first, *reports = heard.decode("utf-8", "replace").splitlines() or ["0"]
        memory = max(usage.ru_maxrss * 1024 - int(first), 0)
        return code, usage.ru_utime + usage.ru_stime, memory, reports

    def _be_the_program(self, case: Case, reports: int) -> None:
        status = 1
        try:
            os.setsid()
            os.write(reports, b"%d\n" % _resident())
            os.chdir(self.box)
            for name, number in (("stdout", 1), ("stderr", 2)):
                file = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(file, number)
                os.close(file)
            sys.stdin = io.StringIO()
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            raw = io.FileIO(2, "w", closefd=False)
            sys.stderr = io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
            sys.dont_write_bytecode = True  # of a module that no program before has imported
            os.environ.update(HOME=str(self.box / "home"), TMPDIR=str(self.box / "tmp"), CUDA_VISIBLE_DEVICES="")
            os.environ.pop("XDG_CACHE_HOME", None)
            import tempfile

            tempfile.tempdir = None
            _limit()
            program, *arguments = [argument.replace(HERE, str(self.box)) for argument in case.argv]
            sys.argv = [program, *arguments]
            _watch(reports, str(self.folder))
            command_line(self.programs[program].main)()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        except BaseException:
            with contextlib.suppress(BaseException):
                traceback.print_exc()
            status = 1
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)

    def _changes(self, case: Case, before: dict, after: dict) -> tuple[list[str], list[str]]:
        """(what changed in folders that the program may write to, what changed elsewhere)."""
        base = os.fsencode(self.box.relative_to(self.folder / "world"))
        mine = tuple(base + b"/" + os.fsencode(name) for name in case.out)
        cache = tuple(base + b"/" + os.fsencode(name) for name in (*case.cache, "home/.cache"))
        inside, outside = [], []
        for path in sorted({*before, *after}):
            if before.get(path) == after.get(path):
                continue
            name = os.fsdecode(path[len(base) + 1 :] if path.startswith(base + b"/") else path)
            what = "changed" if path in before and path in after else "new" if path in after else "gone"
            if any(path == one or path.startswith(one + b"/") for one in cache):
                continue
            within = any(path == one or path.startswith(one + b"/") for one in mine)
            (inside if within else outside).append(f"{what}: {name}")
        return inside, outside


def _judge(
    case: Case,
    status: int,
    cpu: float,
    memory: int,
    stderr: str,
    reports: list[str],
    inside: list[str],
    outside: list[str],
) -> Verdict:
    program = Path(case.argv[0]).name
    lines = [line for line in stderr.replace("\r", "\n").split("\n") if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.startswith("error: ")]
    what = {0: "succeeded", 2: "refused"}.get(status, "told" if status in TALKING.get(program, ()) else "broke")
    bad = [*reports]
    if what == "broke":
        bad.append(f"exit status {status}")
    if "Traceback" in stderr:
        bad.append("a traceback")
    if status == 2 and (len(errors) != 1 or errors[0] != len(lines) - 1):
        bad.append(f"{len(errors)} lines of error, {len(lines) - 1 - errors[0] if errors else 0} after the first")
    if status == 2 and errors and len(lines[errors[0]]) > 2000:
        bad.append(f"an error of {len(lines[errors[0]])} characters")
    if any(not c.isprintable() for i in errors for c in lines[i]):
        bad.append("an error with control characters")
    if status == 2 and inside:
        bad.append("partial output: " + ", ".join(inside[:5]))
    if outside:
        bad.append("written outside: " + ", ".join(outside[:5]))
    if cpu > CPU_SECONDS:
        bad.append(f"{cpu:.1f} s of processor time")
    if memory > MEMORY:
        bad.append(f"{memory / 2**20:.0f} MiB of memory")
    return Verdict(status, what, lines[errors[0]] if errors else "", cpu, memory, bad, stderr)


def _limit() -> None:
    """Bounds that the system keeps; the verdict has lower ones."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for limit, value in (
        (resource.RLIMIT_AS, taken + ADDRESSES),
        (resource.RLIMIT_CPU, int(2 * CPU_SECONDS)),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _watch(reports: int, world: str) -> None:
    """Report programs started, connections made, and anything changed outside of the sandbox."""
    allowed = (os.fsencode(world) + b"/",)

    def outside(path: object) -> bool:
        if isinstance(path, int) or path is None:
            return False
        text = os.path.abspath(os.fsencode(path))
        return not text.startswith(allowed) and not text.startswith(tuple(map(str.encode, HARMLESS)))

    def report(text: str) -> None:
        os.write(reports, text.replace("\n", " ").encode("utf-8", "replace")[:300] + b"\n")

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = flags & WRITING if isinstance(flags, int) else any(c in (mode or "") for c in "wax+")
            if writes and outside(path):
                report(f"opened to write: {path!r}")
        elif event in EXECUTION:
            report(f"{event} {arguments!r}")
        elif event in CHANGES and outside(arguments[0]):
            if event != "os.mkdir" or not os.path.isdir(arguments[0]):
                report(f"{event} {arguments[0]!r}")
        elif event in PAIRS and any(outside(path) for path in arguments[:2]):
            report(f"{event} {arguments[:2]!r}")

    sys.addaudithook(hook)


def _listing(folder: Path) -> Iterator[tuple[bytes, tuple]]:
    """Every path below a folder with what tells a change; folders without their times, which caches alter."""
    top = os.fsencode(folder)
    for place, folders, files in os.walk(top):
        for name in (*files, *folders):
            path = os.path.join(place, name)
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            told = () if stat.S_ISDIR(kind) else (status.st_size, status.st_mtime_ns, status.st_ino)
            yield path[len(top) + 1 :], (kind, *told)


def _below(box: Path, name: str) -> bytes:
    """Where a file of a case lies; names may hold any byte, as os.fsencode gives them."""
    return os.fsencode(box) + b"/" + os.fsencode(name)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _remove(folder: Path) -> None:
    shutil.rmtree(os.fsencode(folder), ignore_errors=True)
