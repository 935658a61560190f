"""What people name on the command line: an identity's picture, and what drives it; and lines about what was done."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from PIL import Image

from capture.common.errors import CaptureError, one_line
from capture.common.passed_over import passed_over_line
from capture.inference.figure import find_figures, reduced
from capture.inference.formats.base import Tag
from capture.inference.pose_frames import PoseFrames
from capture.io.images import is_image, open_upright
from capture.io.video import VideoReader, is_animation, is_film, is_video

FRAME_RATE = 25  # of a folder of frames, which doesn't say


def natural_order(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key: numbers in names count as numbers, so that frame2 comes before frame10."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts], path.name


@dataclass(frozen=True)
class Listing:
    """The files of a folder, in natural order; hidden ones left out.

    Attributes:
        passed_over: neither pictures nor videos, and folders.
    """

    pictures: list[Path]
    videos: list[Path]
    passed_over: list[Path]

    @classmethod
    def of(cls, path: Path) -> Listing:
        """What is in a folder; or that one file, whatever it is called.

        Raises:
            CaptureError: a folder that can't be listed.
        """
        if not path.is_dir():
            return cls([], [path], []) if is_video(path) else cls([path], [], [])
        try:
            found = sorted((p for p in path.iterdir() if not p.name.startswith(".")), key=natural_order)
        except OSError as error:
            raise CaptureError(f"{path}: can't be listed ({error.strerror})") from None
        videos = [p for p in found if p.is_file() and is_video(p)]
        pictures = [p for p in found if p.is_file() and is_image(p) and p not in set(videos)]
        return cls(pictures, videos, [p for p in found if p not in {*pictures, *videos}])


def passed_over_lines(identities: Path, poses: Path, sequence: bool) -> list[str]:
    """What rendering leaves out of the folders that it is given.

    Args:
        sequence: the folder of poses makes one video of its pictures.
    """
    lines = []
    for folder, videos_too in {identities: False, poses: not sequence}.items():
        if folder.is_dir():
            listing = Listing.of(folder)
            videos = [] if videos_too else [p for p in listing.videos if sequence and folder == poses or is_film(p)]
            lines.append(passed_over_line(folder, [*listing.passed_over, *videos]))
    return [line for line in lines if line]


def open_identity(path: Path) -> tuple[Image.Image, str]:
    """An identity's picture, RGB or RGBA, and what to tell people about it; of an animation, its first figure.

    Raises:
        CaptureError: see capture.io.images.open_picture.
    """
    if not is_animation(path):
        return open_upright(path), ""
    with VideoReader(path) as reader:
        for i in range(len(reader)):
            frame = reader.read_upright(i)
            if find_figures(reduced(frame)[0]).why != "blank":
                before = f"; the {i} before it are blank" if i > 1 else "; the one before it is blank" if i else ""
                return frame, f"an animation of {len(reader)} frames: the identity is taken from frame {i + 1}{before}"
        return reader.read_upright(0), f"an animation of {len(reader)} frames, all of them blank"


def folder_frames(path: Path, fps: float = FRAME_RATE) -> PoseFrames:
    """The pictures of a folder, in natural order, which are read as they are needed.

    Raises:
        CaptureError: there are none, or one of them can't be read.
    """
    files = Listing.of(path).pictures
    if not files:
        raise CaptureError(f"{path}: no pictures in this folder")
    for file in files:
        open_upright(file)
    return PoseFrames(path, len(files), lambda i: open_upright(files[i]), fps)


class Driver:
    """The frames of poses that make one video: of a video's file, of a folder of frames, or of a list of frames.

    Attributes:
        path: for messages.
        sound: the file that may have sound, or None.
        tags: named runs of frames.
        starts: frames at which another sequence begins.
        drawn: whether frames need no framing.
    """

    tags: tuple[Tag, ...] = ()
    starts: tuple[int, ...] = ()
    drawn = False

    def __init__(self, pose: Path | PoseFrames):
        self.path = pose.path if isinstance(pose, PoseFrames) else pose
        self.sound: Path | None = None
        self._frames: VideoReader | PoseFrames
        if isinstance(pose, PoseFrames):
            self._frames, self.tags, self.starts, self.drawn = pose, pose.tags, pose.starts, pose.drawn
        elif pose.is_dir():
            self._frames = folder_frames(pose)
        else:
            self._frames = VideoReader(pose)
            if not is_animation(pose):
                self.sound = pose

    def __len__(self) -> int:
        return self._frames.count if isinstance(self._frames, PoseFrames) else len(self._frames)

    def read(self, i: int) -> Image.Image:
        """Frame i, RGB or RGBA."""
        return self._frames.read(i) if isinstance(self._frames, PoseFrames) else self._frames.read_upright(i)

    @property
    def times(self) -> list[Fraction]:
        """When each frame is shown, and when the last one goes: len + 1 values, in seconds."""
        return self._frames.times

    @property
    def start(self) -> Fraction:
        """Seconds into the file at which its first frame is shown."""
        return self._frames.start if isinstance(self._frames, VideoReader) else Fraction(0)

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self._frames, VideoReader):
            self._frames.close()


@dataclass
class Notes:
    """Lines for people about what was done to their files: each once, on standard error, few of a kind."""

    say: Callable[[str], None] = field(default=lambda line: print(one_line(line), file=sys.stderr))
    told: dict[str, int] = field(default_factory=dict)

    def add(self, path: Path, note: str) -> None:
        """Say `note` about `path`: of files that it is true of, the first three are named."""
        if not note:
            return
        self.told[note] = self.told.get(note, 0) + 1
        if self.told[note] <= 3:
            self.say(f"{path}: {note}")

    def finish(self) -> None:
        """Say how many more files each note was true of."""
        for note, count in self.told.items():
            if count > 3:
                self.say(f"and {count - 3} more files: {note}")
        self.told.clear()
