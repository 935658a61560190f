"""Pipeline: a trained generator that is called with an identity and a pose, a video or a motion.

It is PoseTransfer with what pictures need before and after it: decoding, framing, and placing back.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.stages import read_ahead
from capture.inference.background import parse_background
from capture.inference.character import make_character
from capture.inference.frames import Frames
from capture.inference.framing import AUTO, FRAMINGS, Known, frame_picture, known_framing
from capture.inference.inputs import FRAME_RATE, Driver, Notes, folder_frames
from capture.inference.picture_likes import PictureLike, frames_of, is_sequence_file, picture_frames, to_picture
from capture.inference.pixel_art import CHOICES, OFF
from capture.inference.pose_frames import SHEET_RATE
from capture.inference.presentation import Presentation, Shown, parse_resolution, present, settle_presentation
from capture.inference.transfer import PoseTransfer
from capture.inference.video import VideoFraming
from capture.inference.window import Window, crop_to_picture, place_back
from capture.io.images import image_to_tensor, over_ground, to_square

if TYPE_CHECKING:
    from capture.inference.hub import HubModel

logger = logging.getLogger("capture")
MOTION = "motion:"
DriverLike = PictureLike | Sequence[PictureLike]


class Pipeline:
    """Renders an identity in other poses.

    Attributes:
        transfer: the PoseTransfer that computes.  size: side S of the pictures that its network takes and makes.
        known: how the pictures look that the weights know; None where pictures are used as they are.
    """

    def __init__(self, transfer: PoseTransfer):
        self.transfer, self.size = transfer, transfer.size
        self.known = known_framing(transfer.config)

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] = "Toon",
        device: str = "auto",
        precision: str = "fp32",
        compiled: bool = False,
    ) -> Pipeline:
        """See capture.load."""
        return cls(PoseTransfer.load(os.fspath(source), device, precision, compiled))

    def __call__(
        self,
        identity: PictureLike | Sequence[PictureLike],
        driver: DriverLike,
        *,
        resolution: int | str = "auto",
        background: str = "auto",
        pixel_art: str = AUTO,
        keep_head: str = AUTO,
        framing: str = AUTO,
        which: int = 1,
        noise_scale: float = 0.0,
        seed: int = 0,
        keep_aspect: bool = False,
        relative: bool = False,
        batch_size: int = 8,
        frames: int = 12,
        direction: str | Sequence[str] = "front",
        fps: float | None = None,
        say: Callable[[str], None] | None = None,
    ) -> Image.Image | Frames:
        """Render `identity` as `driver` shows it.

        Args:
            identity: a picture: a path, a PIL picture, an array (H, W, C) or a tensor (C, H, W), uint8 or floats in
                [0, 1]; or a list of several pictures of one character, of which each part takes the best.
            driver: a picture of the pose, which gives a picture; or what gives Frames: a video or an animated picture
                (a path), a folder of frames, a list of pictures, an array (N, H, W, C) or a tensor (N, C, H, W); or a
                motion by its name, "walk" or "motion:walk".
            resolution: side of the results in pixels; "auto": that of the identity's picture, up to 512, with methods
                that can; "native": the same, up to 2048; "network": that of the weights.
            background: auto, what the weights draw; keep, the colour behind the identity; transparent; or #rrggbb.
            pixel_art: auto: results of pixel art are pixel art, too, on its grid and of its colours; on; off.
            keep_head: auto: the head, and limbs of pixel art, as they are drawn, where they fit; off.
            framing: auto puts figures on the ground and scales them to the size that the weights know; as_is does not.
            which: the figure of the identity's picture that is used, from the largest, 1.
            noise_scale, seed: of the noise, for methods that have some.
            keep_aspect: crop a picture to the pose picture's own proportions.
            relative: FOMM and MRAA: move as the video has since its first frame.
            batch_size: frames rendered at a time.
            frames: of a motion's loop.
            direction: where the character faces in a motion, such as front_left; of several, one after another.
            fps: frames a second; None: 12 of a motion, 25 of pictures without times.
            say: gets every line about what was done to the inputs; None: the log gets it.
        Returns:
            A picture, RGB or RGBA, or Frames.
        Raises:
            CaptureError: an input that can't be read or used.
        """
        directions = (direction,) if isinstance(direction, str) else tuple(direction)
        _check_choices(pixel_art, keep_head, framing, directions)
        _check_numbers(batch_size, frames, fps)
        notes = Notes(say or logger.info)
        if any(role.endswith("_uv") for role in self.transfer.generator.inputs):
            raise CaptureError(f"{self.transfer.source}: this method is driven by IUV maps; use save_result.py")
        known = self.known if framing == AUTO else None
        presentation = Presentation(
            parse_resolution(str(resolution)),
            parse_background(background),
            pixel_art=pixel_art,
            keeps_head=keep_head == AUTO,
        )
        given: list[Any] = list(identity) if isinstance(identity, list | tuple) else [identity]
        if not given:
            raise CaptureError("identity: an empty list; give one picture or several of one character")
        pictures = [(Path("identity"), to_picture(picture, "identity")) for picture in given]
        presentation = settle_presentation(self.transfer, presentation, len(pictures), relative)
        side = presentation.drawing_resolution
        character = make_character(pictures, self.size, known, which, notes, side, presentation.pixels)
        noise = self.transfer.sample_noise(1, noise_scale, seed) if noise_scale else None
        options: dict[str, Any] = {"batch_size": batch_size, "noise": noise, "relative": relative, "known": known}
        show = partial(present, self.transfer, [character], presentation=presentation, **options)
        name = motion_name(driver)
        if name is not None:
            from capture.inference.figure_measures import measure_figure
            from capture.inference.motion import motion_poses

            like = measure_figure(self.transfer, character.shown[0])
            poses = motion_poses(name, self.size, directions, frames, fps or SHEET_RATE, like)
            return self._drive(show, character.cell, Driver(poses), None, notes)
        driving = frames_of(driver)
        if driving is not None:
            return self._drive(show, character.cell, Driver(picture_frames(driving, fps or FRAME_RATE)), known, notes)
        if is_sequence_file(driver):
            path = Path(driver)  # type: ignore[arg-type]  # is a path
            frames_in_folder = folder_frames(path, fps or FRAME_RATE) if path.is_dir() else None
            return self._drive(show, character.cell, Driver(frames_in_folder or path), known, notes)
        posed, window = self._framed(to_picture(driver, "pose"), known, notes)  # type: ignore[arg-type]  # a picture
        drawn, window = place_back(next(show(poses=[posed]))[0].picture, window, cell=character.cell)
        return Image.fromarray(crop_to_picture(drawn, window) if keep_aspect else drawn)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Write weights, configuration and a model card to a folder that `capture.from_pretrained` reads."""
        self._on_hub().save_pretrained(Path(folder))
        return Path(folder)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload to a repository of the Hugging Face hub; its address.

        Args:
            options: of huggingface_hub's ModelHubMixin.push_to_hub: private, token, branch, commit_message, ...
        """
        return self._on_hub().push_to_hub(repo_id, **options)

    def _on_hub(self) -> HubModel:
        from capture.inference.hub import HubModel

        return HubModel(self.transfer)

    def _framed(self, picture: Image.Image, known: Known | None, notes: Notes) -> tuple[Tensor, Window]:
        """A pose's picture as the network takes it, uint8 (3, S, S), and what of the picture that is."""
        if known is None:
            square = to_square(over_ground(picture), self.size)
            return image_to_tensor(square), Window.whole(*picture.size)
        framed = frame_picture(picture, self.size, known)
        notes.add(Path("pose"), framed.note)
        return image_to_tensor(framed.image), framed.window

    def _drive(
        self, show: Callable[..., Iterator[list[Shown]]], cell: int, driver: Driver, known: Known | None, notes: Notes
    ) -> Frames:
        """A character, of squares of `cell` pixels, through all frames of a driver."""
        with driver:
            framing = VideoFraming(driver, self.size, known)
            notes.add(Path("driver"), framing.note)
            poses = (image_to_tensor(framing.frame(driver.read(i))) for i in range(len(driver)))
            with read_ahead(poses) as frames:
                made = (results[0].picture for results in show(poses=frames, video=True, starts=driver.starts))
                pictures = [Image.fromarray(framing.place_back(picture, cell)) for picture in made]
            return Frames(pictures, list(driver.times), driver.sound, driver.start, tuple(driver.tags))


