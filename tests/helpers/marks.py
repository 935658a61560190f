"""Which tests are slow, by folder, file, name and fixtures, and the order of all tests.

`slow` keeps a test out of `make test-fast`. A test is `exhaustive`, which keeps it out of `make test`, where that has
another case of the same thing: `make test-all` runs these. They are marked where they are, and each mark says what
remains in `make test`: `@pytest.mark.exhaustive(remains="...")`. The only test of a behaviour, of a refusal or of a
resumed run is never exhaustive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.order import in_order, read_durations

TESTS = Path(__file__).resolve().parents[1]
SLOW_FOLDERS = ("reliability", "programs", "tools", "benchmarks")
SLOW_FILES = (
    *("common/test_startup.py", "common/test_processes.py", "data/test_namespace.py", "data/mixamo/test_prepare.py"),
    *("training/test_faults.py", "common/test_folder_lock.py", "common/test_memory.py"),
    *("methods/capture_parts/test_shipped_weights.py", "methods/coord_inpainting/test_notebook.py"),
    # five seconds or more each, together more than a third of the time of all that is not slow
    *("training/test_adaptation.py", "training/test_nonfinite.py", "methods/test_contract.py"),
    "training/test_static_step.py",
    *("methods/capture_parts/test_generator.py", "methods/capture_parts/test_stages.py"),
    *("methods/coord_inpainting/test_method.py", "methods/keypoint_warping/test_programs.py"),
    *("inference/test_transfer.py", "inference/test_predicted_maps.py", "inference/test_hub.py"),
    *("metrics/test_inception.py", "metrics/test_frechet.py", "data/test_loading.py", "data/toon/test_render.py"),
    *("data/toon/test_write.py", "data/lpc/test_layers.py", "data/lpc/test_sheets.py", "inference/test_cases.py"),
)
SLOW_NAMES = {  # of classes and functions: each takes seconds, because it trains or starts a program
    *("TestBaselineTraining", "TestFullSize", "TestInterruption", "TestLearning", "TestWhatStagesLearn"),
    *("test_a_run_of_version_3_goes_on_as_if_nothing_had_been_renamed", "test_interrupt_ends_the_check"),
    *("test_interrupt_leaves_no_partial_file_and_the_same_command_finishes", "test_real_characters"),
    *("test_interrupt_leaves_whole_files_and_no_processes", "test_training_on_one_batch_learns_to_move_the_source"),
    *("test_seed_gives_the_same_character_in_every_process", "test_no_two_of_five_hundred_characters_are_alike"),
    *("test_processes_of_a_loader_render_no_group_twice", "test_no_square_matrix_is_held_at_64x64"),
    *("test_killed_build_is_resumed_and_two_processes_build_once", "test_several_processes_build_large_datasets"),
    *("test_a_resumed_run_sees_the_same_pictures_and_has_the_same_weights", "TestWriteDrivers"),
    "test_a_run_starts_from_weights_without_face_parts_and_learns_them",
}
SLOW_FIXTURES = {"programs", "run_apart", "world"}


def mark(item: pytest.Item) -> None:
    """Mark a slow test; tests that need a compiler are marked where they are."""
    inside = item.path.relative_to(TESTS)
    if inside.parts[0] in SLOW_FOLDERS or inside.as_posix() in SLOW_FILES:
        item.add_marker("slow")
    if SLOW_NAMES & {item.parent.name if item.parent else "", getattr(item, "originalname", item.name)}:
        item.add_marker("slow")
    if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark the tests and, where several processes run those that are chosen, order them (tests/helpers/order.py)."""
    for item in items:
        mark(item)
    yield  # `-m` and `-k` choose
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    if processes > 1:
        root = TESTS.parent
        items[:] = in_order(items, lambda item: item.path.relative_to(root).as_posix(), read_durations(), processes)
