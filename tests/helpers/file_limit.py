"""A limit of the size of files, for processes that stand for a full disk."""

from __future__ import annotations

import os
import resource
import sys


def limit_file_size(most_bytes: int) -> None:
    """No file that this process and those that it starts write may be larger (RLIMIT_FSIZE).

    Compiled modules are not written: Python 3.11 keeps one that the limit has cut short, and every later import of the
    module fails.
    """
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # for the processes that this one starts
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