def _check_choices(pixel_art: str, keep_head: str, framing: str, directions: Sequence[str]) -> None:
    """CaptureError where an option of Pipeline is none of its values."""
    if pixel_art not in CHOICES:
        raise CaptureError(f"pixel_art {pixel_art!r}: give {', '.join(CHOICES)}")
    if keep_head not in (AUTO, OFF):
        raise CaptureError(f"keep_head {keep_head!r}: give {AUTO} or {OFF}")
    if framing not in FRAMINGS:
        raise CaptureError(f"framing {framing!r}: give {' or '.join(FRAMINGS)}")
    if not directions:
        raise CaptureError("direction: an empty list; give one, such as front")


def _check_numbers(batch_size: int, frames: int, fps: float | None) -> None:
    """CaptureError where a number that was given to Pipeline is impossible."""
    for name, value in (("batch_size", batch_size), ("frames", frames)):
        if not isinstance(value, int) or value < 1:
            raise CaptureError(f"{name} {value}: give a whole number from 1 up")
    if fps is not None and not 0.1 <= fps <= 120:
        raise CaptureError(f"fps {fps:g}: give 0.1 to 120 frames a second")


def motion_name(driver: object) -> str | None:
    """The motion that a string names: "motion:walk", or "walk" where no file has that name; None for anything else."""
    if not isinstance(driver, str):
        return None
    if driver.startswith(MOTION):
        return driver.removeprefix(MOTION)
    return driver if driver.isidentifier() and not Path(driver).exists() else None
