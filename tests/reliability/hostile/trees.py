"""Folders with names and links that lead astray, and caches that somebody else filled."""

from __future__ import annotations

import json
import pickle
import struct
import zlib
from dataclasses import replace

from hypothesis import strategies as st

from tests.reliability.hostile import originals
from tests.reliability.hostile.archives import evil_pickles
from tests.reliability.hostile.case import HERE, Case
from tests.reliability.hostile.damage import HUGE, damaged
from tests.reliability.hostile.values import scalars, wild

STEMS = (
    "plain",
    "..a",
    "a..",
    "two\nlines",
    "tab\there",
    "\x1b[2Jclear",
    "\x7f",
    "-rf",
    "--debug",
    "$(touch PWNED)",
    "a;touch PWNED",
    "%s%n",
    "q\"uo'te",
    "com,ma",
    "back\\slash",
    "x" * 200,
    "é" * 100,
    "\u202eppa",
    "\udcff\udcfe",
    "a__b",
    "a__b__c__d",
    "imgs",
    "uv",
    "CON",
    " ",
    "set_aside",
    "{0}",
    "frame:1",
)
LINKS = (
    f"{HERE}/elsewhere",
    "../../elsewhere",
    "/",
    "/dev",
    "/dev/zero",
    "/proc/self",
    ".",
    "..",
    "nowhere",
    f"{HERE}/elsewhere/new",
    f"{HERE}/elsewhere/canary",
    f"{HERE}/elsewhere/picture.png",
)
ELSEWHERE = {
    "elsewhere/picture.png": originals.picture("PNG", 5, 5),
    "elsewhere/broken.png": b"not a picture",
    "elsewhere/run/0.png": originals.picture("PNG", 5, 5),
    "elsewhere/run/1.png": b"not a picture",
    "elsewhere/pairs.csv": b"identity,pose\nno.png,no.png\n",
}


def legacy_pickles() -> list[bytes]:
    """torch's first format around pickles that run code."""
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    return [start + body for body in evil_pickles() for start in (magic, b"")]


def hostile_trees(
    render: list[str],
    train: list[str],
    check: list[str],
    fashion: list[str],
    tiny: dict[str, bytes],
    good: dict[str, bytes],
) -> st.SearchStrategy[Case]:
    """Datasets, folders of pictures and downloads with such names, and links in every place that is written to."""
    stems = st.lists(st.sampled_from(STEMS), min_size=1, max_size=3, unique=True)
    return stems.flatmap(
        lambda names: st.one_of(
            _folders(names, render, good),
            _datasets(names, train, check, tiny),
            _linked(train, check, tiny),
            _downloads(names, fashion),
        )
    ).map(lambda case: replace(case, reads="names and links"))


def _folders(names: list[str], render: list[str], good: dict[str, bytes]) -> st.SearchStrategy[Case]:
    base = {**originals.result_files(), **good, **ELSEWHERE}
    many = {f"many/{name}.png": originals.picture("PNG", 1, 1) for name in names}
    link = st.dictionaries(
        st.sampled_from(("many/link.png", "many/link", "many/l.jpg")), st.sampled_from(LINKS), max_size=2
    )
    links = ["--iden_path", "many", "--pose_path", "many"]
    once = ["--iden_path", "many", "--pose_path", "in/good.png"]
    return st.tuples(st.sampled_from((links, once)), link).map(
        lambda drawn: Case("", [*render, *drawn[0]], {**base, **many}, dict(drawn[1]))
    )


def _datasets(names: list[str], train: list[str], check: list[str], tiny: dict[str, bytes]) -> st.SearchStrategy[Case]:
    files = dict(originals.tree())
    for i, name in enumerate(names):
        for f in range(2):
            files[f"data/train/{name}/{name}/{name}{f}.png"] = originals.picture("PNG", i, f) if f else b"broken"
        files[f"data/test/imgs/{name}.png"] = originals.picture("PNG", 9, i)
    fixed = Case("", [*check, "--fix", "--json", "out/found.json"], files, out=("data", "out"))
    dry = Case("", [*train, "--dry-run"], {**files, **tiny}, cache=("data/.capture",))
    return st.sampled_from((Case("", check, files), fixed, dry, replace(dry, argv=train)))


def _linked(train: list[str], check: list[str], tiny: dict[str, bytes]) -> st.SearchStrategy[Case]:
    """Links where a program reads, and where it writes."""
    places = (
        "data/.capture",
        "data/.capture/index.bin",
        "data/.capture/frames_32",
        "data/.capture/frames_32/lock",
        "data/.capture/frames_32/frames.building",
        "data/.capture/frames_32/frames.bin",
        "data/.capture/frames_32/frames.old",
        "data/train/character_0/link",
        "data/train/linked",
        "data/train/linked/run",
        "data/train/character_1/run/imgs/9.png",
        "data/test/extra",
        "data/test/imgs/x.png",
        "data/set_aside",
        "data/set_aside/train",
        "data/train/character_0/.x.partial",
    )
    links = st.dictionaries(st.sampled_from(places), st.sampled_from(LINKS), min_size=1, max_size=2)

    def case(drawn: tuple) -> Case:
        links, argv, videos = drawn
        links = {n: to for n, to in links.items() if not any(n.startswith(f"{other}/") for other in links)}
        files = {**originals.tree(), **tiny, **ELSEWHERE}
        files["data/train/character_1/run/imgs/7.png"] = b"broken"
        if videos:
            files |= {f"data/train/v{i}/a.mp4": originals.video("mp4") for i in range(2)}
        files = {n: d for n, d in files.items() if n not in links and not any(n.startswith(f"{x}/") for x in links)}
        if argv is train:
            files.pop("data/train/character_1/run/imgs/7.png", None)
        return Case("", argv, files, links, out=("data",) if "--fix" in argv else ("out",), cache=("data/.capture",))

    return st.tuples(links, st.sampled_from((train, check, [*check, "--fix"])), st.booleans()).map(case)


