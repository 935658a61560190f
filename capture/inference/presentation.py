"""How results are shown: at which size, on which background, of how many pictures, smoothed over time or not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.inference.background import AUTO, KEEP, Background, cut_out, put_on
from capture.inference.body_regions import BodyRegions
from capture.inference.character import LARGEST, MOST, Character
from capture.inference.framing import Known, known_framing
from capture.inference.ground import Colour
from capture.inference.kept_parts.head import HeadKeeper
from capture.inference.kept_parts.head_direction import DriverDirection
from capture.inference.layered import check_layered, drive_layers
from capture.inference.native import render_native
from capture.inference.pixel_art import AUTO as PIXELS
from capture.inference.pixel_art import OFF, ON, snap
from capture.inference.transfer import PoseTransfer
from capture.inference.window import border_colour
from capture.io.images import channels_last, denormalise
from capture.io.iuv import PARTS
from capture.methods.layers import Layers

NETWORK = "network"
SMALLEST = 32  # pixels: a smaller result shows nothing
COARSE = 2.0  # pixels of the network: it sees every cell of pixel art whose side is so long (docs/NATIVE_SIZE.md)
RADIUS = 2  # frames on either side over which motions are averaged
REMEMBERED = 5  # frames over which the direction of a driver's head is averaged: heads are not to flip back and forth


@dataclass(frozen=True)
class Presentation:
    """What people ask for.

    Attributes:
        resolution: side of results in pixels; native: that of the identity's drawing; auto: the same, up to 512 and
            where the method can (see `settle_presentation`); None: that of the weights.
        background: see capture.inference.background.
        pixel_art: auto, on or off: results of pixel art are pixel art; see capture.inference.pixel_art.
        keeps_head: results that are not of the network's size have the drawing's own head where it fits; see
            capture.inference.kept_parts.head.
        smooth: average motions over neighbouring frames of videos; None: where the method can.
    """

    resolution: int | str | None = None
    background: Background = AUTO
    smooth: bool | None = None
    pixel_art: str = PIXELS
    keeps_head: bool = True

    @property
    def drawing_resolution(self) -> int | str | None:
        """The size at which drawings are read; None where they are not needed."""
        return SMALLEST if self.resolution is None and self.background == KEEP else self.resolution

    @property
    def pixels(self) -> str:
        """Whether pixel art is looked for: not for results at the network's size, which no drawing is sampled for."""
        return OFF if self.resolution is None else self.pixel_art


@dataclass(frozen=True, eq=False)
class Shown:
    """One result: `output`, uint8 (3, S, S), of the network, and `picture`, uint8 (R, R, 3 or 4), for people."""

    output: Tensor
    picture: np.ndarray


def parse_resolution(text: str) -> int | str | None:
    """auto or native, None for network, or a number of pixels.

    Raises:
        CaptureError: anything else.
    """
    if text in MOST:
        return text
    if text == NETWORK:
        return None
    if not text.isascii() or not text.isdigit() or not SMALLEST <= int(text) <= LARGEST:
        raise CaptureError(
            f"--resolution {text}: give auto, native, network or a number of pixels from {SMALLEST} to {LARGEST}"
        )
    return int(text)


def settle_presentation(
    transfer: PoseTransfer, presentation: Presentation, pictures: int, relative: bool = False
) -> Presentation:
    """What is asked for, with the resolution auto decided: it is left out, so that results have the size of the
    weights, for methods that do not say where their pixels come from, for compiled networks, which have no step in
    between, and where nobody can tell the ground that the weights draw on, which may be a photograph's.

    Args:
        pictures: of one character.  relative: see PoseTransfer.drive.
    Raises:
        CaptureError: the method can't do what is asked for.
    """
    if presentation.resolution == AUTO:
        can = transfer.generator.layered and not transfer.compiled and not relative
        if not can or known_framing(transfer.config) is None:
            presentation = replace(presentation, resolution=None)
    if presentation.resolution is not None:
        check_layered(transfer, "--resolution")
    if pictures > 1:
        check_layered(transfer, "more than one picture in --iden_path")
    if presentation.pixel_art == ON:
        check_layered(transfer, "--pixel_art on")
        if presentation.resolution is None:
            raise CaptureError(
                "--pixel_art on: the network's own picture has no pixels of the drawing; give --resolution native"
            )
    if presentation.smooth:
        check_layered(transfer, "--smooth")
    if relative:
        transfer.check_relative()
    return presentation


