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


def run(*argv: str) -> float:
    """Run Python to a good end; seconds of the processor that it took, which other programs hardly change."""
    before = os.times()
    done = subprocess.run([sys.executable, *map(str, argv)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def imported(tmp_path, *argv: str) -> set[str]:
    """The modules that a program has imported when it ends."""
    run("-c", TRACE, tmp_path / "modules.json", *argv)
    return set(json.loads((tmp_path / "modules.json").read_text()))


@pytest.fixture
def rendering(untrained, tmp_path) -> list[str]:
    """A command line of save_result.py."""
    draw_figure(tmp_path / "a.png", 1, 2)
    draw_figure(tmp_path / "b.png", 2, 5)
    pictures = ["--iden_path", tmp_path / "a.png", "--pose_path", tmp_path / "b.png"]
    return ["save_result.py", untrained, *pictures, "--save_dir", tmp_path / "out"]


class TestImports:
    def test_rendering_imports_nothing_that_it_does_not_use(self, rendering, tmp_path):
        modules = imported(tmp_path, *rendering)
        assert (tmp_path / "out" / "output.png").is_file()
        assert "torch" in modules and modules & UNUSED == set()

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_help_imports_no_library_that_computes(self, program, tmp_path):
        modules = imported(tmp_path, program, "--help")
        assert "argparse" in modules and not modules & {"torch", "numpy", "PIL", "pydantic", *UNUSED}

    def test_help_of_the_console_command_imports_no_library_that_computes(self, tmp_path):
        program = tmp_path / "command.py"
        program.write_text("from capture.cli.main import main\nmain()\n")
        modules = imported(tmp_path, str(program), "render", "--help")
        assert "capture.cli.render" in modules and not modules & {"torch", "numpy", "PIL", "pydantic", *UNUSED}


class TestTimes:
    """A second or a third try counts where other programs took the caches of the processor meanwhile."""

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_help_takes_less_than_half_a_second(self, program):
        assert any(run(program, "--help") < run("-c", "pass") + 0.5 for _ in range(2))

    def test_rendering_starts_in_less_than_one_and_a_half_imports_of_torch(self, rendering):
        assert any(run(*rendering) < 1.5 * run("-c", "import torch") for _ in range(3))
