"""The IUV maps that a method reads beside the pictures: from the columns of a pairs file to the generator's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.io.images import open_rgb
from capture.io.iuv import MAPS, map_to_square, read_map
from capture.io.pairs import Pair
from capture.methods.base import Generator

# What a row of the table says of the map that drives the picture. The identity's own map gives nothing away.
LABELS = {"target_uv": "true map", "pose_uv": "driver's map"}
REMARKS = {
    "true map": "[true map]: the method was given the IUV map of the target, which is the identity's own body in the "
    "pose; the map gives the silhouette of the answer away",
    "driver's map": "[driver's map]: the method was given the IUV map of the pose picture",
}


def map_roles(generator: Generator) -> list[str]:
    """The maps that a generator reads: identity_uv, pose_uv, target_uv."""
    return [role for role in generator.inputs if role.endswith(MAPS)]


def map_labels(roles: Sequence[str]) -> list[str]:
    """What the table says of a method that reads these maps."""
    return [LABELS[role] for role in roles if role in LABELS]


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
        CaptureError: a map that can't be read, or that hasn't the size of its picture.
    """

    def load(role: str, pair: Pair) -> Tensor:
        picture = getattr(pair, role.removesuffix(MAPS))  # None: the target may be unknown where its map is known
        iuv = read_map(getattr(pair, role), picture and open_rgb(picture).size)
        return torch.from_numpy(map_to_square(iuv, size)).permute(2, 0, 1)  # (3, size, size)

    return {role: torch.stack(list(threads.map(partial(load, role), pairs))) for role in roles}
