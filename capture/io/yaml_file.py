"""YAML files of plain values, from anybody: nothing is executed, and nothing grows beyond what was written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from capture.common.errors import CaptureError

LARGEST_FILE = 256 * 1024  # bytes; such files take some kilobytes
MOST_ALIASES = 16  # a few that build on one another would grow to more than memory holds
# What YAML 1.1 reads in another way than it looks: 010 as 8, and 1:30 as 90. It is read as text, as on the command
# line: where a number belongs, that is refused, and a title such as 007 stays what it is.
MISREAD = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)$")

_Model = TypeVar("_Model", bound=BaseModel)


def read_mapping(path: str | Path, what: str, keys: str) -> dict[str, Any]:
    """A YAML file whose top level is a mapping.

    Args:
        what: what the file should be, for messages, such as "configuration".
        keys: what its top level should have, for messages, such as "sections such as train_config".
    Raises:
        CaptureError: the file can't be read, is not YAML, has a key twice, or has no mapping at its top level.
    """
    try:
        if Path(path).stat().st_size > LARGEST_FILE:
            raise CaptureError(f"{path}: over {LARGEST_FILE // 1024} KiB; a {what} takes some kilobytes")
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{path}: can't read this {what} file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CaptureError(f"{path}: not a text file; give a YAML {what}") from None
    try:
        data = parse(text)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise CaptureError(f"{path}{line}: not valid YAML ({error.problem or 'malformed'})") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise CaptureError(f"{path}: expected {keys} at the top level, found {type(data).__name__}")
    return data


def parse(text: str) -> Any:
    """YAML text as plain values.

    Raises:
        yaml.MarkedYAMLError: it is not YAML, it has a key twice, or it grows beyond what was written.
    """
    try:
        data = yaml.load(text, _Loader)
        _check_numbers(data)
    except yaml.MarkedYAMLError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        # the last four: the parser's own, at "!!timestamp x" or "!!bool x"
        raise yaml.MarkedYAMLError() from None
    return data


def read_model(path: str | Path, model: type[_Model], what: str, keys: str) -> _Model:
    """A YAML file as a model of pydantic. Arguments as of read_mapping.

    Raises:
        CaptureError: see read_mapping; or the file has a key or a value that the model can't have, which is named.
    """
    try:
        return model.model_validate(read_mapping(path, what, keys))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].replace("Value error, ", "")
        raise CaptureError(f"{path}: {place + ': ' if place else ''}{reason}") from None


class _Loader(yaml.SafeLoader):
    """Plain values only, and few of them twice: aliases of aliases make a short text endless. Every key once."""

    aliases = 0
    yaml_implicit_resolvers = {
        first: [("tag:yaml.org,2002:str", MISREAD), *others]
        for first, others in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MOST_ALIASES:
                mark = self.peek_event().start_mark
                raise yaml.composer.ComposerError(None, None, f"more than {MOST_ALIASES} aliases: write them out", mark)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            first = lines.get((key.tag, key.value))
            if first is not None:
                problem = f"{key.value[:100]} is there twice, first in line {first}: keep one of the two"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            lines[key.tag, key.value] = key.start_mark.line + 1
        return node


def _check_numbers(data: Any) -> None:
    """ValueError for a whole number of more than 64 bits, RecursionError for what contains itself."""
    if isinstance(data, dict | list | tuple | set):
        for inner in data:
            _check_numbers(inner)
        if isinstance(data, dict):
            _check_numbers(list(data.values()))
    elif isinstance(data, int) and abs(data) >= 2**63:
        raise ValueError
