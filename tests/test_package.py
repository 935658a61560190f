"""The package: a wheel from a clean export, used outside the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import capture
from capture.io.images import open_rgb
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
EXPORTED = (
    "capture",
    "configs",
    "result/Toon",
    "result/Styles",
    "result/Styles256",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "defaults.yaml",
    ".gitignore",
)
PICTURES = [str(ROOT / "examples" / name) for name in ("boy.png", "pose_bow.png")]
PROGRAM = """
import sys, capture
assert not {"torch", "numpy"} & set(sys.modules)
identity, pose = sys.argv[1:3]
character = capture.load()
character(identity, pose).save("in_python.png")
print(capture.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy of what the repository has, without git."""
    wheels = pytest.importorskip("hatchling.builders.wheel")
    export = tmp_path_factory.mktemp("export")
    for name in EXPORTED:
        source, target = ROOT / name, export / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (built,) = wheels.WheelBuilder(str(export)).build(directory=str(tmp_path_factory.mktemp("dist")))
    return Path(built)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder that the wheel is unpacked into, as pip does it."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


class TestWheel:
    def test_the_wheel_holds_the_package_and_nothing_else(self, wheel):
        assert wheel.name == f"capture-{capture.__version__}-py3-none-any.whl"
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        assert {name.split("/")[0] for name in names} == {"capture", f"capture-{capture.__version__}.dist-info"}
        modules = {name for name in names if name.endswith(".py")}
        assert modules == {path.relative_to(ROOT).as_posix() for path in (ROOT / "capture").rglob("*.py")}
        assert "capture/py.typed" in names and not any("test" in Path(name).name for name in names)
        assert {Path(n).name for n in names if n.startswith("capture/configs/")} >= {"defaults.yaml", "demo.yaml"}

    @pytest.mark.parametrize("weights", ["Toon", "Styles", "Styles256"])
    def test_the_wheel_holds_all_sets_of_weights(self, installed, weights):
        for name in ("0config.yaml", "generator.safetensors", "MODEL_CARD.md"):
            inside = installed / "capture" / "weights" / weights / name
            assert inside.read_bytes() == (ROOT / "result" / weights / name).read_bytes()

    def test_metadata_names_the_command_and_the_extras(self, installed):
        (info,) = installed.glob("*.dist-info")
        assert "capture = capture.cli.main:main" in (info / "entry_points.txt").read_text()
        metadata = (info / "METADATA").read_text()
        assert all(f"Provides-Extra: {extra}\n" in metadata for extra in ("app", "mixamo", "export", "dev", "docs"))
        assert "Requires-Python: >=3.10\n" in metadata and "Requires-Dist: torch!=2.13.*" in metadata


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    """The picture that the checkout makes of the examples."""
    return np.asarray(capture.load(ROOT / "result" / "Toon", device="cpu")(*PICTURES), int)


class TestInstallation:
    @pytest.mark.parametrize("home", [None, "/proc/none"], ids=["without HOME", "with a HOME that can't be written"])
    def test_an_installed_wheel_renders_from_any_folder(self, installed, expected, tmp_path, home):
        environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "PYTHONPATH")}
        environment.update({"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}, **({"HOME": home} if home else {}))
        options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
        if home is None:
            done = subprocess.run([sys.executable, "-c", PROGRAM, *PICTURES], **options)
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip() == str(installed / "capture" / "__init__.py")
            made = tmp_path / "in_python.png"
        else:
            given = ["--iden_path", PICTURES[0], "--pose_path", PICTURES[1], "--save_dir", "out"]
            done = subprocess.run([sys.executable, "-m", "capture", "render", "Toon", *given], **options)
            assert done.returncode == 0, done.stderr
            made = tmp_path / "out" / "output.png"
        assert np.abs(np.asarray(open_rgb(made), int) - expected).max() <= 1
