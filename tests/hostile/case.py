"""One run of one program on hostile files, as plain data: it can be kept, and run again."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

HERE = "@SANDBOX@"  # in an argument, a link or a file: the sandbox's absolute path


@dataclass
class Case:
    """Files, links and a command line.

    Attributes:
        kind: the row of the table it is counted in.
        argv: a program of the repository and its arguments; paths are relative to the sandbox.
        files: path -> what is in it.  links: path -> where it leads.
        reads: the file that was mutated, for people.
        out: the folders that the program may write to.
        cache: folders that may keep what can be made again (prepared frames, an index), even where it refuses.
    """

    kind: str
    argv: list[str]
    files: dict[str, bytes]
    links: dict[str, str] = field(default_factory=dict)
    reads: str = ""
    out: tuple[str, ...] = ("out",)
    cache: tuple[str, ...] = ()

    def dump(self) -> str:
        """As JSON, text as text."""
        return json.dumps({**vars(self), "files": {name: _dump(data) for name, data in self.files.items()}}, indent=1)

    @classmethod
    def load(cls, text: str) -> Case:
        """The inverse of dump."""
        values: dict[str, Any] = json.loads(text)
        files = {name: _load(data) for name, data in values.pop("files").items()}
        values["out"], values["cache"] = tuple(values["out"]), tuple(values["cache"])
        return cls(files=files, **values)


def _dump(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _load(data: dict[str, str]) -> bytes:
    return data["text"].encode("utf-8") if "text" in data else base64.b64decode(data["base64"])
