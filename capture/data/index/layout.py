"""Messages about dataset folders that are missing, or in which no training samples are found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from capture.io.images import is_image
from capture.io.video import is_video

FASHION, MIXAMO = "fashion", "mixamo"
EXPECTED = {
    FASHION: "train/<video>/<frames> or train/<video>.mp4",
    MIXAMO: "train/<character>/<clip>/<frames> (or .../imgs/<frames>, or train/<character>/<clip>.mp4)",
}
DEPTHS = {FASHION: 1, MIXAMO: 2}  # folders between train/ and the frames of a clip
MOST_FILES = 10_000  # files that are looked at for a message
USE_TOON = "or train on built-in characters with --dataset_path toon"


def no_such_folder(path: Path) -> str:
    """The message for a dataset folder that does not exist."""
    return f"{path}: no such dataset folder; {_where_from(path)}, {USE_TOON}"


def no_train_folder(root: Path, kind: str, videos: bool, inside: Sequence[str] = ()) -> str:
    """The message for a dataset folder without train/.

    Args:
        kind: fashion or mixamo.  videos: whether there are videos in `root` itself.
        inside: the names of folders in `root` that are datasets.
    """
    if inside:
        return f"{root}: no train/ folder here, and several datasets in it ({', '.join(inside)}); name one of them"
    remedy = "its videos belong into train/" if videos else f"{_where_from(root)}, {USE_TOON}"
    return f"{root}: no train/ folder in this dataset; expected {EXPECTED[kind]}; {remedy}"


def why_empty(train: Path, kind: str, said_by_manifest: bool) -> str:
    """Why no character of a training split has frames to train on.

    Args:
        kind: fashion or mixamo.  said_by_manifest: the manifest says the kind; otherwise the folder's name decided.
    """
    paths = islice(train.rglob("*"), MOST_FILES)
    files = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    found_videos, pictures = [p for p in files if is_video(p)], [p for p in files if is_image(p)]
    found = found_videos or pictures
    if not found:
        if files:
            return f"no pictures here, only files such as {files[0].name}; expected {EXPECTED[kind]}"
        return f"empty; expected {EXPECTED[kind]}"
    depths = {path: _depth(path, train) for path in found}
    example = found[0].relative_to(train)
    in_place = [path for path, depth in depths.items() if depth == DEPTHS[kind]]
    if in_place:
        noun = "video" if kind == FASHION else "character"
        return (
            f"no {noun} has two frames (only one each, such as {in_place[0].relative_to(train)}); training takes "
            f"different frames of the same {noun}: add frames"
        )
    other = MIXAMO if kind == FASHION else FASHION
    what = "no frames, and videos" if found_videos else "pictures"
    message = f"{what} such as {example} are not where they are looked for: {EXPECTED[kind]}"
    if DEPTHS[other] not in depths.values():
        return message
    if kind == FASHION:
        name = train.parent.resolve().name
        because = "because its manifest.json says so" if said_by_manifest else f'because of its name "{name}"'
        remedy = 'for a Mixamo tree, write {"kind": "mixamo"} into its manifest.json'
        return f"{message}; the folder is read as a Fashion dataset {because}; {remedy}"
    rename = "" if said_by_manifest else 'put "fashion" into the folder\'s name, or '
    remedy = rename + 'write {"kind": "fashion"} into its manifest.json'
    return f"{message}; where every folder is one video, as in the layouts of FOMM and Fashion, {remedy}"


def _where_from(path: Path) -> str:
    name = path.resolve().name.lower()
    if FASHION in name:
        return "Fashion_dataset/README.md says where its videos come from, and prepare.py fashion makes the dataset"
    if MIXAMO in name:
        return "Mixamo_dataset/README.md says how prepare.py mixamo makes the dataset"
    return "give a folder with train/ in it (see Fashion_dataset/README.md and Mixamo_dataset/README.md)"


def _depth(path: Path, train: Path) -> int:
    """How many folders lie between train/ and the clip's frames; a video stands for the folder of its frames."""
    folders = path.relative_to(train).parent.parts
    if is_video(path):
        return len(folders) + 1
    return len(folders) - (len(folders) > 1 and folders[-1] == "imgs")
