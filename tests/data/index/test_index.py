"""The index of frames: what is found by number, how it is kept, and a million frames."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from capture.data.index.catalog import Catalog
from capture.data.index.index import IMGS, PLAIN, VIDEO, Index, IndexBuilder, Stamp, load_index, save_index
from capture.data.sampling import draw
from capture.io.array_file import Damaged, write_arrays

STAMPS = [Stamp(b"", 5), Stamp(b"bob/walk", 2**62), Stamp(b"bob/run.mp4", 7, 1234, 40)]


def small() -> Index:
    builder = IndexBuilder()
    builder.add_character(b"anna", [(b"jump", PLAIN, [b"0.png", b"2.png", b"3.png"]), (b"run.mp4", VIDEO, 30)])
    builder.add_character(b"bob", [(b"run.mp4", VIDEO, 40), (b"walk", IMGS, [b"0.png", b"1.png"])])
    builder.add_character(os.fsencode("zoë \udcff"), [(b"jump", PLAIN, [b"0.png", b"1.png", b"2.png", b"4.png"])])
    return builder.finish({"kind": "mixamo"}, STAMPS)


def catalog(index: Index, root: Path = Path("data")) -> Catalog:
    return Catalog(root, "mixamo", index, True)


def same(one: Index, other: Index) -> bool:
    names = one._arrays
    return one.about == other.about and all(np.array_equal(names[name], other._arrays[name]) for name in names)


class TestIndex:
    def test_frames_by_number(self):
        index = small()
        assert (index.characters, index.clips, index.frames) == (3, 5, 79)
        frames = [catalog(index).frame(i) for i in range(index.frames)]
        train = Path("data/train")
        assert frames[:4] == [(train / "anna/jump" / name, None) for name in ("0.png", "2.png", "3.png")] + [
            (train / "anna/run.mp4", 0)
        ]
        assert frames[3 + 30 + 39] == (train / "bob/run.mp4", 39)
        assert frames[3 + 30 + 40] == (train / "bob/walk/imgs/0.png", None)
        assert frames[-1] == (train / "zoë \udcff/jump/4.png", None)
        assert index.stamps() == STAMPS

    def test_same_frame_of_another_character(self):
        index = small()
        zoe = 3 + 30 + 40 + 2  # her first frame
        assert [index.same_frame(i, 2) for i in range(3)] == [zoe, zoe + 2, None]  # 0.png, 2.png, 3.png
        assert [index.same_frame(zoe + i, 0) for i in range(4)] == [0, None, 1, None]
        assert index.same_frame(3 + 29, 1) == 3 + 30 + 29 and index.same_frame(3 + 30 + 35, 0) is None  # videos
        assert index.same_frame(3 + 30 + 40, 0) is None  # no such clip

    def test_million_frames(self, tmp_path):
        builder, began = IndexBuilder(), time.monotonic()
        for c in range(1000):
            names = [b"frame_%d_%05d.png" % (c, i) for i in range(100)]
            builder.add_character(b"character_%04d" % c, [(b"clip_%d" % k, IMGS, names) for k in range(10)])
        index = builder.finish({})
        save_index(index, tmp_path / "index.bin")
        assert (
            index.frames == 1_000_000 and (tmp_path / "index.bin").stat().st_size < 4e6
        )  # a character's clips share names

        loaded = catalog(load_index(tmp_path / "index.bin"))
        drawn = [draw(loaded, 1, i) for i in range(2000)]
        assert loaded.frame(drawn[7].pose) == catalog(index).frame(drawn[7].pose)
        assert max(max(one[:3]) for one in drawn) > 990_000 and len({one.pose for one in drawn}) > 1900
        assert time.monotonic() - began < 5


class TestSaveAndLoadIndex:
    def test_saved_loaded_and_pickled_index_is_the_same(self, tmp_path):
        index = small()
        save_index(index, tmp_path / "index.bin")
        loaded = load_index(tmp_path / "index.bin")
        assert same(index, loaded) and loaded.stamps() == STAMPS
        sent = pickle.dumps(loaded)
        assert len(sent) < 200 and same(pickle.loads(sent), index)  # the file's name, not what is in it
        assert same(pickle.loads(pickle.dumps(index)), index)

    def test_every_damage_is_noticed(self, tmp_path):
        path = tmp_path / "index.bin"
        save_index(small(), path)
        whole = path.read_bytes()
        padding = [i for i in range(len(whole)) if whole[i] == 0]
        assert len(padding) > len(whole) / 2  # between arrays, where a change means nothing
        for at in [i for i in range(len(whole)) if whole[i]][::7]:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(Damaged):
                load_index(path)
        for length in (0, 10, 100, 5000, len(whole) - 1):
            path.write_bytes(whole[:length])
            with pytest.raises(Damaged):
                load_index(path)
        write_arrays(path, "something else", {}, {"text": np.zeros(3, np.uint8)})
        with pytest.raises(Damaged, match="not a file of index"):
            load_index(path)

    def test_opening_takes_no_memory_for_unused_parts(self, tmp_path):
        builder = IndexBuilder()
        for c in range(1000):  # nothing shared: 30 MB
            names = [b"character_%05d_frame_%06d.png" % (c, i) for i in range(1000)]
            builder.add_character(b"character_%05d" % c, [(b"only", PLAIN, names)])
        save_index(builder.finish({}), tmp_path / "index.bin")
        assert (tmp_path / "index.bin").stat().st_size > 30e6
        with multiprocessing.get_context("fork").Pool(1) as pool:
            grown, name = pool.apply(_open, (tmp_path / "index.bin",))
        assert grown < 15 and name == b"character_00500_frame_000007.png"


def _open(path: Path) -> tuple[float, bytes]:
    """How many MB this process grows by, and a name."""

    def used() -> float:
        return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1e3

    before = used()
    index = load_index(path)
    name = index.frame_name(500, 7)
    return used() - before, name
