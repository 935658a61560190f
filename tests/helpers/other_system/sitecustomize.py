"""Makes any Python program on Linux lack what Windows or macOS lack; used with this folder in PYTHONPATH.

Python imports a module of this name when it starts, in the processes that a program starts as well.
"""

import multiprocessing
import os
import signal
import sys

for name in ("fcntl", "resource", "termios"):
    sys.modules[name] = None  # importing it raises ImportError
for module, names in (
    (os, ("sched_getaffinity", "fork", "forkpty", "posix_fallocate", "sysconf", "killpg", "getloadavg", "O_NOFOLLOW")),
    (signal, ("SIGKILL", "SIGALRM", "setitimer", "alarm", "pthread_sigmask")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
multiprocessing.set_start_method("spawn", force=True)
