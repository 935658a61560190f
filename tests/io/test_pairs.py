"""Reading pairs files, as they are and as they go wrong."""

import os
from pathlib import Path

import pytest

from capture.common.errors import CaptureError
from capture.data.writing import write_pairs
from capture.io.pairs import Pair, character_and_clip, read_pairs, self_pairs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


class TestReadPairs:
    def test_written_pairs_are_read(self, tmp_path: Path) -> None:
        touch(tmp_path, "imgs/a.png", "imgs/b, the second.png", "imgs/ç.png")
        rows = [("imgs/a.png", "imgs/b, the second.png", "imgs/ç.png"), ("imgs/ç.png", "imgs/a.png", "imgs/a.png")]
        write_pairs(tmp_path / "pairs.csv", rows)
        assert read_pairs(tmp_path / "pairs.csv") == [Pair(*(tmp_path / name for name in row)) for row in rows]

    @pytest.mark.parametrize("text", ["identity,pose,target\na.png,b.png,\n", "identity,pose\na.png,b.png\n"])
    def test_target_may_be_unknown(self, tmp_path: Path, text: str) -> None:
        touch(tmp_path, "a.png", "b.png")
        (tmp_path / "pairs.csv").write_text(text)
        assert read_pairs(tmp_path / "pairs.csv") == [Pair(tmp_path / "a.png", tmp_path / "b.png", None)]

    def test_optional_columns_of_maps(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.png", "b.png", "uv/a.png", "uv/t.npy")
        (tmp_path / "pairs.csv").write_text(
            "identity,pose,identity_uv,target_uv\na.png,b.png,uv/a.png,uv/t.npy\na.png,b.png,,\n"
        )
        a, b, uv = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "uv"
        assert read_pairs(tmp_path / "pairs.csv") == [
            Pair(a, b, None, identity_uv=uv / "a.png", target_uv=uv / "t.npy"),
            Pair(a, b, None),
        ]
        (tmp_path / "pairs.csv").write_text("identity,pose,pose_uv\na.png,b.png,uv/b.png\n")
        with pytest.raises(CaptureError, match="line 2: pose_uv 'uv/b.png' is not a file"):
            read_pairs(tmp_path / "pairs.csv")

    def test_format_of_spreadsheets(self, tmp_path: Path) -> None:
        """A byte order mark, CRLF, spaces, blank lines, columns in another order."""
        touch(tmp_path, "a.png", "b.png", "c.png")
        (tmp_path / "pairs.csv").write_bytes(b"\xef\xbb\xbfPose, Identity,target\r\n\r\n b.png ,a.png,c.png\r\n,,\r\n")
        assert read_pairs(tmp_path / "pairs.csv") == [Pair(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png")]

    def test_absolute_paths_and_paths_outside_the_folder(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.png", "set/b.png")
        (tmp_path / "set" / "pairs.csv").write_text(f"identity,pose,target\n../a.png,b.png,{tmp_path / 'a.png'}\n")
        (pair,) = read_pairs(tmp_path / "set" / "pairs.csv")
        assert pair.identity.samefile(tmp_path / "a.png") and pair.target == tmp_path / "a.png"

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("", "line 1: expected the header identity,pose,target, found 'nothing'"),
            ("a.png,b.png,c.png\n", "line 1: expected the header"),
            ("identity,pose,target,mask\na.png,b.png,c.png,d.png\n", "line 1: expected the header"),
            ("identity,pose,pose\na.png,b.png,c.png\n", "line 1: expected the header"),
            ("identity,pose,target\n", "no pairs below the header"),
            (
                "identity,pose,target\na.png,b.png,c.png\n\na.png,gone.png,c.png\n",
                "line 4: pose 'gone.png' is not a file",
            ),
            ("identity,pose,target\na.png,b.png,gone.png\n", "line 2: target 'gone.png' is not a file"),
            ("identity,pose,target\na.png,b.png\n", "line 2: 2 values where the header"),
            ("identity,pose,target\na.png,b.png,c.png,d.png\n", "line 2: 4 values where the header"),
            ("identity,pose,target\n,b.png,c.png\n", "line 2: no identity"),
            ("identity,pose,target\n.,b.png,c.png\n", "line 2: identity '.' is not a file"),
            ('identity,pose,target\n"a.png,b.png,c.png\n', "not valid CSV"),
            (f"identity,pose,target\n{'x' * 5000}.png,b.png,c.png\n", "line 2: identity 'xxx.* is not a file"),
            ("identity,pose,target\na\0.png,b.png,c.png\n", "line 2: "),
        ],
    )
    def test_faults_are_named_with_their_line(self, tmp_path: Path, text: str, match: str) -> None:
        touch(tmp_path, "a.png", "b.png", "c.png")
        path = tmp_path / "pairs.csv"
        path.write_text(text)
        with pytest.raises(CaptureError, match=match) as error:
            read_pairs(path)
        assert str(path) in str(error.value) and "\n" not in str(error.value)

    def test_unreadable_pairs_file(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="no such pairs file"):
            read_pairs(tmp_path / "pairs.csv")
        with pytest.raises(CaptureError, match="can't be read"):
            read_pairs(tmp_path)
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
        with pytest.raises(CaptureError, match="not a text file"):
            read_pairs(tmp_path / "a.png")


class TestSelfPairs:
    def test_identity_is_another_frame_of_the_same_video(self, tmp_path: Path) -> None:
        touch(
            tmp_path,
            "v1/0.png",
            "v1/1.png",
            "v1/2.png",
            "v1/notes.txt",
            "v2/imgs/a.jpg",
            "v2/imgs/b.jpg",
            "short/0.png",
            ".hidden/0.png",
            ".hidden/1.png",
        )
        found = [
            tuple(path.relative_to(tmp_path).as_posix() for path in (pair.identity, pair.pose, pair.target))
            for pair in self_pairs(tmp_path)
        ]
        assert found == [
            ("v1/1.png", "v1/0.png", "v1/0.png"),
            ("v1/2.png", "v1/1.png", "v1/1.png"),
            ("v1/0.png", "v1/2.png", "v1/2.png"),
            ("v2/imgs/b.jpg", "v2/imgs/a.jpg", "v2/imgs/a.jpg"),
            ("v2/imgs/a.jpg", "v2/imgs/b.jpg", "v2/imgs/b.jpg"),
        ]

    def test_folder_without_videos_is_refused(self, tmp_path: Path) -> None:
        touch(tmp_path, "short/0.png", "0.png")
        with pytest.raises(CaptureError, match="no folder of two frames"):
            self_pairs(tmp_path)
        with pytest.raises(CaptureError, match="no such folder"):
            self_pairs(tmp_path / "gone")


class TestCharacterAndClip:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("imgs/mia__walk__007.png", ("mia", "walk")),
            ("imgs/mia__walk__left__007.png", ("mia", "walk__left")),
            ("mia/walk/imgs/007.png", ("mia", "walk")),
            ("video/007.png", ("video", "video")),
            ("imgs/007.png", ("?", "?")),
        ],
    )
    def test_names_of_pictures(self, tmp_path: Path, name: str, expected: tuple[str, str]) -> None:
        assert character_and_clip(Pair(tmp_path / "x.png", tmp_path / "y.png", tmp_path / name), tmp_path) == expected


