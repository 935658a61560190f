"""Picture files through a PoseTransfer into picture files."""

from __future__ import annotations

import os
from itertools import tee
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.inference.transfer import PoseTransfer
from capture.io.images import grid, image_to_tensor, is_image, load_image, open_rgb, padding, png_bytes, to_square

OUTPUT, TRIPLE, ATTENTION = "output.png", "iden_pose_output.png", "attention.png"
LONGEST_NAME = 255  # bytes
TOGETHER = 16  # identities that go through the poses at once


def render_files(
    transfer: PoseTransfer,
    identity: Path,
    pose: Path,
    save_dir: Path,
    noise_scale: float = 0.0,
    seed: int = 0,
    keep_aspect: bool = False,
    batch_size: int = 8,
    relative: bool = False,
) -> list[Path]:
    """Render every identity in every pose; returns the output.png paths.

    One of each goes straight into `save_dir`; folders go to <save_dir>/<identity>__<pose>/. All inputs are checked
    before anything is written, so that a bad one leaves nothing behind, and read again as they are needed, so that a
    folder may be larger than memory.

    Args:
        noise_scale: of the noise drawn from `seed`, the same for every picture.
        keep_aspect: crop output.png to the pose picture's own proportions, at the generator's resolution.
        batch_size: poses rendered at a time.
        relative: the poses are a video's frames in order; see PoseTransfer.drive.
    """
    identities, poses = listed_pictures(identity), listed_pictures(pose)
    single = len(identities) == len(poses) == 1 and identity.is_file() and pose.is_file()
    folders = output_folders(identities, poses, save_dir, single)
    noise = transfer.sample_noise(1, noise_scale, seed) if noise_scale else None
    for path in dict.fromkeys([*identities, *poses]):
        open_rgb(path)
    written = {}
    with tqdm(total=len(identities) * len(poses), desc="pictures", unit="picture", disable=single) as bar:
        for first in range(0, len(identities), TOGETHER):
            some = identities[first : first + TOGETHER]
            shown = torch.stack([load_image(path, transfer.size) for path in some])
            squares, beside = tee(_square(path, transfer.size) for path in poses)  # one runs a batch ahead of the other
            pictures, at_once = (posed for posed, _ in squares), 1 if single else batch_size
            driven = transfer.drive(shown, pictures, at_once, noise, relative)
            for b, outputs, (posed, original) in zip(poses, driven, beside):
                for a, identity_picture, output in zip(some, shown, outputs):
                    folder = folders[a, b]
                    triple = grid([identity_picture[None], posed[None], output[None]], gap=0)
                    write_bytes(folder / TRIPLE, png_bytes(triple))
                    picture = _uncover(output, original) if keep_aspect else output
                    write_bytes(folder / OUTPUT, png_bytes(picture))
                    written[a, b] = folder / OUTPUT
                bar.update(len(some))
    return [written[a, b] for a in identities for b in poses]


def render_attention(transfer: PoseTransfer, identity: Path, pose: Path, save_dir: Path) -> Path:
    """Draw what reverse attention looks at for one pair of picture files, into <save_dir>/attention.png.

    Raises:
        CaptureError: folders instead of pictures, or a generator without reverse attention.
    """
    from capture.inference.attention_maps import attention_maps, draw_attention

    if identity.is_dir() or pose.is_dir():
        raise CaptureError("--attention is drawn for one picture each: give files for --iden_path and --pose_path")
    who, where = (load_image(path, transfer.size) for path in (identity, pose))
    maps, made = attention_maps(transfer, who, where)
    picture = draw_attention(maps, who, where, made)
    write_bytes(save_dir / ATTENTION, png_bytes(image_to_tensor(picture)))
    return save_dir / ATTENTION


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


def listed_pictures(path: Path) -> list[Path]:
    """The pictures of a folder by name; or that one file."""
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.iterdir() if p.is_file() and is_image(p))
    if not found:
        raise CaptureError(f"{path}: no pictures in this folder")
    return found


def _square(path: Path, size: int) -> tuple[Tensor, tuple[int, int]]:
    """A picture as the network takes it, uint8 (3, S, S), and its original (width, height)."""
    image = open_rgb(path)
    return image_to_tensor(to_square(image, size)), image.size


def _uncover(output: Tensor, original: tuple[int, int]) -> Tensor:
    """Crop the square `output` to where a picture of the original size lies in its padded square."""
    width, height = original
    left, top, _, _ = padding(width, height)
    scale = output.shape[-1] / max(width, height)
    x, y = round(left * scale), round(top * scale)
    w, h = max(round(width * scale), 1), max(round(height * scale), 1)
    return output[:, y : y + h, x : x + w]
