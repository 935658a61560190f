"""Pictures that keep their formats' rules and lie within them: sizes, counts, compressed text, frames without end."""

from __future__ import annotations

import functools
import io
import struct
import zlib

from hypothesis import strategies as st
from PIL import Image

SIDES = st.sampled_from((0, 1, 31, 32, 8000, 15_999, 16_001, 65_535, 65_536, 2**20, 2**31 - 1, 2**31, 2**32 - 1))
BOMB = 64 << 20  # bytes that a compressed piece grows to


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Length, name, data and a correct checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, bits: int, colour: int, pixels: bytes, *before: bytes, interlace: int = 0) -> bytes:
    """A PNG of which every checksum is right."""
    head = struct.pack(">IIBBBBB", width & 2**32 - 1, height & 2**32 - 1, bits, colour, 0, 0, interlace)
    return b"".join(
        (b"\x89PNG\r\n\x1a\n", png_chunk(b"IHDR", head), *before, png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b""))
    )


@functools.cache
def _squeezed(size: int) -> bytes:
    squeeze = zlib.compressobj(9)
    piece = b"\0" * (1 << 20)
    return b"".join([*(squeeze.compress(piece) for _ in range(size >> 20)), squeeze.flush()])


@st.composite
def pngs(draw: st.DrawFn) -> bytes:
    """Any size, depth and colour; zTXt, iTXt, iCCP and IDAT that grow; APNG counts."""
    bomb = _squeezed(draw(st.sampled_from((1 << 20, BOMB))))
    before = draw(
        st.lists(
            st.sampled_from(
                (
                    png_chunk(b"zTXt", b"Comment\0\0" + bomb),
                    png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + bomb),
                    png_chunk(b"iCCP", b"icc\0\0" + bomb),
                    png_chunk(b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff" * 64),
                    png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
                    png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 2**31 - 1, 2**31 - 1, 0, 0, 0, 0, 9, 9)),
                    png_chunk(b"PLTE", b"\0" * 3),
                    png_chunk(b"tRNS", b"\0" * 300),
                    png_chunk(b"tEXt", b"k" * 70_000),
                    png_chunk(b"gAMA", b"\0\0\0\0"),
                    png_chunk(b"pHYs", b"\0" * 9),
                    png_chunk(b"IHDR", b"\0" * 13),
                )
            ),
            max_size=3,
        )
    )
    pixels = draw(st.sampled_from((bomb, zlib.compress(b"\0" * (33 * 97)), b"", b"\x78\x9c")))
    small = st.integers(1, 64)
    return png(
        draw(SIDES | small),
        draw(SIDES | small),
        draw(st.sampled_from((1, 2, 4, 8, 16, 0, 3, 255))),
        draw(st.sampled_from((0, 2, 3, 4, 6, 1, 7))),
        pixels,
        *before,
        interlace=draw(st.sampled_from((0, 0, 1, 2))),
    )


@st.composite
def jpegs(draw: st.DrawFn, data: bytes) -> bytes:
    """The frame header's size, depth or number of components; an EXIF that leads nowhere."""
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    out = bytearray(data)
    struct.pack_into(">HH", out, at + 5, draw(SIDES) & 0xFFFF, draw(SIDES) & 0xFFFF)
    if draw(st.booleans()):
        out[at + 4] = draw(st.sampled_from((8, 0, 12, 255)))
        out[at + 9] = draw(st.sampled_from((3, 0, 1, 4, 255)))
    if draw(st.booleans()):
        exif = b"Exif\0\0" + draw(st.sampled_from((b"MM\0*", b"II*\0", b"\0"))) + draw(st.binary(max_size=64))
        out[2:2] = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return bytes(out)


@st.composite
def gifs(draw: st.DrawFn, data: bytes) -> bytes:
    """The logical screen, a frame of another size than it, and frames without end."""
    out = bytearray(data)
    struct.pack_into("<HH", out, 6, draw(SIDES) & 0xFFFF, draw(SIDES) & 0xFFFF)
    at = out.find(b"\x2c\0\0\0\0")
    if at > 0 and draw(st.booleans()):
        struct.pack_into("<HHHH", out, at + 1, *(draw(SIDES) & 0xFFFF for _ in range(4)))
    if at > 0 and draw(st.booleans()):
        out = out[:-1] + bytes(out[at:-1]) * draw(st.sampled_from((2, 2000))) + b";"
    return bytes(out)


