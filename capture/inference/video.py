"""A video's poses through a PoseTransfer into videos: each character does what the video shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.common.stages import read_ahead, write_behind
from capture.inference.background import KEEP, TRANSPARENT
from capture.inference.character import Character, make_character, read_pictures
from capture.inference.figure import Figure, find_figures, reduced
from capture.inference.formats.base import Tag, Timeline, Write
from capture.inference.formats.registry import FORMATS, Settings, encoder_threads, movie, movie_path
from capture.inference.formats.sheet import SheetOptions
from capture.inference.framing import Known, as_is, choose_window, cut, is_known, what_was_done
from capture.inference.inputs import Driver, Notes
from capture.inference.pictures import OUTPUT, TRIPLE, is_folder, list_characters, output_folders
from capture.inference.pose_frames import PoseFrames
from capture.inference.presentation import Presentation, Shown, present, settle_presentation
from capture.inference.transfer import PoseTransfer
from capture.inference.window import Window, place_back, show
from capture.io.images import WHITE, channels_last, grid, image_to_tensor, over_ground, to_square

TOGETHER = 8  # characters that go through a video at once; each has two encoders open
SAMPLED = 12  # frames that decide how a video is framed
SEARCHED = 400_000  # pixels of a frame that is looked at to decide it
FINE = 3  # times the network's resolution, at which figures are cut out of frames


def render_video(
    transfer: PoseTransfer,
    identity: Path | Sequence[Path],
    pose: Path | PoseFrames,
    save_dir: Path,
    noise_scale: float = 0.0,
    seed: int = 0,
    batch_size: int = 8,
    relative: bool = False,
    known: Known | None = None,
    which: int = 1,
    form: str = "mp4",
    alone: bool = True,
    notes: Notes | None = None,
    sheet: SheetOptions | None = None,
    presentation: Presentation | None = None,
) -> list[Path]:
    """Render an identity picture, or each of a folder, in every frame of the video `pose`; returns the output.mp4s.

    `pose` may be a film, an animation, a folder of frames, or frames from elsewhere. One goes straight into `save_dir`;
    those of a folder go to <save_dir>/<identity>__<video>/. Beside each output lies iden_pose_output, of side S. They
    have the driver's frame times and, where the format can, its sound. A file is there when it is whole.

    Args:
        noise_scale: of the noise drawn from `seed`, the same for every frame.
        batch_size: frames rendered at a time.  relative: see PoseTransfer.drive.
        known: frame pictures as the weights know them; None: use them as they are.  which: see frame_picture.
        form: one of FORMATS.
        presentation: the size of the frames, what is behind the figure, and whether motions are smoothed over time.
        alone: whether there is no other pose, so that one identity's video goes straight into `save_dir`.
        sheet: how a sprite sheet is laid out.
    Raises:
        CaptureError: an input that can't be read, or a place that can't be written.
    """
    notes, presentation = notes or Notes(), presentation or Presentation()
    pictures_of = list_characters(identity)
    most = max(len(paths) for paths in pictures_of)
    presentation = settle_presentation(transfer, presentation, most, relative)
    identities = [paths[0] for paths in pictures_of]
    pose_path = pose.path if isinstance(pose, PoseFrames) else pose
    folders = output_folders(identities, [pose_path], save_dir, single=alone and not is_folder(identity))
    resolution = presentation.drawing_resolution
    shown = [
        make_character(read_pictures(paths, notes), transfer.size, known, which, notes, resolution, presentation.pixels)
        for paths in pictures_of
    ]
    clear = presentation.background == TRANSPARENT or any(one.drawings and not one.drawings[0].ground for one in shown)
    if clear and presentation.background in (TRANSPARENT, KEEP) and not FORMATS[form].alpha:
        others = ", ".join(name for name, other in FORMATS.items() if other.alpha)
        raise CaptureError(
            f"--background {presentation.background}: {form} has no transparency; --format {others} have"
        )
    noise = transfer.sample_noise(1, noise_scale, seed) if noise_scale else None
    outputs = list(folders.values())
    settings = Settings(
        known.ground if known else WHITE, encoder_threads(2 * min(TOGETHER, len(outputs))), sheet or SheetOptions()
    )
    for first in range(0, len(identities), TOGETHER):  # the video is read again for each group of characters
        group = slice(first, first + TOGETHER)
        said = notes if first == 0 else Notes(lambda line: None)
        drive = partial(
            present, transfer, shown[group], presentation=presentation, known=known, batch_size=batch_size, noise=noise,
            relative=relative, video=True,
        )  # fmt: skip
        with Driver(pose) as driver:
            framing = VideoFraming(driver, transfer.size, None if driver.drawn else known)
            _drive_group(
                partial(drive, starts=driver.starts),
                driver,
                framing,
                shown[group],
                outputs[group],
                form,
                settings,
                said,
            )
    notes.finish()
    return [movie_path(folder / OUTPUT, form) for folder in outputs]


def _drive_group(
    drive: Callable[[Iterator[Tensor]], Iterator[list[Shown]]],
    driver: Driver,
    framing: VideoFraming,
    characters: list[Character],
    folders: list[Path],
    form: str,
    settings: Settings,
    notes: Notes,
) -> None:
    """Render some characters in every frame of the driver, into one folder each.

    Reading, rendering and writing are stages that run at the same time: frames are decoded ahead of the network and
    encoded behind it.
    """
    count, sound = len(driver), _sound(driver, form, notes)
    beside = FORMATS[form].beside or form
    timeline = Timeline(driver.times, driver.tags or [Tag(driver.path.stem, 0, count - 1)], sound, driver.start)
    notes.add(driver.path, framing.note)
    waiting: list[Tensor] = []  # frames that were given to the network and have not come back

    def noted(frames: Iterator[Tensor]) -> Iterator[Tensor]:
        for frame in frames:
            waiting.append(frame)
            yield frame

    with contextlib.ExitStack() as stack:

        def writer(path: Path, form: str) -> Write:
            return stack.enter_context(movie(path, form, timeline, settings))

        writers = [(writer(folder / OUTPUT, form), writer(folder / TRIPLE, beside)) for folder in folders]

        def encode(rendered: tuple[Tensor, list[Shown]]) -> None:
            posed, results = rendered
            for (write, write_triple), character, result in zip(writers, characters, results):
                write(framing.place_back(result.picture, character.cell))
                triple = grid([character.shown[0][None], posed[None], result.output[None]], gap=0)
                write_triple(channels_last(triple))

        decoded = (image_to_tensor(framing.frame(driver.read(i))) for i in range(count))
        frames = stack.enter_context(read_ahead(decoded))
        write = stack.enter_context(write_behind(encode))
        for results in tqdm(drive(noted(frames)), total=count, desc="frames", unit="frame"):
            write((waiting.pop(0), results))
    if framing.lost:
        notes.add(driver.path, f"no figure was found in {framing.lost} of {count} frames, which are used as they are")


def _sound(driver: Driver, form: str, notes: Notes) -> Path | None:
    """The file whose sound goes into files of `form`; a note where sound is left out."""
    if driver.sound is None:
        return None
    from capture.inference.formats.sound import has_sound  # imported when used: drawn drivers need no PyAV

    if not has_sound(driver.sound):
        return None
    if not FORMATS[form].sound:
        notes.add(driver.path, f"its sound is left out, since {form} files have none")
        return None
    return driver.sound


class VideoFraming:
    """How the frames of one video become the network's: all through one window, so that nothing shakes.

    Attributes:
        note: what is done, for people; "" where frames stay as they are.  lost: frames without a figure.
    """

    def __init__(self, driver: Driver, size: int, known: Known | None):
        self.size, self.known, self.note, self.lost = size, known, "", 0
        self.window: Window | None = None
        self._cut, self._scale = False, 1.0
        self._last: Figure | None = None
        if known is None:
            return
        count = len(driver)
        numbers = sorted({round(k * (count - 1) / (SAMPLED - 1)) for k in range(SAMPLED)})
        frames = [driver.read(i) for i in numbers]
        picture, (small, scale) = frames[0].size, reduced(frames[0], SEARCHED)
        found = [one for one in (find_figures(reduced(frame, SEARCHED)[0]) for frame in frames) if one.figures]
        if len(found) < len(frames) / 2 or any(frame.size != picture for frame in frames):
            self.note = "the figure can't be told from what is behind it, so its frames are used as they are"
            return
        window = choose_window([one.figures[0].box for one in found], small.size, known)
        self.window = Window.whole(*picture) if window.is_whole else window.scaled(1 / scale, picture)
        self._scale = min(1.0, FINE * size / self.window.side)
        self._cut = not all(is_known(one, Window.whole(*small.size), known) for one in found)
        moved = not self.window.is_whole
        done = [what_was_done(self._cut, moved)] if self._cut or moved else []
        most = max(len(one.figures) for one in found)
        done += [f"{most} figures, the largest of its first frames is followed"] * (most > 1)
        self.note = "; ".join(done)

    def frame(self, image: Image.Image) -> Image.Image:
        """A frame, RGB or RGBA, as the network is shown it, size x size."""
        if self.known is None:
            return to_square(over_ground(image), self.size)
        if self.window is None or image.size != self.window.picture:
            return as_is(image, self.size, self.known.ground)
        if not self._cut:
            if self.window.is_whole:
                return as_is(image, self.size, self.known.ground)
            return show(over_ground(image, self.known.ground), None, self.window, self.size, self.known.ground)
        window = self.window
        if self._scale < 1:
            image = image.resize([max(round(side * self._scale), 1) for side in image.size], Image.Resampling.BILINEAR)
            window = window.scaled(self._scale, image.size)
        found = find_figures(image)
        if not found.figures:
            self.lost += 1
            return show(over_ground(image, self.known.ground), None, window, self.size, self.known.ground)
        figure = found.figures[0]
        if self._last is not None:
            last = self._last
            figure = min(found.figures, key=lambda one: _distance(one, last))
        self._last = figure
        return cut(found, figure, window, self.size, self.known.ground)

    def place_back(self, output: np.ndarray, cell: int = 1) -> np.ndarray:
        """What was drawn, uint8 (R, R, 3 or 4), where the pose stands in its frame. `cell`: see window.place_back."""
        return output if self.window is None else place_back(output, self.window, even=True, cell=cell)[0]


def _distance(one: Figure, other: Figure) -> float:
    return sum(abs(a - b) for a, b in zip(one.box, other.box))
