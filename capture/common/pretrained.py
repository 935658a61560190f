"""The published weights of the networks behind LPIPS, FID and the perceptual losses, which are checked by digest.

Without a folder, weights come from torch.hub's cache, which torchvision and torch-fidelity use as well, or are
downloaded. With a folder (--weights or CAPTURE_WEIGHTS) nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import socket
import sys
import urllib.error
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.files import sha256_of

SECONDS = 30  # a download fails after so long without an answer


def weights_folder(configured: str | Path | None = None) -> str | Path | None:
    """The folder of weights: as configured, else $CAPTURE_WEIGHTS; None where neither is set (they are downloaded)."""
    return configured or os.environ.get("CAPTURE_WEIGHTS") or None


class WeightsMissing(Exception):
    """Weights are not available. The message names the file and says where to get it."""


@dataclass(frozen=True)
class Published:
    """One published weights file.

    Attributes:
        url: the address that the library downloads from; the eight digits in the file's name begin its sha256.
        others: other names that the file may have in a folder, also with the convolutions alone (`features.N...`).
        features_sha256: the beginning of the convolutions' digest (see `fingerprint`); "" where it is not known.
    """

    url: str
    others: tuple[str, ...]
    features_sha256: str = ""

    @property
    def file(self) -> str:
        return self.url.rsplit("/", 1)[-1]


_TORCHVISION = "https://download.pytorch.org/models/"
PUBLISHED = {
    "alex": Published(_TORCHVISION + "alexnet-owt-7be5be79.pth", ("alexnet_features.pth",), "44534cd66e37ce9a"),
    "vgg": Published(_TORCHVISION + "vgg16-397923af.pth", ("vgg16_features.pth",)),
    "vgg19": Published(_TORCHVISION + "vgg19-dcbb9e9d.pth", ("vgg19_features.pth",)),
    "squeeze": Published(
        _TORCHVISION + "squeezenet1_1-b8a52dc0.pth",
        ("squeezenet1_1_features.pth", "squeezenet_features.pth"),
        "9a3cd24c3da63ec7",
    ),
    "inception": Published(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        ("pt_inception-2015-12-05-6726825d.pth",),
    ),  # pytorch-fid's name for it
}


def load_published(
    name: str, folder: str | Path | None = None, option: str = "--weights"
) -> tuple[dict[str, Tensor], Path]:
    """The state dict called `name` (a key of PUBLISHED) and the file it came from.

    Args:
        folder: the only place to look; None: torch.hub's cache, then the network.
        option: the option of the running program that names the folder, for messages.
    Raises:
        WeightsMissing: not in the folder, or can't be downloaded.
        CaptureError: no such folder, or a file there that is damaged or isn't what its name says.
    """
    published = PUBLISHED[name]
    if folder is None:
        return _fetch(published, option)
    folder = Path(folder)
    if not folder.is_dir():
        raise CaptureError(
            f"{folder}: no such folder of weights; give {option} (or CAPTURE_WEIGHTS) an existing one, or leave it out"
        )
    path = next((folder / n for n in (published.file, *published.others) if (folder / n).is_file()), None)
    if path is None:
        raise WeightsMissing(f"{published.file} is not in {folder}; get it from {published.url}")
    weights = _read(path)
    _check(published, weights, path)
    return weights, path


def _check(published: Published, weights: dict[str, Tensor], path: Path) -> None:
    if path.name.endswith("_features.pth"):
        found, expected = fingerprint(weights)[:16], published.features_sha256
    else:
        found, expected = sha256_of(path)[:8], published.file.rsplit("-", 1)[-1].removesuffix(".pth")
    if expected and found != expected:
        raise CaptureError(
            f"{path}: not the published weights (sha256 {found}..., expected {expected}...); "
            f"get them from {published.url}"
        )


def fingerprint(weights: dict[str, Tensor]) -> str:
    """sha256 over the names and float32 values of the `features.` entries, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(n for n in weights if n.startswith("features.")):
        digest.update(name.encode())
        digest.update(weights[name].float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _fetch(published: Published, option: str) -> tuple[dict[str, Tensor], Path]:
    waited = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # torch.hub reports downloads on stdout, which is for the results
            weights = torch.hub.load_state_dict_from_url(
                published.url, map_location="cpu", check_hash=True, weights_only=True
            )
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:  # URLError is an OSError
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        why = " ".join(str(reason).split())[:100]
        raise WeightsMissing(
            f"{published.file} couldn't be fetched ({why}); get it from {published.url} and give "
            f"its folder with {option} or CAPTURE_WEIGHTS"
        ) from None
    finally:
        socket.setdefaulttimeout(waited)
    path = Path(torch.hub.get_dir()) / "checkpoints" / published.file
    _check(published, weights, path)  # torch.hub does not check files that are in its cache
    return weights, path


def _read(path: Path) -> dict[str, Tensor]:
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file can raise any error
        raise CaptureError(
            f"{path}: not a readable weights file ({' '.join(str(error).split())[:80]}); get it again"
        ) from None
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CaptureError(f"{path}: not a state dict of tensors; get it again")
    return weights
