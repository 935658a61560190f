"""Which tests are slow or need a compiler, by name, folder and fixtures; those that need a compiler run last."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SLOW_FOLDERS = ("reliability", "programs", "tools", "benchmarks")
SLOW_FILES = (
    *("common/test_startup.py", "common/test_processes.py", "data/test_namespace.py", "data/mixamo/test_prepare.py"),
    *("training/test_faults.py", "checkpoints/test_lock.py"),
)
SLOW_FIXTURES = {"programs", "world"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests, and put those with a compiler at the end."""
    for item in items:
        if "compiled" in item.name:
            item.add_marker("compiler")
        inside = item.path.relative_to(TESTS)
        if inside.parts[0] in SLOW_FOLDERS or inside.as_posix() in SLOW_FILES:
            item.add_marker("slow")
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("compiler") is not None)
