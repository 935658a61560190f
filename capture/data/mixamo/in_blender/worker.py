"""The program that Blender's interpreter runs: one request a line on stdin, one answer a line on stdout (JSON).

It ends when stdin is closed, so that it never outlives the process that started it.
"""

import gc
import json
import os
import queue
import signal
import sys
import threading
from pathlib import Path

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the process that sends requests


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Blender writes messages to stdout
    waiting: queue.Queue = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    try:
        import bpy
        from in_blender.jobs import answer
        from in_blender.load import Unusable
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "start": True}), file=answers, flush=True)
        return
    gc.freeze()  # Blender's own Python objects are many and stay; no collection need look at them
    print(json.dumps({"blender": bpy.app.version_string}), file=answers, flush=True)
    while True:
        try:
            reply = answer(json.loads(waiting.get()))
        except Unusable as error:
            reply = {"unusable": str(error)}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
