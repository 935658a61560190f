"""How results are shown: at which size, on which background, of how many pictures, smoothed over time or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.inference.background import AUTO, KEEP, Background, cut_out, put_on
from capture.inference.character import LARGEST, NATIVE, Character
from capture.inference.framing import Known
from capture.inference.ground import Colour
from capture.inference.layered import check_layered, drive_layers
from capture.inference.native import render_native
from capture.inference.transfer import PoseTransfer
from capture.inference.window import border_colour
from capture.io.images import channels_last, denormalise
from capture.methods.layers import Layers

SMALLEST = 32  # pixels: a smaller result shows nothing
RADIUS = 2  # frames on either side over which motions are averaged


@dataclass(frozen=True)
class Presentation:
    """What people ask for.

    Attributes:
        resolution: side of results in pixels; native: that of the identity's drawing; None: that of the weights.
        background: see capture.inference.background.
        smooth: average motions over neighbouring frames; None: in videos, where the method can.
    """

    resolution: int | str | None = None
    background: Background = AUTO
    smooth: bool | None = None

    @property
    def drawing_resolution(self) -> int | str | None:
        """The size at which drawings are read; None where they are not needed."""
        return SMALLEST if self.resolution is None and self.background == KEEP else self.resolution


@dataclass(frozen=True, eq=False)
class Shown:
    """One result: `output`, uint8 (3, S, S), of the network, and `picture`, uint8 (R, R, 3 or 4), for people."""

    output: Tensor
    picture: np.ndarray


def parse_resolution(text: str | None) -> int | str | None:
    """native, or a number of pixels.

    Raises:
        CaptureError: anything else.
    """
    if text is None or text == NATIVE:
        return text
    if not text.isascii() or not text.isdigit() or not SMALLEST <= int(text) <= LARGEST:
        raise CaptureError(f"--resolution {text}: give native or a number of pixels from {SMALLEST} to {LARGEST}")
    return int(text)


def check_presentation(transfer: PoseTransfer, presentation: Presentation, pictures: int) -> None:
    """CaptureError where the method can't do what is asked for; `pictures` of one character."""
    if presentation.resolution is not None:
        check_layered(transfer, "--resolution")
    if pictures > 1:
        check_layered(transfer, "more than one picture in --iden_path")
    if presentation.smooth:
        check_layered(transfer, "--smooth")


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
) -> Iterator[list[Shown]]:
    """Characters through any number of poses, uint8 (3, S, S) each, one list of results for each pose.

    Args:
        noise, relative: see PoseTransfer.drive.  video: the poses are a video's frames, in order.
    """
    smooth = video and transfer.generator.layered and not transfer.compiled and not relative
    smooth = smooth if presentation.smooth is None else presentation.smooth
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
    for layers in drive_layers(transfer, pictures, poses, batch_size, noise, RADIUS if smooth else 0):
        yield [_of_layers(one, character, presentation, known) for one, character in zip(layers, characters)]


def _of_layers(layers: Layers, character: Character, presentation: Presentation, known: Known | None) -> Shown:
    output = denormalise(layers.image[0])
    if presentation.resolution is None:
        background = layers.logits[0].softmax(0)[0].numpy()
        alpha = None if layers.figure_alpha is None else layers.figure_alpha[0, 0].numpy()
        return Shown(output, _of_output(output, background, character, presentation, known, alpha))
    ground = _ground(channels_last(output), known)
    figure = render_native(layers, 0, character.drawings, ground)
    return Shown(output, put_on(figure, presentation.background, ground, character.drawings[0].ground))


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
