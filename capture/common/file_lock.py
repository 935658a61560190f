"""Locks on open files that the system takes back when their process dies, on every system that filelock knows."""

from __future__ import annotations

import errno
import logging
from typing import BinaryIO

from filelock import lock_descriptor

logger = logging.getLogger("capture")

FIRST = 1  # byte after the one that Windows locks; other processes can read the file from here on
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}  # as on some network file systems


def lock_file(file: BinaryIO, blocking: bool = False) -> bool:
    """Lock an open file for this process until the file is closed.

    Where neither the system nor the file system has locks, a line in the log says so and the work goes on.

    Args:
        file: open for reading and writing.  blocking: wait for another process that holds the lock.
    Returns:
        Whether this process may go on: false where another one holds the lock.
    Raises:
        OSError: the file can't be locked for another reason.
    """
    try:
        return lock_descriptor(file.fileno(), blocking=blocking)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        logger.info(f"note: {file.name}: files can't be locked here; start nothing else that writes to this folder")
        return True