def _downloads(names: list[str], fashion: list[str]) -> st.SearchStrategy[Case]:
    files = {f"in/train/{name}.mp4": originals.video("mp4") for name in names}
    lists = (
        "file:///etc/passwd\n",
        "file:///etc/x.mp4\n",
        "x.mp4\n",
        "https:///%2e%2e%2f%2e%2e%2fescaped.mp4\n",
        "ftp://127.0.0.1/..%2f..%2fescaped.mp4\n",
        "data:x/%00.mp4\n",
        f"{HERE}/elsewhere/escaped.mp4\n",
        "http://[::1/escaped.mp4\n",
        "\\..\\..\\escaped.mp4\n",
        "x:" + "y" * 5000 + ".mp4\n",
        "a\0b.mp4\n",
        "-o.mp4\n",
    )
    made = st.none() | st.sampled_from(lists)
    return made.map(
        lambda text: Case("", fashion, {**files, **({} if text is None else {"in/fashion_train.txt": text.encode()})})
    )


def caches(train: list[str], tiny: dict[str, bytes], cache: tuple[str, ...]) -> st.SearchStrategy[Case]:
    """Mutated with checksums that hold, and without."""
    files = {**originals.cache_files(), **tiny}
    chosen = st.sampled_from(tuple(name for name in files if name.endswith(".bin")))

    def case(drawn: tuple[str, bytes, bool]) -> Case:
        name, data, building = drawn
        made = {**files, name: data}
        if building and name.endswith("frames.bin"):
            made[name.replace("frames.bin", "frames.building")] = made.pop(name)
        return Case("", train, made, reads=name, cache=cache)

    return chosen.flatmap(
        lambda name: st.tuples(st.just(name), _odd_arrays(files[name]) | damaged(files[name]), st.booleans())
    ).map(case)


@st.composite
def _odd_arrays(draw: st.DrawFn, data: bytes) -> bytes:
    """An array file whose header or numbers lie, with checksums that hold."""
    magic, version, _, length = struct.unpack("<8sIIQ", data[:24])
    header, base = json.loads(data[24 : 24 + length]), -(-(24 + length) // 4096) * 4096
    body = bytearray(data[base:])
    name = draw(st.sampled_from(tuple(header["arrays"])))
    dtype, shape, at = header["arrays"][name]
    way = draw(st.integers(0, 7))
    if way == 0:
        header["arrays"][name][0] = draw(
            st.sampled_from(("|O", "<f8", "<i8", "|S9", "<M8[s]", "x", "<c16", None, "|V4"))
        )
    elif way == 1:
        header["arrays"][name][1] = draw(
            st.sampled_from(([-1], [2**62], [0], [2**40, 2**40], [], [1.5], None, [1, 2, 3]))
        )
    elif way == 2:
        header["arrays"][name][2] = draw(st.sampled_from((-4096, 2**62, 1, 3, None, header["end"])))
    elif way == 3:
        header[draw(st.sampled_from(tuple(header)))] = draw(scalars.filter(_printable) | wild.filter(_printable))
    elif way == 4:
        del header["arrays"][name]
    elif way == 5:
        header["about"][draw(st.sampled_from((*header["about"], "flat", "first_stamp")))] = draw(
            scalars.filter(_printable)
        )
    else:
        for _ in range(draw(st.integers(1, 3))):
            size = draw(st.sampled_from((1, 4, 8)))
            where = at + size * draw(st.integers(0, 12))
            value = (draw(st.sampled_from(HUGE)) & (1 << 8 * size) - 1).to_bytes(size, "little")
            body[where : where + size] = value if where + size <= len(body) else b""
        if name == "text" and draw(st.booleans()):
            body[at : at + 2] = b".."
            body[at + 2 : at + 5] = draw(st.sampled_from((b"/..", b"\0\0\0", b"/x\0")))
    if header.get("crc") is not None and isinstance(header.get("arrays"), dict):
        header["crc"] = _checksum(header, bytes(body))
    text = json.dumps(header).encode()
    start = struct.pack("<8sIIQ", magic, version, zlib.crc32(text), len(text)) + text
    return start.ljust(-(-len(start) // 4096) * 4096, b"\0") + bytes(body)


def _printable(value: object) -> bool:
    try:
        json.dumps(value)
    except ValueError:
        return False
    return True


def _checksum(header: dict, body: bytes) -> int:
    import math

    import numpy as np

    crc = 0
    try:
        for dtype, shape, at in header["arrays"].values():
            crc = zlib.crc32(body[at : at + math.prod(shape) * np.dtype(dtype).itemsize], crc)
    except (TypeError, ValueError):
        return 0
    return crc
