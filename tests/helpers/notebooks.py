"""Notebooks cell by cell in the test's own process, which has their libraries already: no kernel has to import them."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def run_cells(notebook: Path, parameters: Mapping[str, Any] | None = None) -> list[Any]:
    """Run the code cells in their order, as plain Python; the value that each one's last line shows, or None.

    Args:
        parameters: new values for the names of the cell that is tagged "parameters"; all of them must be there.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for number, cell in enumerate(json.loads(notebook.read_text())["cells"]):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        if parameters is not None and "parameters" in cell["metadata"].get("tags", []):
            assert all(f"{key} = " in source for key in parameters)
            source = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
        body, where = ast.parse(source).body, f"{notebook.name}, cell {number}"
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), where, "exec"), names)
        shown.append(None if last is None else eval(compile(ast.Expression(last.value), where, "eval"), names))
    return shown
