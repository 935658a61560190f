"""Files that earlier versions left with a dataset are read, or gone on with; those of newer versions are left alone.

What the files are is in tests/fixtures/golden/datasets/README.md.
"""

from __future__ import annotations

import json
import logging
import shutil
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from capture.common.errors import CaptureError
from capture.data.cache import prepare_frames
from capture.data.cache_file import BUILDING, WHOLE
from capture.data.cache_file import WHAT as FRAMES
from capture.data.decoding import FrameReader
from capture.data.index import catalog as catalogs
from capture.data.index.catalog import INDEX, read_manifest, scan
from capture.data.index.index import WHAT, load_index
from capture.data.writing import begin
from capture.io.array_file import Newer, open_arrays, write_arrays
from tests.conftest import draw_figure
from tests.helpers.world import prepare_commands

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden" / "datasets"
MANIFESTS = GOLDEN / "manifests"
NEWER = "written by a newer version of this program"


@pytest.fixture
def dataset(tmp_path, caplog) -> Path:
    caplog.set_level(logging.INFO, "capture")
    with tarfile.open(GOLDEN / "dataset_1.tar.xz") as file:
        file.extractall(tmp_path)
    return tmp_path / "dataset_1"


class TestOldFilesBesideADataset:
    def test_fixtures_are_small(self):
        assert all(path.stat().st_size < 30_000 for path in GOLDEN.rglob("*"))

    def test_an_old_index_is_used(self, dataset, caplog):
        index = load_index(dataset / ".capture" / INDEX)
        assert (index.characters, index.clips, index.frames) == (2, 5, 18) and not index.flat
        paths = [index.clip_path(clip).decode() for clip in range(index.clips)]
        assert paths == [
            "character_0/jump",
            "character_0/run/imgs",
            "character_1/jump",
            "character_1/run/imgs",
            "character_1/wave.mp4",
        ]
        assert index.frame_name(3, 1) == b"001.png" and index.same_frame(4, 1) == 10
        (video,) = [stamp for stamp in index.stamps() if stamp.frames >= 0]
        assert video == (b"character_1/wave.mp4", 1_600_000_000 * 10**9, 1747, 6)
        assert scan(dataset, progress=False).index._path is not None and not caplog.messages  # used as it is
        (dataset / ".capture" / INDEX).unlink()
        listed = scan(dataset, progress=False)
        assert all(np.array_equal(listed.index._arrays[name], there) for name, there in index._arrays.items())

    def test_old_prepared_frames_are_used(self, dataset, caplog):
        """They are used as they are, so whoever changes how frames are decoded or framed must change their version."""
        catalog = scan(dataset, progress=False)
        prepared = prepare_frames(catalog, 16, 1.0, progress=False)
        assert not caplog.messages and prepared.array.shape == (18, 16, 16, 3)
        reader = FrameReader(catalog, 16)
        for i in range(catalog.frames):
            difference = np.abs(prepared.array[i].astype(int) - reader.read(i)).max()
            assert difference <= (3 if i >= 12 else 0)  # a decoder of videos may round otherwise

    def test_an_old_build_that_was_killed_goes_on(self, dataset, caplog):
        prepared = prepare_frames(scan(dataset, progress=False), 8, 1.0, progress=False)
        assert prepared is not None and "preparing 13 of 18 frames" in caplog.text