class TestDialects:
    @pytest.mark.parametrize("mark", [";", "\t"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_semicolons_and_tabs(self, tmp_path: Path, mark: str, end: str) -> None:
        touch(tmp_path, "a.png", "b, c.png")
        rows = [("identity", "pose", "target"), ("a.png", "b, c.png", ""), ("b, c.png", "a.png", "a.png")]
        (tmp_path / "pairs.csv").write_bytes(end.join(mark.join(row) for row in rows).encode())
        first, second = read_pairs(tmp_path / "pairs.csv")
        assert first == Pair(tmp_path / "a.png", tmp_path / "b, c.png", None) and second.target == tmp_path / "a.png"

    def test_semicolons_inside_names_of_a_file_with_commas(self, tmp_path: Path) -> None:
        touch(tmp_path, "a;1.png", "b.png")
        (tmp_path / "pairs.csv").write_text("identity,pose\na;1.png,b.png\n")
        assert read_pairs(tmp_path / "pairs.csv")[0].identity == tmp_path / "a;1.png"

    def test_backslashes_between_folders(self, tmp_path: Path) -> None:
        touch(tmp_path, "imgs/sub/a.png", "b.png")
        (tmp_path / "pairs.csv").write_text("identity;pose\nimgs\\sub\\a.png;.\\b.png\n")
        (pair,) = read_pairs(tmp_path / "pairs.csv")
        assert pair.identity == tmp_path / "imgs/sub/a.png" and pair.pose.samefile(tmp_path / "b.png")

    @pytest.mark.skipif(os.name == "nt", reason="a backslash is no part of a name there")
    def test_a_name_with_a_backslash_comes_first(self, tmp_path: Path) -> None:
        touch(tmp_path, "a\\b.png", "a/b.png")
        (tmp_path / "pairs.csv").write_text("identity,pose\na\\b.png,a\\b.png\n")
        assert read_pairs(tmp_path / "pairs.csv")[0].identity == tmp_path / "a\\b.png"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_encodings_of_spreadsheets(self, tmp_path: Path, encoding: str) -> None:
        touch(tmp_path, "Bär.png", "b.png")
        (tmp_path / "pairs.csv").write_bytes("identity;pose\nBär.png;b.png\n".encode(encoding))
        assert read_pairs(tmp_path / "pairs.csv")[0].identity == tmp_path / "Bär.png"
