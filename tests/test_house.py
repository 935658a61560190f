"""Habits that keep the code readable: who imports whom, types, no contract by hasattr, files of a readable size."""

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for path in (ROOT / "capture").rglob("*.py"))

LEAVES = ("capture.common.options", "capture.common.registry")
MOST_LINES, FEWEST_LINES = 300, 30
TABLES = {  # longer files, which are a long list of entries of one kind
    "capture/data/toon/motion/clips.py": "the motions of the toon renderer, a short function for each",
}
PLATFORM = {"os", "signal", "torch.cpu"}  # modules in which a name is missing on some systems or in some versions


@pytest.fixture(scope="module")
def imports():
    """The graph of all imports inside the package."""
    return grimp.build_graph("capture", cache_dir=None)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def contracts_by_attribute(source):
    """Line numbers where code asks whether an object has an attribute, unless the object is a module of PLATFORM."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        asks = node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) == 3)
        if asks and ast.unparse(node.args[0]) not in PLATFORM:
            lines.append(node.lineno)
    return lines


class TestImports:
    def test_lint_imports(self):
        """The contracts of pyproject.toml: floors, the data layer, the methods' rooms, no circle."""
        program = Path(sys.executable).parent / "lint-imports"
        done = subprocess.run([program, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize("module", LEAVES)
    def test_leaves_import_nothing_of_the_package(self, imports, module):
        assert imports.find_modules_directly_imported_by(module) == set()

    def test_options_import_options_only(self, imports):
        """And capture.common.registry, for the names of the methods."""
        options = {module for module in imports.modules if module.endswith(".options")}
        allowed = options | set(LEAVES)
        assert len(options) > 8
        for module in options:
            assert imports.find_modules_directly_imported_by(module) <= allowed, module


class TestTypes:
    def test_mypy(self):
        """Without its cache it takes half a minute, so that the suite checks the types beside other tests."""
        done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


class TestContracts:
    def test_attributes_are_declared_by_a_base_class_or_a_protocol(self):
        found = {name_of(path): contracts_by_attribute(path.read_text()) for path in FILES}
        assert {name: lines for name, lines in found.items() if lines} == {}

    def test_the_check_finds_both_ways_to_ask(self):
        source = 'hasattr(x, "a")\ngetattr(x, "a", None)\ngetattr(x, "a")\nhasattr(os, "a")\n'
        assert contracts_by_attribute(source) == [1, 2]


class TestFiles:
    def test_no_file_is_too_long(self):
        long = {name_of(path) for path in FILES if len(path.read_text().splitlines()) > MOST_LINES}
        assert long == set(TABLES)

    def test_no_short_file_lacks_an_idea_of_its_own(self):
        """A file of a few lines defines a function or a class for others; constants alone belong to what uses them."""
        for path in FILES:
            source = path.read_text()
            if path.name in ("__init__.py", "__main__.py") or len(source.splitlines()) >= FEWEST_LINES:
                continue
            public = [
                node
                for node in ast.parse(source).body
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            ]
            assert public, name_of(path)