def present(
    transfer: PoseTransfer,
    characters: Sequence[Character],
    poses: Iterable[Tensor],
    presentation: Presentation,
    known: Known | None = None,
    batch_size: int = 8,
    noise: Tensor | None = None,
    relative: bool = False,
    video: bool = False,
    starts: Sequence[int] = (),
) -> Iterator[list[Shown]]:
    """Characters through any number of poses, uint8 (3, S, S) each, one list of results for each pose.

    Args:
        noise, relative: see PoseTransfer.drive.
        video: the poses are a video's frames, in order.  starts: those at which another sequence begins.
    """
    smooth = video and transfer.generator.layered and not transfer.compiled and not relative
    smooth = smooth if presentation.smooth is None else presentation.smooth and video
    several = any(len(character.shown) > 1 for character in characters)
    on_other = presentation.background != AUTO
    if presentation.resolution is None and not several and not smooth and not (on_other and transfer.generator.layered):
        first = torch.stack([character.shown[0] for character in characters])
        for outputs in transfer.drive(first, poses, batch_size, noise, relative):
            yield [
                Shown(output, _of_output(output, None, character, presentation, known))
                for output, character in zip(outputs, characters)
            ]
        return
    pictures = [character.shown for character in characters]
    segmented = [_segmented(transfer, character, presentation) for character in characters]
    keepers = [_head_keeper(transfer, one, logits, presentation) for one, logits in zip(characters, segmented)]
    regions = [_regions(character, logits) for character, logits in zip(characters, segmented)]
    drivers: deque[Tensor] = deque()  # poses whose layers are not made yet
    radius = RADIUS if smooth else 0
    directed = DriverDirection(REMEMBERED if smooth else 1)
    made = drive_layers(transfer, pictures, _noted(poses, drivers), batch_size, noise, radius, starts)
    for number, layers in enumerate(made):
        driver = drivers.popleft()[None]
        direction = directed(driver, layers[0].pose_logits, number in starts) if any(keepers) else None
        for keeper in keepers if not video or number in starts else ():
            if keeper is not None:
                keeper.forget()
        yield [
            _of_layers(one, character, presentation, known, keeper, direction, region)
            for one, character, keeper, region in zip(layers, characters, keepers, regions)
        ]


def _noted(poses: Iterable[Tensor], drivers: deque[Tensor]) -> Iterator[Tensor]:
    """The poses, each of which is put at the end of `drivers` as it is read."""
    for pose in poses:
        drivers.append(pose)
        yield pose


def _segmented(transfer: PoseTransfer, character: Character, presentation: Presentation) -> Tensor | None:
    """The segmenter's logits of a character's pictures; None where results are the network's own, or without one."""
    if presentation.resolution is None:
        return None
    logits = transfer.part_logits(torch.stack(character.shown))
    return None if logits is None or logits.shape[1] <= len(PARTS) else logits  # other parts than those of datasets


def _head_keeper(
    transfer: PoseTransfer, character: Character, logits: Tensor | None, presentation: Presentation
) -> HeadKeeper | None:
    """What puts the drawing's own head into results; None where it is not asked for."""
    if logits is None or not presentation.keeps_head:
        return None
    cell = None if character.pixels is None else character.pixels.grid.shown_at(transfer.size)
    return HeadKeeper(logits, character.drawings, torch.stack(character.shown), cell)


def _regions(character: Character, logits: Tensor | None) -> list[BodyRegions]:
    """The regions of the body in each drawing of a character."""
    if logits is None:
        return []
    return [BodyRegions(drawing, logits[n : n + 1]) for n, drawing in enumerate(character.drawings)]


def _of_layers(
    layers: Layers,
    character: Character,
    presentation: Presentation,
    known: Known | None,
    keeper: HeadKeeper | None,
    direction: Tensor | None,
    regions: Sequence[BodyRegions] = (),
) -> Shown:
    """One result, made of its layers.

    Args:
        direction: of the driver's head.  regions: of the body, in each drawing.
    """
    output, head = denormalise(layers.image[0]), None
    if keeper is not None:
        layers, head = keeper(layers, np.asarray(_ground(channels_last(output), known), np.float32), direction)
        output = denormalise(layers.image[0])
    if presentation.resolution is None or _has_size_of_network(character, output):
        background = layers.logits[0].softmax(0)[0].numpy()
        alpha = None if layers.figure_alpha is None else layers.figure_alpha[0, 0].numpy()
        return Shown(output, _of_output(output, background, character, presentation, known, alpha))
    ground = _ground(channels_last(output), known)
    pixels = character.pixels
    if pixels is None:
        figure = render_native(layers, 0, character.drawings, ground, regions=regions)
    else:
        finer = pixels.grid.shown_at(output.shape[-1]) < COARSE
        figure = render_native(layers, 0, character.drawings, ground, "nearest", finer, regions if finer else ())
    if keeper is not None and head is not None:
        figure = keeper.paste(figure, head)
    if pixels is not None:
        figure = snap(figure, pixels)
    return Shown(output, put_on(figure, presentation.background, ground, character.drawings[0].ground))


def _has_size_of_network(character: Character, output: Tensor) -> bool:
    """Whether a drawing is as large as the network's own picture.

    That picture is then better than the drawing's pixels put in its place (docs/NATIVE_SIZE.md), except for pixel art.
    """
    return character.pixels is None and character.drawings[0].pixels.shape[-1] == output.shape[-1]


def _of_output(
    output: Tensor,
    background: np.ndarray | None,
    character: Character,
    presentation: Presentation,
    known: Known | None,
    alpha: np.ndarray | None = None,
) -> np.ndarray:
    """A picture at the network's size, on the background that is asked for."""
    picture = channels_last(output)
    if presentation.background == AUTO:
        return picture
    ground = _ground(picture, known)
    own = character.drawings[0].ground if character.drawings else None
    return put_on(cut_out(picture, ground, background, alpha), presentation.background, ground, own)


def _ground(picture: np.ndarray, known: Known | None) -> Colour:
    """The colour that the network drew on."""
    return border_colour(picture) if known is None else known.ground
