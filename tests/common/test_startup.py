"""Start-up: programs import what they use, when they use it. Every program runs in a fresh interpreter here."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT, draw_figure

PROGRAMS = ("train.py", "save_result.py", "evaluate.py", "prepare.py", "benchmark.py")
# of libraries that rendering a picture never uses
UNUSED = {
    *("torchvision", "lpips", "torchmetrics", "torch_fidelity", "scipy.spatial", "sklearn", "skimage", "pandas", "av"),
    *("torch._dynamo", "torch._inductor", "torch.onnx", "sympy", "accelerate"),
    *("matplotlib", "tensorboard", "torch.utils.tensorboard"),
    # the packages hold options.py, which the configuration is made of
    *("capture.training.trainer", "capture.evaluation", "capture.data.open_data", "capture.data.frames"),
}
# after the program, its imported modules go to the file that the first argument names
TRACE = """
import atexit, json, runpy, sys
names = sys.argv.pop(1)
atexit.register(lambda: json.dump(sorted(sys.modules), open(names, "w")))
sys.argv.pop(0)
sys.path.insert(0, "")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(*argv: object) -> float:
    """Run Python to a good end; seconds of the processor that it took, which other programs hardly change."""
    before = os.times()
    done = subprocess.run([sys.executable, *map(str, argv)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def imported(tmp_path, *argv: object) -> tuple[set[str], float]:
    """The modules that a program has imported when it ends, and its seconds."""
    seconds = run("-c", TRACE, tmp_path / "modules.json", *argv)
    return set(json.loads((tmp_path / "modules.json").read_text())), seconds


@pytest.fixture(scope="module")
def rendering(untrained, tmp_path_factory) -> list[object]:
    """A command line of save_result.py; the last word is the folder that it writes to."""
    folder = tmp_path_factory.mktemp("rendering")
    draw_figure(folder / "a.png", 1, 2)
    draw_figure(folder / "b.png", 2, 5)
    pictures = ["--iden_path", folder / "a.png", "--pose_path", folder / "b.png"]
    return ["save_result.py", untrained, *pictures, "--save_dir", folder / "out"]


@pytest.fixture(scope="module")
def rendered(rendering, tmp_path_factory) -> tuple[set[str], float]:
    """What `imported` says of that command."""
    return imported(tmp_path_factory.mktemp("modules"), *rendering)


class TestImports:
    def test_rendering_imports_nothing_that_it_does_not_use(self, rendering, rendered):
        modules, _ = rendered
        assert (rendering[-1] / "output.png").is_file()
        assert "torch" in modules and modules & UNUSED == set()

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_help_imports_no_library_that_computes(self, program, tmp_path):
        modules, _ = imported(tmp_path, program, "--help")
        assert "argparse" in modules and not modules & {"torch", "numpy", "PIL", "pydantic", *UNUSED}

    def test_help_of_the_console_command_imports_no_library_that_computes(self, tmp_path):
        program = tmp_path / "command.py"
        program.write_text("from capture.cli.main import main\nmain()\n")
        modules, _ = imported(tmp_path, str(program), "render", "--help")
        assert "capture.cli.render" in modules and not modules & {"torch", "numpy", "PIL", "pydantic", *UNUSED}


class TestTimes:
    """A second or a third try counts where other programs took the caches of the processor meanwhile."""

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_help_takes_less_than_half_a_second(self, program):
        assert any(run(program, "--help") < run("-c", "pass") + 0.5 for _ in range(2))

    def test_rendering_starts_in_less_than_one_and_a_half_imports_of_torch(self, rendering, rendered):
        first = rendered[1]
        assert any((seconds or run(*rendering)) < 1.5 * run("-c", "import torch") for seconds in (first, 0, 0))
