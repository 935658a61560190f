"""Cases that once went wrong, kept: files that are originals are named, not stored."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from pathlib import Path

from tests.reliability.hostile import originals
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.cases import GOOD

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "hostile"


@functools.cache
def _originals() -> dict[str, bytes]:
    known = {**originals.tree(), **originals.result_files(), **GOOD, **originals.cache_files()}
    known |= {f"video {extension}": originals.video(extension) for extension in originals.VIDEOS}
    return known | {f"config {method}": originals.result_yaml(method) for method in ("fomm", "mraa")}


def dump(case: Case) -> str:
    """As JSON, which holds only what isn't made anew."""
    names = {data: name for name, data in _originals().items()}
    files = {
        name: f"original {names[data]}" if data in names else base64.b85encode(zlib.compress(data, 9)).decode()
        for name, data in case.files.items()
    }
    return json.dumps({**vars(case), "files": files}, indent=1)


def load(path: Path) -> Case:
    """The inverse of dump."""
    values = json.loads(path.read_text())
    files = {
        name: _originals()[text.removeprefix("original ")]
        if text.startswith("original ")
        else zlib.decompress(base64.b85decode(text))
        for name, text in values.pop("files").items()
    }
    values["out"], values["cache"] = tuple(values["out"]), tuple(values["cache"])
    return Case(files=files, **values)
