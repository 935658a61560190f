"""The IUV maps that a method reads beside the pictures: from the columns of a pairs file to the generator's inputs."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.files import sha256_of, write_bytes
from capture.evaluation.parallel import Workers
from capture.inference.inputs import Notes
from capture.inference.map_pictures import check_predictable
from capture.inference.predicted_maps import VERSION, MapPredictor
from capture.inference.transfer import PoseTransfer
from capture.io.images import open_rgb, png_bytes
from capture.io.iuv import MAPS, map_to_square, read_map
from capture.io.pairs import Pair
from capture.io.uv_maps import check_map_of_picture
from capture.methods.base import Generator

# What a row of the table says of the map that drives the picture. The identity's own map gives nothing away.
LABELS = {"target_uv": "true map", "pose_uv": "driver's map"}
PREDICTED = "predicted map"
PREDICTED_FOLDER = "predicted_uv"  # in an evaluation's folder
REMARKS = {
    "true map": "[true map]: the method was given the IUV map of the target, which is the identity's own body in the "
    "pose; the map gives the silhouette of the answer away",
    "driver's map": "[driver's map]: the method was given the IUV map of the pose picture",
    PREDICTED: "[predicted map]: IUV maps that the pairs do not name were predicted from the identity's and the pose's "
    "picture (--predict_uv); predicted_uv/ has them",
}


@dataclasses.dataclass(frozen=True)
class MapSource:
    """Where maps come from: the pairs file (None: a folder that has none), and what predicts those that it lacks.

    Attributes:
        predictor: a result that predicts maps; None: a missing map is an error.
        folder: where predicted maps are written.
    """

    pairs_file: Path | None
    self_folder: Path | None
    predictor: Path | None
    folder: Path


def give_maps(
    roles: Mapping[str, Sequence[str]],
    transfers: Sequence[PoseTransfer],
    pairs: Sequence[tuple[int, Pair]],
    source: MapSource,
    workers: Workers,
    device: str,
) -> tuple[dict[str, Sequence[tuple[int, Pair]]], dict[str, list[str]]]:
    """For each method, the pairs with all maps that it reads, and what the table says of these maps.

    Args:
        roles: name of each method -> the maps that it reads.
    Raises:
        CaptureError: a map is missing and nothing predicts it; or a predictor is given, and no method reads maps.
    """
    if source.predictor is None:
        for name, reads in roles.items():
            check_maps(reads, name, pairs, source.pairs_file, source.self_folder)
        return dict.fromkeys(roles, pairs), {name: map_labels(reads) for name, reads in roles.items()}
    if not any(roles.values()):
        raise CaptureError(f"--predict_uv {source.predictor}: no method here reads maps; leave --predict_uv out")
    for transfer in transfers:
        check_predictable(transfer)
    predicted = PredictedMaps(MapPredictor.load(source.predictor, device), source.folder, workers)
    filled = {name: predicted.fill(reads, pairs) for name, reads in roles.items()}
    predicted.write()
    return {name: some for name, (some, _) in filled.items()}, {name: labels for name, (_, labels) in filled.items()}


def map_roles(generator: Generator) -> list[str]:
    """The maps that a generator reads: identity_uv, pose_uv, target_uv."""
    return [role for role in generator.inputs if role.endswith(MAPS)]


def map_labels(roles: Sequence[str]) -> list[str]:
    """What the table says of a method that reads these maps."""
    return [LABELS[role] for role in roles if role in LABELS]


class PredictedMaps:
    """Gives pairs the maps that their file does not name, predicted from the identity's and the pose's picture.

    Args:
        predictor: predicts the map of a picture.
        folder: where predicted maps are written, as <picture>_<digest>.png; those that are there are used again.
        workers: each process predicts its share.
    """

    def __init__(self, predictor: MapPredictor, folder: Path, workers: Workers):
        self.predictor, self.folder, self.workers = predictor, folder, workers
        self._weights = sha256_of(predictor.source)
        self._files: dict[Path, Path] = {}  # picture -> its predicted map

    def fill(self, roles: Sequence[str], pairs: Sequence[tuple[int, Pair]]) -> tuple[list[tuple[int, Pair]], list[str]]:
        """Pairs with every map of `roles`, and what the table says of the maps.

        A missing map that drives, target_uv or pose_uv, is the pose's own: the one that the pair names as pose_uv, or
        else the one predicted from the pose picture. A pair whose target_uv is the pose's map loses its target, whose
        size that map need not have.
        """
        labels, filled = [], []
        for index, pair in pairs:
            for role in roles:
                if getattr(pair, role) is not None:
                    labels += map_labels([role])
                    continue
                if role == "target_uv" and pair.pose_uv is not None:
                    uv = pair.pose_uv
                    read_map(uv, open_rgb(pair.pose).size)
                    labels.append(LABELS["pose_uv"])
                else:
                    uv = self._file(pair.identity if role == "identity_uv" else pair.pose)
                    labels.append(PREDICTED)
                without_target: dict[str, Any] = {"target": None} if role == "target_uv" else {}
                pair = dataclasses.replace(pair, **without_target, **{role: uv})
            filled.append((index, pair))
        return filled, [label for label in REMARKS if label in labels]

    def write(self) -> None:
        """Predict the maps that `fill` has named and that are not there yet, and say so."""
        notes = Notes() if self.workers.is_main else Notes(lambda line: None)
        for picture in self._files:
            notes.add(picture, self.predictor.note())
        notes.finish()
        files = list(self._files.items())
        for batch in self.workers.share(len(files), 1):  # of all: what is missing changes while processes write
            for picture, file in (files[i] for i in batch if not files[i][1].is_file()):
                values = torch.from_numpy(self.predictor.predict(picture)).permute(2, 0, 1)
                write_bytes(file, png_bytes(values), sync=False)
        self.workers.wait()

    def _file(self, picture: Path) -> Path:
        if picture not in self._files:
            key = hashlib.sha256(f"{self._weights} {sha256_of(picture)} {VERSION}".encode()).hexdigest()[:12]
            self._files[picture] = self.folder / f"{picture.stem}_{key}.png"
        return self._files[picture]


def check_maps(
    roles: Sequence[str],
    name: str,
    pairs: Sequence[tuple[int, Pair]],
    pairs_file: Path | None,
    self_folder: Path | None,
) -> None:
    """CaptureError, naming the column, where a pair has no map that the method called `name` reads."""
    for role in roles:
        lacking = next(((index, pair) for index, pair in pairs if getattr(pair, role) is None), None)
        if lacking is None:
            continue
        if pairs_file is None:
            raise CaptureError(
                f"--self {self_folder}: {name} reads the IUV map {role}, which this folder cannot give; give --pairs, "
                f"a CSV with the column {role}"
            )
        index, pair = lacking
        raise CaptureError(
            f"{pairs_file}: pair {index} ({pair.identity.name}, {pair.pose.name}) has no {role}, an IUV map that "
            f"{name} reads; add the column {role}"
        )


def load_maps(roles: Sequence[str], pairs: Sequence[Pair], size: int, threads: ThreadPoolExecutor) -> dict[str, Tensor]:
    """The maps of some pairs, framed as their pictures are: role -> uint8 (B, 3, size, size).

    Raises:
        CaptureError: a map that can't be read, or that isn't the map of its picture.
    """

    def load(role: str, pair: Pair) -> Tensor:
        picture = getattr(pair, role.removesuffix(MAPS))  # None: the target may be unknown where its map is known
        path = getattr(pair, role)
        if picture is None:
            iuv = read_map(path)
        else:
            image = open_rgb(picture)
            iuv = read_map(path, image.size)
            if path.parent.name != PREDICTED_FOLDER:  # a poor prediction is measured and not refused
                check_map_of_picture(iuv, image, path, picture)
        return torch.from_numpy(map_to_square(iuv, size)).permute(2, 0, 1)  # (3, size, size)

    return {role: torch.stack(list(threads.map(partial(load, role), pairs))) for role in roles}
