"""Small ICC profiles for tests, written by hand: matrix and gamma (ICC.1:2001-04, 6.3.1.2), and gray (6.3.1.1)."""

from __future__ import annotations

import struct

D50 = (0.9642, 1.0, 0.8249)
# columns of red, green and blue in XYZ, adapted to D50
GAMUTS = {
    "display_p3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "adobe_rgb": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
}


def rgb_profile(gamut: str, gamma: float = 2.2) -> bytes:
    """Matrix profile; Display P3 has sRGB's curve, here by a table of it."""
    curve = _table() if gamut == "display_p3" else _gamma(gamma)
    tags = {f"{name}XYZ": _xyz(column) for name, column in zip("rgb", GAMUTS[gamut])}
    return _profile(b"RGB ", tags | {f"{name}TRC": curve for name in "rgb"}, gamut)


def gray_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", {"kTRC": _gamma(gamma)}, "gray")


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def _table(count: int = 1024) -> bytes:
    shares = [i / (count - 1) for i in range(count)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shares]
    return b"curv\0\0\0\0" + struct.pack(f">I{count}H", count, *(round(v * 65535) for v in linear))


def _text(value: str) -> bytes:
    data = value.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(data)) + data + bytes(4 + 4 + 2 + 1 + 67)


def _profile(space: bytes, tags: dict[str, bytes], name: str) -> bytes:
    tags = {"desc": _text(name), "wtpt": _xyz(D50), "cprt": b"text\0\0\0\0none\0", **tags}
    start, entries, body = 128 + 4 + 12 * len(tags), b"", b""
    for key, data in tags.items():
        entries += key.encode() + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(_fixed, D50)) + bytes(48)
    assert len(header) == 128
    return header + struct.pack(">I", len(tags)) + entries + body
