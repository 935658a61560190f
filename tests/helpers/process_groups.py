"""What tests ask about the processes of a program that they started in a session of its own."""

from __future__ import annotations

import os
import time


def group_has_ended(group: int) -> bool:
    """Whether every process of a process group ends within ten seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
