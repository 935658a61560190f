"""What mkdocs does besides building docs/: pages from files of the repository's root, and pages of docstrings.

mkdocs.yml names this file as a hook. Links that leave docs/ become the plain path of the file, since the site has no
repository to point to.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COPIED = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
REFERENCE = {
    "python": ("Python", ["capture", "capture.inference.pipeline", "capture.inference.frames"]),
    "inference": (
        "Inference",
        ["capture.inference.transfer", "capture.inference.framing", "capture.inference.onnx.export"],
    ),
    "methods": ("Methods", ["capture.methods.base", "capture.common.registry", "capture.common.options"]),
    "training": ("Training", ["capture.training.trainer", "capture.config.load", "capture.checkpoints.checkpoint"]),
    "evaluation": ("Evaluation", ["capture.evaluation.evaluation", "capture.metrics.image", "capture.metrics.lpips"]),
    "data": ("Data", ["capture.data.open_data", "capture.data.sample_source", "capture.data.toon.rendering.render"]),
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that have no file in docs/."""
    from mkdocs.structure.files import File

    for page, source in COPIED.items():
        files.append(File.generated(config, page, content=from_root((ROOT / source).read_text())))
    for page, (title, modules) in REFERENCE.items():
        files.append(File.generated(config, f"reference/{page}.md", content=reference(title, modules)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of a page of docs/, as the site has them."""
    return LINK.sub(lambda match: _link(match, "docs"), markdown) if "/" not in page.file.src_uri else markdown


def from_root(markdown: str) -> str:
    """A page of the repository's root with the links that it has in docs/."""
    return re.sub(r"\]\(docs/", "](", markdown)


def reference(title: str, modules: list[str]) -> str:
    """A page of docstrings."""
    return "\n\n".join([f"# {title}", *(f"::: {module}" for module in modules)]) + "\n"


def _link(match: re.Match[str], folder: str) -> str:
    image, text, target, anchor = match.groups()
    if "://" in target or target.startswith("mailto:"):
        return match.group()
    pages = {source: page for page, source in COPIED.items()}
    place = (ROOT / folder / target).resolve()
    if place.is_relative_to(ROOT / folder):
        known = place.exists() or target in pages.values() or target.startswith("reference/")
        if known:
            return match.group()
        place = (ROOT / target).resolve()  # the page comes from the root
    name = place.relative_to(ROOT).as_posix() if place.is_relative_to(ROOT) else target
    if name in pages:
        return f"{image}[{text}]({pages[name]}{anchor or ''})"
    return text if text == name else f"{text} (`{name}`)"
