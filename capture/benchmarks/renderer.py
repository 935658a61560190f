"""The built-in characters: pictures a second from one process, as live training draws them."""

from __future__ import annotations

import time

from capture.data.toon.dataset import ToonStream


def measure(sizes: tuple[int, ...] = (64, 128, 256), seconds: float = 4.0, repeats: int = 3) -> list[dict]:
    """Rows of pictures/s of one process; a training sample is four pictures (identity, real, pose, target)."""
    rows = []
    for size in sizes:
        stream, index, rates = ToonStream(size, samples_per_epoch=2**31, seed=0), 0, []
        stream[0]
        for _ in range(repeats):
            start, taken = time.perf_counter(), 0
            while time.perf_counter() - start < seconds:
                index, taken = index + 1, taken + 4
                stream[index]
            rates.append(taken / (time.perf_counter() - start))
        rates.sort()
        rows.append(
            {
                "size": size,
                "pictures_per_second": rates[len(rates) // 2],
                "spread": f"{rates[0]:.1f} to {rates[-1]:.1f} /s",
            }
        )
    return rows
