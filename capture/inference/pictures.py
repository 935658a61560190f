"""Picture files through a PoseTransfer into picture files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.inference.character import check_characters, load_identity, make_character, read_pictures
from capture.inference.formats.pictures import picture_bytes
from capture.inference.framing import TAKES_NEXT, Known, frame_picture
from capture.inference.inputs import Listing, Notes, natural_order
from capture.inference.presentation import Presentation, present, settle_presentation
from capture.inference.transfer import PoseTransfer
from capture.inference.window import Window, crop_to_picture, place_back
from capture.io.images import grid, image_to_tensor, open_upright, over_ground, png_bytes, to_square
from capture.io.video import is_animation

OUTPUT, TRIPLE, ATTENTION = "output", "iden_pose_output", "attention.png"
LONGEST_NAME = 255  # bytes
TOGETHER = 16  # identities that go through the poses at once
IGNORES_NOISE = 0.5  # levels of 255: a mean change below this is no variety


def render_files(
    transfer: PoseTransfer,
    identity: Path | Sequence[Path],
    pose: Path,
    save_dir: Path,
    noise_scale: float = 0.0,
    seed: int = 0,
    keep_aspect: bool = False,
    batch_size: int = 8,
    relative: bool = False,
    known: Known | None = None,
    which: int = 1,
    notes: Notes | None = None,
    form: str = "png",
    presentation: Presentation | None = None,
) -> list[Path]:
    """Render every identity in every pose; returns the paths of the outputs.

    One of each goes straight into `save_dir`; folders go to <save_dir>/<identity>__<pose>/. All inputs are checked
    before anything is written, so that a bad one leaves nothing behind, and read again as they are needed, so that a
    folder may be larger than memory.

    Args:
        noise_scale: of the noise drawn from `seed`, the same for every picture.
        keep_aspect: crop output.png to the pose picture's own proportions, at the generator's resolution, and as much
            wider or higher as what is drawn reaches beyond them.
        batch_size: poses rendered at a time.
        relative: the poses are a video's frames in order; see PoseTransfer.drive.
        known: frame pictures as the weights know them (capture.inference.framing); None: use them as they are.
        which: the figure of identity pictures that is used, from the largest, 1.
        notes: what people are told through.
        form: png or webp.
        presentation: the size of output.png and what is behind the figure.
    """
    notes, presentation = notes or Notes(), presentation or Presentation()
    pictures_of = list_characters(identity)
    most = max(len(paths) for paths in pictures_of)
    presentation = settle_presentation(transfer, presentation, most, relative)
    identities, poses = [paths[0] for paths in pictures_of], list_poses(pose)
    single = len(identities) == len(poses) == 1 and not is_folder(identity) and pose.is_file()
    folders = output_folders(identities, poses, save_dir, single)
    noise = transfer.sample_noise(1, noise_scale, seed) if noise_scale else None
    resolution = presentation.drawing_resolution
    for path in dict.fromkeys([*(path for paths in pictures_of for path in paths), *poses]):
        open_upright(path)
    if len(identities) > TOGETHER:
        check_characters(pictures_of, transfer.size, known, which, resolution, presentation.pixels)
    written: dict[tuple[Path, Path], Path] = {}
    with tqdm(total=len(identities) * len(poses), desc="pictures", unit="picture", disable=single) as bar:
        for first in range(0, len(identities), TOGETHER):
            some = [
                make_character(
                    read_pictures(paths, notes), transfer.size, known, which, notes, resolution, presentation.pixels
                )
                for paths in pictures_of[first : first + TOGETHER]
            ]
            told = notes if first == 0 else Notes(lambda line: None)
            posed_ahead, beside = tee(_posed(poses, transfer.size, known, told))  # one runs a batch ahead of the other
            pictures, at_once = (posed.picture for posed in posed_ahead), 1 if single else batch_size
            presented = present(transfer, some, pictures, presentation, known, at_once, noise, relative)
            for b, results, posed in zip(poses, presented, beside):
                for character, result in zip(some, results):
                    a, identity_picture = character.path, character.shown[0]
                    folder = folders[a, b]
                    if noise is not None and not written:
                        _check_noise(transfer, identity_picture, posed.picture, result.output, noise_scale, notes)
                    triple = grid([identity_picture[None], posed.picture[None], result.output[None]], gap=0)
                    made = {TRIPLE: triple, OUTPUT: _placed(result.picture, posed.window, keep_aspect, character.cell)}
                    for name, picture in made.items():
                        data = picture_bytes(picture.permute(1, 2, 0).numpy(), form)
                        write_bytes(folder / f"{name}.{form}", data)
                    written[a, b] = folder / f"{OUTPUT}.{form}"
                bar.update(len(some))
    notes.finish()
    return [written[a, b] for a in identities for b in poses]


def render_attention(
    transfer: PoseTransfer, identity: Path, pose: Path, save_dir: Path, known: Known | None = None, which: int = 1
) -> Path:
    """Draw what reverse attention looks at for one pair of picture files, into <save_dir>/attention.png.

    Raises:
        CaptureError: folders instead of pictures, or a generator without reverse attention.
    """
    from capture.inference.attention_legend import with_legend
    from capture.inference.attention_maps import attention_maps, draw_attention

    if identity.is_dir() or pose.is_dir():
        raise CaptureError("--attention is drawn for one picture each: give files for --iden_path and --pose_path")
    quiet = Notes(lambda line: None)
    who = load_identity(identity, transfer.size, known, which, quiet)
    where = next(_posed([pose], transfer.size, known, quiet)).picture
    maps, made = attention_maps(transfer, who, where)
    picture = with_legend(draw_attention(maps, who, where, made), maps)
    write_bytes(save_dir / ATTENTION, png_bytes(image_to_tensor(picture)))
    return save_dir / ATTENTION


def is_folder(identity: Path | Sequence[Path]) -> bool:
    """Whether --iden_path is a folder of characters, and not one or several pictures of one."""
    return isinstance(identity, Path) and identity.is_dir()


def list_characters(identity: Path | Sequence[Path]) -> list[list[Path]]:
    """The pictures of each character: those of a folder, one each, or several paths, which are one character.

    Raises:
        CaptureError: a folder without pictures, or among several paths.
    """
    if isinstance(identity, Path):
        return [[path] for path in list_identities(identity)]
    folders = [path for path in identity if path.is_dir()]
    if folders and len(identity) > 1:
        raise CaptureError(f"{folders[0]}: a folder; several --iden_path are the pictures of one character")
    return list_characters(identity[0]) if len(identity) == 1 else [list(identity)]


def list_identities(path: Path) -> list[Path]:
    """The pictures and animations of a folder, in natural order; or that one file, whatever it is called.

    Raises:
        CaptureError: a folder without any.
    """
    if not path.is_dir():
        return [path]
    listing = Listing.of(path)
    films = {video for video in listing.videos if not is_animation(video)}
    found = sorted({*listing.pictures, *listing.videos} - films, key=natural_order)
    if not found:
        raise CaptureError(f"{path}: no pictures in this folder")
    return found


def list_poses(path: Path) -> list[Path]:
    """The pictures of a folder, in natural order; or that one file.

    Raises:
        CaptureError: a folder without any.
    """
    if not path.is_dir():
        return [path]
    found = Listing.of(path).pictures
    if not found:
        raise CaptureError(f"{path}: no pictures in this folder")
    return found


@dataclass(frozen=True, eq=False)
class _Posed:
    """A pose as the network takes it, uint8 (3, S, S), and what of its picture that is."""

    picture: Tensor
    window: Window


def _posed(paths: list[Path], size: int, known: Known | None, notes: Notes) -> Iterator[_Posed]:
    for path in paths:
        image = open_upright(path)
        if known is None:
            yield _Posed(image_to_tensor(to_square(over_ground(image), size)), Window.whole(*image.size))
        else:
            framed = frame_picture(image, size, known)
            notes.add(path, framed.note.replace(TAKES_NEXT, ""))
            yield _Posed(image_to_tensor(framed.image), framed.window)


def _placed(output: np.ndarray, window: Window, keep_aspect: bool, cell: int) -> Tensor:
    """What is written of the square that was drawn, uint8 (R, R, 3 or 4): uint8 (3 or 4, H, W)."""
    picture, window = place_back(output, window, cell=cell)
    if keep_aspect:
        picture = crop_to_picture(picture, window)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _check_noise(
    transfer: PoseTransfer, identity: Tensor, pose: Tensor, output: Tensor, noise_scale: float, notes: Notes
) -> None:
    """Say where noise changes nothing that can be seen."""
    without = transfer.render(identity[None], pose[None])[0]
    change = (output.float() - without.float()).abs().mean().item()
    if change < IGNORES_NOISE:
        notes.say(
            f"--noise_scale {noise_scale:g}: this model ignores noise (it changed the first picture by {change:.2g} of "
            "255 levels on average), so --seed makes no variants of it"
        )


def check_places(identity: Path | Sequence[Path], pose: Path, save_dir: Path) -> None:
    """Check that the pictures and the videos of a folder of poses have folders of their own.

    Raises:
        CaptureError: see `output_folders`.
    """
    if pose.is_dir():
        listing = Listing.of(pose)
        poses = [*listing.pictures, *listing.videos]
        output_folders([paths[0] for paths in list_characters(identity)], poses, save_dir, single=False)


def output_folders(
    identities: list[Path], poses: list[Path], save_dir: Path, single: bool
) -> dict[tuple[Path, Path], Path]:
    """Where each combination goes: <save_dir>/<identity>__<pose>/, or `save_dir` itself where it is the only one.

    Raises:
        CaptureError: `save_dir` is a file, two would go to one folder, or its name is longer than file systems take.
    """
    if save_dir.exists() and not save_dir.is_dir():
        raise CaptureError(f"{save_dir}: a file; --save_dir names a folder")
    if single:
        return {(identities[0], poses[0]): save_dir}
    folders = {(a, b): save_dir / f"{a.stem}__{b.stem}" for a in identities for b in poses}
    taken: dict[Path, tuple[Path, Path]] = {}
    for pair, folder in folders.items():
        if len(os.fsencode(folder.name)) > LONGEST_NAME:
            raise CaptureError(f"{folder}: longer a name than file systems take; give {pair[0]} a shorter one")
        other = taken.setdefault(folder, pair)
        if other is not pair:
            one, two = next((x, y) for x, y in zip(other, pair) if x != y)
            raise CaptureError(f"{one} and {two} would both be written to {folder}; rename one of them")
    return folders
