"""One run of one program on hostile files, as plain data: it can be kept, and run again."""

from __future__ import annotations

from dataclasses import dataclass, field

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