class TestNewerFiles:
    def test_a_newer_index_is_left_alone(self, dataset, caplog, monkeypatch):
        monkeypatch.setattr(catalogs, "SAVE_FROM", 1)
        path = dataset / ".capture" / INDEX
        about, arrays = open_arrays(path, WHAT)
        write_arrays(path, "index of frames, version 2", about, {"other": arrays["text"].copy()})
        with pytest.raises(Newer, match=f"index of frames, version 2: {NEWER}"):
            load_index(path)
        there = path.read_bytes()
        for _ in range(2):
            assert scan(dataset, progress=False).frames == 18
        assert caplog.text.count(NEWER) == 2 and path.read_bytes() == there
        assert load_index(path.with_name("index.version1.bin")).frames == 18
        path.write_bytes(struct.pack("<8sIIQ", b"CaPTURe\n", 2, 0, 0) + there[24:])  # of a newer container
        with pytest.raises(Newer, match=NEWER):
            load_index(path)
        there = path.read_bytes()
        assert scan(dataset, progress=False).frames == 18 and path.read_bytes() == there

    @pytest.mark.parametrize("name", [WHOLE, BUILDING])
    def test_newer_prepared_frames_are_left_alone(self, dataset, caplog, name):
        folder = dataset / ".capture" / "frames_16"
        (folder / WHOLE).unlink()
        write_arrays(folder / name, "prepared frames, version 12", {}, {"other": np.zeros(9, np.uint8)})
        there = (folder / name).read_bytes()
        catalog = scan(dataset, progress=False)
        for _ in range(2):
            prepared = prepare_frames(catalog, 16, 1.0, progress=False)
            assert prepared.path == dataset / ".capture" / "frames_16.version1" / WHOLE and len(prepared.array) == 18
        assert f"{folder} is a newer version's and left alone" in caplog.text
        assert caplog.text.count("preparing ") == 1  # once, then used
        assert [path.name for path in folder.iterdir()] == [name] and (folder / name).read_bytes() == there
        with pytest.raises(Newer):
            open_arrays(folder / name, FRAMES)

    @pytest.mark.parametrize("name", ["manifest.json", ".prepare.json"])
    def test_a_newer_manifest_is_refused(self, tmp_path, name):
        (tmp_path / name).write_text(json.dumps({"version": 2, "kind": "toon"}))
        with pytest.raises(
            CaptureError, match=f"{name}: manifest version 2, {NEWER}; this one reads up to 1: update it"
        ):
            begin(tmp_path, {"kind": "toon"})
        if name == "manifest.json":
            with pytest.raises(CaptureError, match=NEWER):
                read_manifest(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [name]


class TestOldManifests:
    @pytest.mark.parametrize("file", ["toon_1", "toon_2", "lpc", "fashion", "mixamo"])
    def test_datasets_of_every_manifest_train(self, tmp_path, file):
        kind = file.split("_")[0]
        for name in ("a", "b"):
            for i in range(2):
                folder = tmp_path / "train" / name / ("" if kind == "fashion" else "clip")
                draw_figure(folder / f"{i}.png", 1, i)
        shutil.copy(MANIFESTS / f"{file}.json", tmp_path / "manifest.json")
        catalog = scan(tmp_path)
        assert catalog.kind == ("fashion" if kind == "fashion" else "mixamo") and catalog.frames == 4
        assert catalog.aligned == (kind != "fashion") and read_manifest(tmp_path)["kind"] == kind

    @pytest.mark.parametrize("kind", ["toon_2", "lpc", "fashion"])
    def test_preparations_of_earlier_versions_are_finished(self, programs, world, tmp_path, kind):
        """A preparation that an earlier version began is finished; one that it finished is known to be."""
        out = tmp_path / "out"
        out.mkdir()
        shutil.copy(MANIFESTS / f"{kind}.started.json", out / ".prepare.json")
        finished = programs.run(*prepare_commands(world, out)[kind])
        assert finished.status == 0, finished.err
        written, known = (json.loads(p.read_text()) for p in (out / "manifest.json", MANIFESTS / f"{kind}.json"))
        later = {"files"} if kind in ("lpc", "fashion") else set()  # digests, which earlier versions did not note
        assert written.keys() == known.keys() | later and {**written, **known} == written
        shutil.copy(MANIFESTS / f"{kind}.json", out / "manifest.json")
        assert programs.run(*prepare_commands(world, out)[kind]).status == 0

    @pytest.mark.parametrize("name", ["manifest.json", ".prepare.json"])
    @pytest.mark.parametrize(
        ("kind", "changed"),
        [("toon_1", "test_images: 75 there, 70 now"), ("mixamo", "mixamo_version: 1 there, 3 now")],
    )
    def test_sets_that_would_be_others_now_are_refused(self, tmp_path, programs, world, kind, changed, name):
        """They train; preparing them again, or on, says that this version would make another set of them.

        The first toon sets drew other pairs, and the first rendered sets other edges.
        """
        started = "" if name == "manifest.json" else ".started"
        shutil.copy(MANIFESTS / f"{kind}{started}.json", tmp_path / name)
        line = programs.run(*prepare_commands(world, tmp_path)[kind]).error()
        assert f"prepared with other parameters ({changed}) or by another version" in line
        assert "choose another folder or remove it" in line
