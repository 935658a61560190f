"""Arrays in NumPy's files, read without ever executing what such a file may hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from capture.common.errors import CaptureError, Refused


def load_array(path: str | Path) -> np.ndarray:
    """The array of a .npy file of numbers, mapped into memory, so that a false shape can't fill it.

    Raises:
        CaptureError: no such file, a file that can't be read, one that is damaged or holds Python objects, or an
            archive of several arrays.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such map") from None
    except Exception as error:  # NumPy raises errors of many types on a broken header
        if refused := Refused.reading(path, error):
            raise refused from None
        why = " ".join(str(error).split())[:80]
        raise CaptureError(
            f"{path}: not a whole NumPy file of numbers ({why}); save it again with numpy.save"
        ) from None
    if not isinstance(values, np.ndarray):
        raise CaptureError(f"{path}: an archive of several arrays; save the map alone with numpy.save")
    return values
