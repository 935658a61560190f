"""The site of the documentation: its pages exist, and so do the modules that it documents."""

import re
from types import SimpleNamespace

import pytest
import yaml

from tests.conftest import ROOT
from tools.docs_site import COPIED, REFERENCE, from_root, on_page_markdown, reference


class TestSite:
    def test_every_page_of_the_navigation_exists_and_every_page_is_in_it(self):
        loaded = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
        listed = set(re.findall(r"[\w/]+\.md", str(loaded["nav"])))
        made = {*COPIED, *(f"reference/{name}.md" for name in REFERENCE)}
        assert listed == made | {path.name for path in (ROOT / "docs").glob("*.md")}
        assert all((ROOT / source).is_file() for source in COPIED.values())

    def test_every_documented_module_exists(self):
        for title, modules in REFERENCE.values():
            assert reference(title, modules).count(":::") == len(modules)
            for module in modules:
                path = ROOT / module.replace(".", "/")
                assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), module

    def test_links_stay_inside_the_site(self):
        page = SimpleNamespace(file=SimpleNamespace(src_uri="TRAINING.md"))
        text = "[a](RESULTS.md#x) [start](../README.md) [card](../result/Toon/MODEL_CARD.md) ![p](demo.png) [w](https://w.org)"
        assert on_page_markdown(text, page) == (
            "[a](RESULTS.md#x) [start](index.md) card (`result/Toon/MODEL_CARD.md`) ![p](demo.png) [w](https://w.org)"
        )
        assert from_root("![x](docs/demo.png) [r](docs/RESULTS.md)") == "![x](demo.png) [r](RESULTS.md)"

    @pytest.mark.slow
    def test_the_site_is_built_without_the_network(self, tmp_path):
        pytest.importorskip("mkdocstrings")
        config, build = pytest.importorskip("mkdocs.config"), pytest.importorskip("mkdocs.commands.build")
        loaded = config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path))
        build.build(loaded)
        start = (tmp_path / "index.html").read_text()
        assert "Make one drawn character move like another" in start
        assert not re.findall(r"<(?:script|link)[^>]+(?:src|href)=\"https?://", start)
        assert "capture.inference.pipeline.Pipeline" in (tmp_path / "reference" / "python.html").read_text()
