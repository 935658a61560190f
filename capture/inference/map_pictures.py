"""Pictures and IUV maps through a PoseTransfer into pictures: for methods that are driven by maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.inference.inputs import Notes, natural_order
from capture.inference.pictures import OUTPUT, TRIPLE, list_identities, list_poses, output_folders
from capture.inference.predicted_maps import MapPredictor
from capture.inference.transfer import PoseTransfer
from capture.io.images import grid, load_image, png_bytes
from capture.io.iuv import find_map
from capture.io.uv_maps import frame_uv_map, is_uv_map, load_uv_map


def driving_role(transfer: PoseTransfer) -> str | None:
    """The map that drives a method, target_uv or pose_uv; None for a method that reads no maps."""
    roles = [role for role in transfer.generator.inputs if role.endswith("_uv") and role != "identity_uv"]
    return roles[0] if roles else None


def check_predictable(transfer: PoseTransfer) -> None:
    """CaptureError where predicted maps are none that the method can read."""
    if transfer.generator.coordinates:
        raise CaptureError(
            f"{transfer.source}: this method reads coordinates in the atlas of SMPL, and --predict_uv predicts the "
            "parts of capture.io.iuv; give maps (.npy), and leave --predict_uv out"
        )


def render_maps(
    transfer: PoseTransfer,
    identity: Path,
    identity_uv: Path | None,
    driving: Path,
    save_dir: Path,
    garment: tuple[Path, Path | None] | None = None,
    parts: str = "",
    batch_size: int = 8,
    predictor: MapPredictor | None = None,
    of_poses: bool = False,
    notes: Notes | None = None,
) -> list[Path]:
    """Render every identity by every driving map; returns the paths of the output.png files.

    One of each goes straight into `save_dir`; folders go to <save_dir>/<identity>__<map>/. Beside output.png lies
    iden_pose_output.png: identity, driving map and output. All files are read before anything is written.

    Args:
        identity: a picture or a folder of them.
        identity_uv: its map, or a folder with a map of the same name for each picture; None: uv/<name>.png beside it.
        driving: the map that drives, or a folder of maps.
        of_poses: `driving` is a picture whose map drives, or a folder of pictures.
        garment: the picture that `parts` come from, such as "torso,legs", and its map; None: no garment transfer.
        predictor: predicts the maps of pictures that have none; None: these are errors.
        notes: what people are told through.
    Raises:
        CaptureError: a file that can't be read, a map that is missing or not of its picture, a method that reads no
            garments.
    """
    size, role = transfer.size, driving_role(transfer)
    assert role is not None
    identities = list_identities(identity)
    drivers = list_poses(driving) if of_poses else list_maps(driving)
    single = identity.is_file() and driving.is_file()
    folders = output_folders(identities, drivers, save_dir, single)
    finder = MapFinder(size, predictor, notes or Notes())
    shown = [load_image(path, size) for path in identities]
    shown_uv = [finder.map_of(path, identity_uv, "--iden_uv") for path in identities]
    if of_poses:
        maps = [finder.map_of(path, None, "--target_uv") for path in drivers]
    else:
        maps = [load_uv_map(path, size) for path in drivers]
    worn = None
    if garment is not None:
        worn = load_image(garment[0], size)[None], finder.map_of(*garment, "--garment_uv")[None]
    finder.notes.finish()
    written = []
    with tqdm(total=len(identities) * len(maps), desc="pictures", unit="picture", disable=single) as bar:
        for path, picture, picture_uv in zip(identities, shown, shown_uv):
            for start in range(0, len(maps), batch_size):
                batch = torch.stack(maps[start : start + batch_size])  # (B, C, S, S)
                many = [x.expand(len(batch), *x.shape) for x in (picture, picture_uv)]
                made = transfer.render_by_maps(many[0], {"identity_uv": many[1], role: batch}, worn, parts)
                for driver, driving_map, output in zip(drivers[start : start + batch_size], batch, made):
                    folder = folders[path, driver]
                    triple = grid([picture[None], map_picture(driving_map)[None], output[None]], gap=0)
                    write_bytes(folder / f"{TRIPLE}.png", png_bytes(triple))
                    write_bytes(folder / f"{OUTPUT}.png", png_bytes(output))
                    written.append(folder / f"{OUTPUT}.png")
                bar.update(len(batch))
    return written


def list_maps(path: Path) -> list[Path]:
    """The maps of a folder, in natural order; or that one file.

    Raises:
        CaptureError: a folder without any.
    """
    if not path.is_dir():
        return [path]
    found = sorted((p for p in path.iterdir() if p.is_file() and is_uv_map(p)), key=natural_order)
    if not found:
        raise CaptureError(f"{path}: no maps in this folder; maps are .png (part, u, v) or .npy files")
    return found


class MapFinder:
    """The maps of picture files: those that are there and, with a predictor, those that it predicts.

    Args:
        size: side of the frame.  predictor: None: a picture without a map is an error.
        notes: told of every picture whose map was predicted.
    """

    def __init__(self, size: int, predictor: MapPredictor | None, notes: Notes):
        self.size, self.predictor, self.notes = size, predictor, notes

    def map_of(self, picture: Path, given: Path | None, option: str) -> Tensor:
        """The map of a picture, framed as the picture is; for `given` and `option` see the function map_of."""
        if self.predictor is None or find_map_of(picture, given) is not None:
            return load_uv_map(map_of(picture, given, option), self.size, picture)
        values = self.predictor.predict(picture)
        self.notes.add(picture, self.predictor.note())
        return frame_uv_map(values, self.size)


def find_map_of(picture: Path, given: Path | None) -> Path | None:
    """The map of a picture: the file that is given, the file of its name in the folder that is given, or uv/<name>.png.

    Returns:
        None where there is no such file.
    """
    if given is None:
        return find_map(picture)
    if not given.is_dir():
        return given
    return next((path for path in sorted(given.glob(f"{picture.stem}.*")) if is_uv_map(path)), None)


def map_of(picture: Path, given: Path | None, option: str) -> Path:
    """The map of a picture, as `find_map_of` finds it.

    Args:
        option: the program's option that gives this map, for the message.
    Raises:
        CaptureError: there is none, or the picture is a folder.
    """
    if picture.is_dir() and (given is None or given.is_dir()):
        raise CaptureError(f"{picture}: a folder, and this method is driven by maps; give their folder with {option}")
    found = find_map_of(picture, given)
    if found is None:
        where = f"{given} has no {picture.stem}.png or .npy" if given else f"uv/{picture.stem}.png is not beside it"
        raise CaptureError(f"{picture}: this method reads an IUV map of it, and {where}; give one with {option}")
    return found


def map_picture(values: Tensor) -> Tensor:
    """A map as people see it, uint8 (3, S, S): part, u and v as colours, and grey where there is no figure."""
    array = values.numpy()
    if values.dtype == torch.uint8:
        seen = array[0] > 0
        shown = np.stack([array[0] * 10, array[1], array[2]])
    else:
        seen = ~np.isnan(array).any(axis=0)
        shown = np.concatenate([np.full_like(array[:1], 128), (np.nan_to_num(array) + 1) * 127.5])
    return torch.from_numpy(np.where(seen, shown, 235).astype(np.uint8))
