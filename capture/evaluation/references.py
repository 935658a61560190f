"""Reference rows: classical ways of pose transfer that train nothing, rendered for the same pairs as the results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.common.files import sha256_of, write_bytes
from capture.common.pretrained import WeightsMissing
from capture.evaluation.measure import Row
from capture.evaluation.parallel import Workers
from capture.evaluation.parts import PartFinder
from capture.evaluation.puppet import puppet
from capture.io.images import load_image, png_bytes
from capture.io.pairs import Pair

REFERENCES = ("puppet",)
NAME = "puppet [reference]"
REMARK = (
    "[reference] puppet: the identity picture deformed as rigidly as possible (Igarashi et al. 2005) by the parts that "
    "the segmenter of {} finds in identity and pose; nothing else is learnt, and nothing hidden is painted"
)
PUPPET_VERSION = 1  # raised whenever the same pictures would give another puppet


def load_reference_finder(segmenter: Path | None, device: torch.device) -> PartFinder:
    """The part segmenter that puppets need. CaptureError where it is not there."""
    try:
        return PartFinder.load(segmenter, device)
    except WeightsMissing as error:
        raise CaptureError(f"--reference puppet: {error}") from None


def puppet_row(finder: PartFinder, pairs: Sequence[tuple[int, Pair]], size: int, folder: Path, workers: Workers) -> Row:
    """The row of puppets; pictures that are in `folder` from an earlier evaluation are kept.

    Args:
        pairs: (index in the pairs file, pair).  size: side of the pictures.  folder: where folders of pictures go.
    """
    key = hashlib.sha256(f"{sha256_of(finder.source)} {size} {PUPPET_VERSION}".encode()).hexdigest()[:12]
    files = [folder / f"puppet-{key}" / f"{index:05d}_{_digest(pair)}.png" for index, pair in pairs]
    shared = range(len(files))[workers.rank :: workers.count]  # of all: what is missing changes while processes write
    mine = [i for i in shared if not (files[i].is_file() and files[i].stat().st_size)]
    for i in tqdm(mine, desc="render puppet", unit="pair", disable=not (mine and workers.is_main)):
        write_bytes(files[i], png_bytes(render_puppet(finder, pairs[i][1], size)), sync=False)
    workers.wait()
    return Row(NAME, "reference", files)


def render_puppet(finder: PartFinder, pair: Pair, size: int) -> Tensor:
    """The puppet of a pair, uint8 (3, size, size)."""
    pictures = torch.stack([load_image(path, size) for path in (pair.identity, pair.pose)])
    parts = F.interpolate(finder.find(pictures)[:, None].float(), (size, size), mode="nearest")[:, 0].long().cpu()
    identity, pose = (picture.permute(1, 2, 0).numpy() for picture in pictures)
    made = puppet(identity, parts[0].numpy(), pose, parts[1].numpy())
    return torch.from_numpy(made).permute(2, 0, 1).contiguous()


def _digest(pair: Pair) -> str:
    return hashlib.sha256((sha256_of(pair.identity) + sha256_of(pair.pose)).encode()).hexdigest()[:8]
