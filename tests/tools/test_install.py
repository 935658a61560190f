"""tools/install.py: packages come by uv with pip's settings, or by pip."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tools.install import read_settings, translate

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sysconfig.get_path("scripts"), "uv")
needs_uv = pytest.mark.skipif(not UV.exists(), reason="uv is not in this environment; `make dev` installs it")


def write_wheel(folder: Path, name: str) -> None:
    """A package of one module, as a wheel."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "VALUE = 7\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


class TestSettings:
    def test_settings_of_install_and_of_the_environment_come_first(self):
        listing = (
            ":env:.timeout='9'\nglobal.index-url='https://a/'\nglobal.timeout='3'\ninstall.index-url='https://b/'\n"
        )
        assert read_settings(listing) == {"timeout": "9", "index-url": "https://b/"}
        assert read_settings("list.format='columns'\n") == {}

    def test_settings_become_options_of_uv(self):
        settings = {
            "extra-index-url": "https://a/\nhttps://b/",
            "find-links": "/d /e",
            "timeout": "60.5",
            "cert": "/c.pem",
        }
        settings |= {"no-index": "true", "retries": "3"}
        arguments, variables = translate(settings)
        assert arguments[2:] == ["--find-links", "/d", "--find-links", "/e", "--no-index"]
        assert variables == {"SSL_CERT_FILE": "/c.pem", "UV_INDEX": "https://a/ https://b/", "UV_HTTP_TIMEOUT": "61"}

    def test_a_setting_that_uv_does_not_have_leaves_the_work_to_pip(self):
        assert translate({"prefer-binary": "true"}) is None


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A Python environment without packages but pip's, and pip's settings: a folder with two packages and no index."""
    folder = tmp_path_factory.mktemp("install")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    (folder / "wheels").mkdir()
    for name in ("first_package", "second_package"):
        write_wheel(folder / "wheels", name)
    (folder / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {folder / 'wheels'}\n")
    return folder


def install(folder: Path, name: str, *options: str, **variables: str) -> tuple[subprocess.CompletedProcess, str]:
    """Install a package as `make setup` does. Returns the finished program and who has installed the package."""
    (folder / "requirements.txt").write_text(f"{name}\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    env |= {"PIP_CONFIG_FILE": str(folder / "pip.conf"), "UV_CACHE_DIR": str(folder / "cache"), **variables}
    python = folder / "venv" / "bin" / "python"
    command = [python, ROOT / "tools" / "install.py", "-r", folder / "requirements.txt", *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    found = list(folder.glob(f"venv/lib/python*/site-packages/{name}-1.0.dist-info/INSTALLER"))
    return done, found[0].read_text().strip() if found else ""


class TestInstall:
    @needs_uv
    def test_uv_installs_what_pip_would(self, environment):
        done, installer = install(environment, "first_package", "--uv", str(UV))
        assert (done.returncode, installer) == (0, "uv"), done.stderr

    def test_pip_installs_where_uv_cannot_be_had(self, environment):
        done, installer = install(environment, "second_package")
        assert (done.returncode, installer) == (0, "pip"), done.stderr

    def test_a_package_that_is_nowhere_is_an_error(self, environment):
        done, installer = install(environment, "third_package", "--uv", "/bin/false")
        assert done.returncode and not installer
        assert "uv could not install the packages; pip tries now" in done.stderr and "third_package" in done.stderr