@st.composite
def bmps(draw: st.DrawFn, data: bytes) -> bytes:
    """Sizes (negative ones too), depths, compressions, palettes."""
    out = bytearray(data)
    struct.pack_into("<II", out, 18, draw(SIDES) & 2**32 - 1, draw(SIDES) & 2**32 - 1)
    if draw(st.booleans()):
        struct.pack_into("<HI", out, 28, draw(st.sampled_from((1, 4, 8, 16, 24, 32, 0, 255))), draw(st.integers(0, 6)))
    if draw(st.booleans()):
        struct.pack_into("<I", out, draw(st.sampled_from((2, 10, 14, 34, 46))), draw(SIDES) & 2**32 - 1)
    return bytes(out)


@st.composite
def tiffs(draw: st.DrawFn) -> bytes:
    """A directory of any tags, sizes, types and counts, with offsets that lead anywhere, itself included."""
    side = SIDES | st.integers(1, 64)
    tags = {256: (4, draw(side)), 257: (4, draw(side)), 258: (3, draw(st.sampled_from((1, 8, 16, 32, 64))))}
    tags |= {
        259: (3, draw(st.sampled_from((1, 2, 5, 7, 8, 32773, 34712, 50000)))),
        262: (3, draw(st.integers(0, 8))),
        273: (4, draw(st.sampled_from((8, 200, 2**31, 2**32 - 1)))),
        277: (3, draw(st.sampled_from((1, 3, 4, 65_535)))),
        278: (4, draw(side)),
        279: (4, draw(st.sampled_from((0, 100, 2**31, 2**32 - 1)))),
        339: (3, draw(st.integers(0, 6))),
    }
    for _ in range(draw(st.integers(0, 4))):
        tags[draw(st.sampled_from((274, 282, 317, 320, 322, 323, 324, 325, 338, 530, 34665, 34675, 700)))] = (
            draw(st.integers(0, 18)),
            draw(side),
        )
    counts = {tag: draw(st.sampled_from((1, 1, 1, 2, 2**16, 2**32 - 1))) for tag in tags}
    entries = b"".join(
        struct.pack("<HHII", tag, kind, counts[tag], value & 2**32 - 1) for tag, (kind, value) in sorted(tags.items())
    )
    following = draw(st.sampled_from((0, 8, 2**31)))  # 8: the directory itself, again and again
    tail = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return b"II*\0\x08\0\0\0" + tail + b"\x55" * draw(st.sampled_from((0, 300, 5000)))


@st.composite
def webps(draw: st.DrawFn, data: bytes) -> bytes:
    """An extended header's canvas, and flags for what isn't there."""
    canvas = b"".join(((draw(SIDES) - 1) & 0xFFFFFF).to_bytes(3, "little") for _ in range(2))
    extended = b"VP8X" + struct.pack("<I", 10) + bytes([draw(st.integers(0, 63)), 0, 0, 0]) + canvas
    more = draw(st.sampled_from((b"", b"ANIM" + struct.pack("<IIH", 6, 0, 0), b"EXIF\xff\xff\xff\x7f")))
    body = b"WEBP" + extended + more + data[12:]
    return b"RIFF" + struct.pack("<I", draw(st.sampled_from((len(body), 0, 2**32 - 1)))) + body


@st.composite
def ppms(draw: st.DrawFn) -> bytes:
    """Any header of the family, plain or raw."""
    magic = draw(st.sampled_from((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7", b"Pf", b"PF", b"Py")))
    space = draw(st.sampled_from((b"\n", b" ", b"\n#" + b"c" * 5000 + b"\n", b"\0")))
    number = (SIDES | st.integers(1, 64)).map(lambda n: str(n).encode()) | st.sampled_from(
        (b"-1", b"9" * 5000, b"1e9", b"", b"nan")
    )
    head = [magic, draw(number), draw(number), draw(st.sampled_from((b"255", b"1", b"0", b"65535", b"65536", b"-1.0")))]
    return space.join(head) + b"\n" + draw(st.sampled_from((b"", b"\x55" * 3000, b"1 2 3 " * 900, b"9" * 5000)))


@st.composite
def avifs(draw: st.DrawFn, data: bytes) -> bytes:
    """The item's width and height."""
    at, out = data.find(b"ispe"), bytearray(data)
    struct.pack_into(">II", out, at + 8, draw(SIDES) & 2**32 - 1, draw(SIDES) & 2**32 - 1)
    return bytes(out)


def stacked(form: str, frames: int) -> bytes:
    """An animation of many frames."""
    first, *rest = (Image.new("RGB", (32, 32), (i % 256, 0, 0)) for i in range(frames))
    buffer = io.BytesIO()
    first.save(buffer, form, save_all=True, append_images=rest)
    return buffer.getvalue()
