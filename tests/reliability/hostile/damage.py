"""What happens to the bytes of any file: bits flip, pieces go, come twice or come from elsewhere, lengths lie."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

HUGE = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 2**64 - 1)
WEDGES = (
    b"\0",
    b"\xff" * 4,
    b"\xef\xbb\xbf",
    "é\u202e\U0001f480".encode(),
    b"\n",
    b"\r\n",
    b'"',
    b"../",
    b"%n%s",
    b"\x1b[2J",
)


@st.composite
def damaged(draw: st.DrawFn, data: bytes, donors: Sequence[bytes] = ()) -> bytes:
    """`data` after one to four accidents or attacks; `donors` give what is spliced in."""
    for _ in range(draw(st.integers(1, 4))):
        data = draw(st.sampled_from(_WAYS))(draw, data, donors)
    return data


def _at(draw: st.DrawFn, data: bytes) -> int:
    """Anywhere, or in the first 64 bytes, where formats keep what they are."""
    end = max(len(data) - 1, 0)
    return draw(st.integers(0, min(end, 64)) if draw(st.booleans()) else st.integers(0, end))


def _span(draw: st.DrawFn, data: bytes) -> tuple[int, int]:
    start = _at(draw, data)
    return start, min(start + draw(st.integers(1, max(len(data) // 3, 1))), len(data))


def _flip(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 8)) if data else 0):
        out[_at(draw, data)] ^= 1 << draw(st.integers(0, 7))
    return bytes(out)


def _overwrite(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    at, new = _at(draw, data), draw(st.binary(min_size=1, max_size=16))
    return data[:at] + new + data[at + len(new) :]


def _cut(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    return data[: _at(draw, data)]


def _behead(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    return data[_at(draw, data) :]


def _delete(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    start, end = _span(draw, data)
    return data[:start] + data[end:]


def _repeat(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    start, end = _span(draw, data)
    times = draw(st.sampled_from((2, 3, 50)))
    return data[:start] + data[start:end] * min(times, 1 + 200_000 // max(end - start, 1)) + data[end:]


def _zero(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    start, end = _span(draw, data)
    return data[:start] + b"\0" * (end - start) + data[end:]


def _insert(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    at = _at(draw, data)
    return data[:at] + draw(st.sampled_from(WEDGES) | st.binary(min_size=1, max_size=64)) + data[at:]


def _lie(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    """A length, a size or an offset, perhaps."""
    size, at = draw(st.sampled_from((1, 2, 4, 8))), _at(draw, data)
    value = draw(st.sampled_from(HUGE)) & (1 << 8 * size) - 1
    return data[:at] + value.to_bytes(size, draw(st.sampled_from(("little", "big")))) + data[at + size :]


def _splice(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    donor = draw(st.sampled_from(tuple(donors) or (data,)))
    start, end = _span(draw, donor)
    at = _at(draw, data)
    return data[:at] + donor[start:end] + data[at:]


def _swap_magic(draw: st.DrawFn, data: bytes, donors: Sequence[bytes]) -> bytes:
    donor = draw(st.sampled_from(tuple(donors) or (data,)))
    count = draw(st.sampled_from((2, 4, 8, 12, 16, 64)))
    return donor[:count] + data[count:]


_WAYS = (_flip, _overwrite, _cut, _behead, _delete, _repeat, _zero, _insert, _lie, _splice, _swap_magic)
