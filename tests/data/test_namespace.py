"""The checkout beside the library of Hugging Face that is called `datasets`: neither hides the other."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

BOTH = """
import sys
sys.path[:0] = {path!r}
{first}
{second}
assert datasets.__file__.startswith({library!r}), datasets.__file__
assert {call}
assert scan.__module__ == "capture.data.index.catalog"
print("both")
"""
OURS, THEIRS = "from capture.data.index.catalog import scan", "import datasets"  # scan does without torch


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def library(tmp_path):
    """A package of that name in a folder of its own."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("def load_dataset(name):\n    return [name]\n")
    return tmp_path


@pytest.mark.parametrize("statements", [(OURS, THEIRS), (THEIRS, OURS)], ids=["ours first", "theirs first"])
class TestNamespace:
    @pytest.mark.parametrize("checkout_first", [True, False])
    def test_a_package_of_the_same_name(self, library, statements, checkout_first):
        path = [str(ROOT), str(library)] if checkout_first else [str(library), str(ROOT)]
        call = "datasets.load_dataset('x') == ['x']"
        code = BOTH.format(path=path, first=statements[0], second=statements[1], library=str(library), call=call)
        assert run(code) == "both"

    def test_the_library_itself(self, statements):
        found = "import sys; sys.path = [p for p in sys.path if p]; import datasets; print(datasets.__file__ or '')"
        done = subprocess.run([sys.executable, "-c", found], cwd=ROOT.parent, capture_output=True, text=True)
        if done.returncode or not done.stdout.strip().endswith("__init__.py"):
            pytest.skip("the library `datasets` is not installed")
        call = "'a' in datasets.Features({'a': datasets.Value('int64')})"
        home = done.stdout.strip().removesuffix("__init__.py")
        code = BOTH.format(path=[str(ROOT)], first=statements[0], second=statements[1], library=home, call=call)
        assert run(code) == "both"


def test_the_old_name_still_works_where_the_library_is_not_installed():
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; sys.path = [p for p in sys.path if p]\n"
    code += "import importlib.util\nfound = importlib.util.find_spec('datasets')\n"
    code += "if found.origin is None:\n    from datasets.data import open_data\n    assert callable(open_data)\n"
    code += "print('fine')"
    assert run(code) == "fine"
