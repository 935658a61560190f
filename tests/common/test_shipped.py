"""Weights and configurations that come with the package, found from any working directory."""

from pathlib import Path

import pytest

from capture.common import shipped
from capture.common.shipped import find_config, find_result, suite_files
from tests.conftest import ROOT


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestInACheckout:
    @pytest.mark.parametrize("name", ["Toon", "result/Toon"])
    def test_the_weights_in_the_box_are_found_by_name(self, elsewhere, name):
        assert find_result(name) == ROOT / "result" / "Toon"

    def test_a_folder_that_exists_comes_first(self, elsewhere):
        (elsewhere / "Toon").mkdir()
        assert find_result("Toon") == Path("Toon")

    @pytest.mark.parametrize("name", ["result/None", "other/Toon", "Nothing"])
    def test_other_names_stay_as_they_are(self, elsewhere, name):
        assert find_result(name) == Path(name)

    def test_configurations_are_found_by_name(self, elsewhere):
        assert find_config("configs/demo.yaml") == ROOT / "configs" / "demo.yaml"
        assert find_config("defaults.yaml") == ROOT / "defaults.yaml"
        assert find_config("configs/gone.yaml") == Path("configs/gone.yaml")


class TestInAnInstallation:
    def test_files_are_inside_the_package(self, elsewhere, monkeypatch):
        package = elsewhere / "site-packages" / "capture"
        (package / "weights" / "Toon").mkdir(parents=True)
        (package / "configs").mkdir()
        (package / "configs" / "suites").mkdir()
        for name in ("demo.yaml", "defaults.yaml", "suites/styles.yaml"):
            (package / "configs" / name).write_text("{}")
        monkeypatch.setattr(shipped, "PACKAGE", package)
        assert find_result("result/Toon") == package / "weights" / "Toon"
        assert find_config("configs/demo.yaml") == package / "configs" / "demo.yaml"
        assert find_config("defaults.yaml") == package / "configs" / "defaults.yaml"
        assert suite_files() == {"styles": package / "configs" / "suites" / "styles.yaml"}

    def test_files_beside_an_installed_package_are_not_taken(self, elsewhere, monkeypatch):
        (elsewhere / "site-packages" / "result" / "Toon").mkdir(parents=True)
        monkeypatch.setattr(shipped, "PACKAGE", elsewhere / "site-packages" / "capture")
        assert find_result("result/Toon") == Path("result/Toon")
