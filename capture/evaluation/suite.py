"""A suite: one evaluation of each of several datasets, and how each compares with returning an input unchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.common.options import Section
from capture.common.shipped import suite_files
from capture.evaluation.evaluation import Request, evaluate
from capture.evaluation.parallel import Workers
from capture.evaluation.report import together
from capture.evaluation.suite_table import SuiteLine, SuiteTable
from capture.evaluation.table import Table
from capture.io.yaml_file import read_model


class SuiteDataset(Section):
    """A dataset of a suite.

    Attributes:
        name: of the dataset and of its folder.
        family: what it looks like.
        held_out: what of it nothing may be trained on: its test characters, or the whole pack.
        pairs: the pairs file, below the dataset's folder.
        count: how many pairs are measured, evenly spaced.
        make: the arguments of prepare.py that make it, with {data} and {out}.
    """

    name: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]+$")]
    family: str
    held_out: Literal["characters", "pack"]
    pairs: str = "test/pairs.csv"
    count: Annotated[int, Field(ge=1)] = 48
    make: str = ""

    def words(self, data: str, out: str) -> list[str]:
        """The arguments of prepare.py, one by one."""
        return [word.replace("{data}", data).replace("{out}", out) for word in self.make.split()]


class Suite(Section):
    """A suite file."""

    datasets: Annotated[list[SuiteDataset], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Suite:
        names = [dataset.name for dataset in self.datasets]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"two datasets are called {twice}")
        return self


def read_suite(name: str | Path) -> Suite:
    """A suite by its name in configs/suites/, or by its file.

    Raises:
        CaptureError: there is no such suite, or its file has a key or a value that a suite can't have.
    """
    known = suite_files()
    path = known.get(str(name), Path(name))
    if not path.is_file():
        raise CaptureError(f"--suite {name}: no such suite; give {', '.join(sorted(known))}, or a file")
    return read_model(path, Suite, "suite", "datasets")


def evaluate_suite(
    request: Request, suite: Suite, root: Path, workers: Workers, say: Callable[[str], None]
) -> SuiteTable | None:
    """Evaluate every dataset of a suite that is there, and write the table of all of them.

    Args:
        request: what is evaluated; `pairs` is each dataset's. A `limit` takes the place of the datasets' counts.
            Each dataset's own table and report go to a folder of its own below `request.out`.
        root: the folder of the datasets.
        say: what to do with the line about a dataset that is missing.
    Returns:
        The table in the main process, None in the others.
    Raises:
        CaptureError: no dataset is there, or one can't be evaluated.
    """
    missing: list[str] = []
    lines: list[SuiteLine] = []
    for dataset in suite.datasets:
        pairs = root / dataset.name / dataset.pairs
        if not pairs.is_file():
            missing.append(dataset.name)
            if workers.is_main:
                words = dataset.words("DATA", str(root / dataset.name))
                how = f"; make it with: python prepare.py {' '.join(words)}" if words else ""
                say(f"{dataset.name}: not in {root}{how}")
            continue
        limit = request.limit or dataset.count
        table = evaluate(replace(request, pairs=pairs, limit=limit, out=request.out / dataset.name), workers)
        if table is not None:
            lines += suite_lines(dataset, table)
    if len(missing) == len(suite.datasets):
        raise CaptureError(
            f"--suite_root {root}: none of the suite's datasets is there; make them with "
            f"`python -m tools.suite_data DATA {root}`"
        )
    if not workers.is_main:
        return None
    found = SuiteTable(lines, missing)
    texts = {"txt": found.text(), "md": found.markdown(), "csv": found.csv(), "jsonl": found.jsonl()}
    with together(request.out) as folder:
        for suffix, text in texts.items():
            write_bytes(folder / f"suite.{suffix}", text.encode())
    return found


def suite_lines(dataset: SuiteDataset, table: Table) -> Sequence[SuiteLine]:
    """A line for each result and prediction of a dataset's table."""
    floors = [line for line in table.lines if line.kind == "floor"]
    known = [(value, line.method) for line in floors if (value := line.number("lpips")) is not None]
    floor, copied = min(known) if known else (None, "")
    return [
        SuiteLine(
            dataset.name,
            dataset.family,
            dataset.held_out,
            line.method,
            line.pairs or 0,
            line.number("l1"),
            line.number("ssim"),
            line.number("lpips"),
            floor,
            copied,
        )
        for line in table.lines
        if line.kind in ("result", "prediction")
    ]
