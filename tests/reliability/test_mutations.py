"""Central lines can't be broken without a test failing (tests/reliability/mutations.py)."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.reliability.mutations import MUTATIONS, NotApplied, mutate

SECONDS = 1200  # beside other programs
SOURCE = """
def f(x):
    return x - 1


class C:
    def f(self, x):
        é = (x
             - 1)
        return é - 2 + (é - 2)
"""


class TestMutate:
    def test_only_the_named_function_changes_whatever_its_formatting(self):
        assert mutate(SOURCE, "f", "x - 1", "x + 1") == SOURCE.replace("return x - 1", "return (x + 1)")
        changed = mutate(SOURCE, "C.f", "x-1", "x + 1")
        names: dict = {}
        exec(changed, names)
        assert names["f"](1) == 0 and names["C"]().f(1) == 0

    @pytest.mark.parametrize(
        ("function", "before", "why"),
        [
            ("g", "x - 1", "there is no g"),
            ("C.g", "x - 1", "there is no C.g"),
            ("f", "x - 2", "f has 'x - 2' 0 times"),
            ("C.f", "é - 2", "C.f has 'é - 2' 2 times"),
        ],
    )
    def test_a_mutation_that_does_not_apply_once_is_an_error(self, function, before, why):
        with pytest.raises(NotApplied, match=why):
            mutate(SOURCE, function, before, "0")

    def test_every_mutation_applies_to_the_code(self):
        assert len(MUTATIONS) >= 15
        for mutation in MUTATIONS:
            source = ROOT.joinpath(*mutation.module.split(".")).with_suffix(".py").read_text()
            assert mutate(source, mutation.function, mutation.before, mutation.after) != source


class TestMutations:
    def test_every_mutation_is_noticed(self, run_apart):
        code = "import runpy; runpy.run_module('tests.reliability.mutations', run_name='__main__')"
        assert f"all {len(MUTATIONS)} noticed" in run_apart(code, "--mutated-only", seconds=SECONDS)
