"""Samples in WebDataset shards: what is written, in which order it is read, by how many processes and from where."""

from __future__ import annotations

import hashlib
import http.server
import pickle
import shutil
import socket
import tarfile
import threading
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
import torch

from capture.common.errors import CaptureError
from capture.data.frames import FrameDataset
from capture.data.index.catalog import scan
from capture.data.mixed import Mixed
from capture.data.open_data import open_data
from capture.data.packed.source import PackedSource
from capture.data.packed.write import pack_dataset
from capture.data.sampling import EndlessBatches
from tests.conftest import tiny_config

pytest.importorskip("webdataset")


@pytest.fixture(scope="module")
def packed(mixamo_tree, tmp_path_factory):
    """Six shards of five samples each."""
    out = tmp_path_factory.mktemp("packed") / "shards"
    pack_dataset(str(mixamo_tree), out, 32, 28, 5, seed=1, workers=1, progress=False)
    return out


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def source(place, batch_size=4, seed=7):
    return PackedSource(str(place), 32, batch_size, seed)


def batches(data, count, start=0, rank=0, world=1):
    return list(islice(EndlessBatches(data.batch_size, start, rank, world), count))


class TestPacking:
    def test_shards_hold_the_samples_of_the_dataset(self, packed, mixamo_tree):
        assert sorted(path.name for path in packed.glob("*.tar")) == [f"{k:06d}.tar" for k in range(6)]
        with tarfile.open(packed / "000000.tar") as tar:
            names = tar.getnames()
        assert names[:2] == ["000000000.identity.png", "000000000.json"] and len(names) == 5 * 5
        frames, data = FrameDataset(scan(mixamo_tree), 32, 1), source(packed)
        lane, shard, offset = data.place_of(0)
        sample = frames[shard * 5 + offset]
        for role, value in data[0].items():
            assert torch.equal(value, sample[role]), role

    def test_the_same_arguments_give_the_same_bytes_after_an_interruption(self, packed, mixamo_tree, tmp_path):
        out = tmp_path / "again"
        pack_dataset(str(mixamo_tree), out, 32, 28, 5, seed=1, workers=1, progress=False)
        (out / "pack.json").rename(out / ".pack.json")
        (out / "000003.tar").unlink()
        pack_dataset(str(mixamo_tree), out, 32, 28, 5, seed=1, workers=1, progress=False)
        digests = [{p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in f.glob("*.*")} for f in (packed, out)]
        assert digests[0] == digests[1]

    def test_another_dataset_of_the_same_name_does_not_go_on(self, mixamo_tree, tmp_path, monkeypatch):
        copies = [Path(shutil.copytree(mixamo_tree, tmp_path / name / "rendered")) for name in "ab"]
        with monkeypatch.context() as stopped:
            stopped.setattr("capture.data.packed.write.work", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                pack_dataset(str(copies[0]), tmp_path / "out", 32, 10, 5, workers=1, progress=False)
        with pytest.raises(CaptureError, match="begun with another dataset"):
            pack_dataset(str(copies[1]), tmp_path / "out", 32, 10, 5, workers=1, progress=False)
        pack_dataset(str(copies[0]), tmp_path / "out", 32, 10, 5, workers=1, progress=False)
        assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == [".pack.source"]
        with pytest.raises(CaptureError, match="packed with another dataset than .*; choose another folder"):
            pack_dataset(str(copies[1]), tmp_path / "out", 32, 10, 5, workers=1, progress=False)
        assert str(tmp_path) not in (tmp_path / "out" / ".pack.source").read_text()  # packs are published

    @pytest.mark.parametrize("numbers", [("1", "1000000"), ("1000000", "1")])
    def test_more_than_can_be_read_is_not_written(self, mixamo_tree, tmp_path, numbers, bad_input):
        options = ("--samples", numbers[0], "--samples_per_shard", numbers[1], "--size", "32")
        line = bad_input("prepare.py", "pack", mixamo_tree, tmp_path / "out", *options)
        assert "would be 1000000; choose --samples and --samples_per_shard below 1000000" in line
        assert not list(tmp_path.rglob("*.tar")) and not list(tmp_path.rglob("*.json"))

    def test_test_pairs_of_pictures_that_are_not_copied_are_refused(self, mixamo_tree, tmp_path, bad_input):
        copy = Path(shutil.copytree(mixamo_tree, tmp_path / "data"))
        with open(copy / "test" / "pairs.csv", "a") as file:
            file.write("imgs/character_8__run__0.png,../train/character_0/run/001.png,\n")
        line = bad_input("prepare.py", "pack", copy, tmp_path / "out", "--samples", "5", "--size", "32")
        assert "pairs.csv: pose " in line and "move the picture there" in line
        assert not list(tmp_path.rglob("*.tar")) and not list(tmp_path.rglob("pack.json"))

    def test_full_paths_of_test_pairs_become_paths_into_the_pack(self, mixamo_tree, tmp_path):
        copy = Path(shutil.copytree(mixamo_tree, tmp_path / "data"))
        pairs = copy / "test" / "pairs.csv"
        with open(pairs, "a") as file:
            file.write(f"{copy}/test/imgs/character_8__run__0.png,imgs/character_8__run__0.png,\n")
        pack_dataset(str(copy), tmp_path / "out", 32, 5, 5, workers=1, progress=False)
        lines = (tmp_path / "out" / "test" / "pairs.csv").read_text().splitlines()
        assert lines[-1] == "imgs/character_8__run__0.png,imgs/character_8__run__0.png,"
        assert len(lines) == len(pairs.read_text().splitlines())

    def test_a_broken_link_in_the_test_split_is_one_line(self, mixamo_tree, tmp_path):
        copy = Path(shutil.copytree(mixamo_tree, tmp_path / "data"))
        (copy / "test" / "imgs" / "gone.png").symlink_to(tmp_path / "nowhere.png")
        with pytest.raises(CaptureError, match="gone.png: can't be copied"):
            pack_dataset(str(copy), tmp_path / "out", 32, 5, 5, workers=1, progress=False)

    def test_other_arguments_and_other_folders_are_refused(self, packed, mixamo_tree, tmp_path, bad_input):
        with pytest.raises(CaptureError, match="packed with other arguments"):
            pack_dataset(str(mixamo_tree), packed, 32, 28, 5, seed=2, workers=1, progress=False)
        (tmp_path / "x").write_text("")
        assert "holds something else" in bad_input("prepare.py", "pack", mixamo_tree, tmp_path, "--samples", "5")
        assert "--samples 0" in bad_input("prepare.py", "pack", mixamo_tree, tmp_path, "--samples", "0")


class TestOrder:
    def test_every_pass_uses_every_sample_once_in_another_order(self, packed):
        data = source(packed, batch_size=3)
        passes = [[data.place_of(i)[1:] for i in range(30 * k, 30 * k + 30)] for k in (0, 1)]
        everything = [(shard, offset) for shard in range(6) for offset in range(5)]
        assert all(sorted(one) == everything for one in passes)
        assert passes[0] != passes[1]
        other = source(packed, batch_size=3, seed=8)
        assert [other.place_of(i)[1:] for i in range(30)] != passes[0]

    def test_a_mixture_uses_every_sample_too(self, packed):
        data = source(packed, batch_size=6)
        mixed = Mixed([data, source(packed, batch_size=6, seed=8)])
        seen = [mixed.describe(index)["identity"] for index in range(0, 60, 2)]
        assert len(set(seen)) == 30

    def test_processes_read_different_shards_and_the_same_batches(self, packed):
        alone = source(packed)
        ranks = [source(packed), source(packed)]
        shards = [set(), set()]
        for step, indices in enumerate(batches(alone, 5)):
            whole = alone.batch(indices)
            halves = [ranks[rank].batch(batches(alone, 1, step, rank, 2)[0]) for rank in (0, 1)]
            assert torch.equal(torch.cat([half["pose"] for half in halves]), whole["pose"])
            for rank in (0, 1):
                shards[rank] |= {reader.shard for reader in ranks[rank]._readers.values()}
            assert not shards[0] & shards[1]

    def test_a_resumed_run_sees_the_same_samples(self, packed):
        straight, resumed = source(packed), source(packed)
        seen = [straight.batch(indices) for indices in batches(straight, 9)]
        again = [resumed.batch(indices) for indices in batches(resumed, 3, start=6)]
        for one, other in zip(seen[6:], again):
            assert all(torch.equal(one[name], other[name]) for name in one)

    def test_loader_processes_skip_what_others_read(self, packed):
        first, second = source(packed), pickle.loads(pickle.dumps(source(packed)))
        for i, indices in enumerate(batches(first, 4)):
            if i % 2:
                assert torch.equal(second.batch(indices)["identity"], source(packed).batch(indices)["identity"])


class TestPlaces:
    def test_an_address_is_streamed(self, packed):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=packed))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/"
            config = tiny_config("--dataset_path", address)
            data = open_data(config)
            near = PackedSource(str(packed), 32, data.train.batch_size, config["train_config"]["seed"])
            assert torch.equal(data.train[3]["pose"], near[3]["pose"])
            assert data.test_batch(2) == {}
        finally:
            server.shutdown()
            server.server_close()

    @pytest.mark.parametrize("address", ["http://localhost:port/x", "http://local\x7fhost/x", "http://[::1/x"])
    def test_an_address_that_is_none_is_one_line(self, address):
        with pytest.raises(CaptureError, match="pack.json can't be read"):
            PackedSource(address, 32, 4, 7)

    def test_an_answer_that_is_no_answer_or_breaks_off_is_one_line(self):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer():
                for said in (b"nonsense\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"):
                    with server.accept()[0] as connection:
                        connection.recv(4096)
                        connection.sendall(said)

            threading.Thread(target=answer, daemon=True).start()
            for _ in range(2):
                with pytest.raises(CaptureError, match="pack.json can't be read"):
                    PackedSource(f"http://127.0.0.1:{server.getsockname()[1]}", 32, 4, 7)

    def test_training_data_and_held_out_pairs_come_from_the_folder(self, packed):
        data = open_data(tiny_config("--dataset_path", str(packed)))
        assert "30 samples of" in data.description
        assert data.train[0]["has_target"].dtype == torch.bool
        assert len(data.test_batch(2)["pose"]) == 2
        assert data.train.describe(0)["pose"].endswith(".pose.png")

    def test_what_is_wrong_is_said_in_one_line(self, packed, tmp_path):
        with pytest.raises(CaptureError, match="pack them with --size 64"):
            PackedSource(str(packed), 64, 4, 0)
        (tmp_path / "pack.json").write_bytes((packed / "pack.json").read_bytes())
        for k in range(6):
            (tmp_path / f"{k:06d}.tar").write_bytes((packed / f"{k:06d}.tar").read_bytes()[: 1 << 12])
        with pytest.raises(CaptureError, match=r"tar can't be read"):
            PackedSource(str(tmp_path), 32, 4, 7).batch(range(20))
        (tmp_path / "pack.json").write_text("{}")
        with pytest.raises(CaptureError, match="pack.json is damaged"):
            PackedSource(str(tmp_path), 32, 4, 7)
        with pytest.raises(CaptureError, match="pack.json can't be read"):
            PackedSource("http://127.0.0.1:9/none", 32, 4, 7)


class TestIdentityPictures:
    def test_shards_hold_one_picture_of_an_identity_and_say_so(self, packed):
        with pytest.raises(CaptureError, match="identity_pictures 2: the shards of .* hold one picture"):
            open_data(tiny_config("--dataset_path", str(packed), "--identity_pictures", "2"))
