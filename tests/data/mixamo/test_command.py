"""What `prepare.py mixamo` prints at the end."""

from __future__ import annotations

import pytest

from capture.cli import prepare
from capture.data.mixamo import command

EMPTY = {name: {} for name in ("left_out", "unfit", "unreadable", "broken")}
MANIFEST = {**EMPTY, "train_characters": ["a", "b"], "test_characters": ["c"], "train_images": 8, "test_images": 4}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "{out}: 2 characters to train on, 1 held out, 12 pictures, pairs in {out}/test/pairs.csv\n"),
        (("--shard", "2/3"), "{out}-00002-of-00003: shard 2 of 3; prepare.py merge puts all together\n"),
    ],
)
def test_the_summary_is_that_of_the_dataset_or_of_the_shard(options, said, tmp_path, monkeypatch, capsys):
    """Blender does not run: its part of the work has tests of its own."""
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(command, "prepare_mixamo", lambda *_, **__: MANIFEST)
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["prepare.py", "mixamo", str(tmp_path / "models"), str(out), *options])
    assert not prepare.main()
    assert capsys.readouterr().out == said.format(out=out)
