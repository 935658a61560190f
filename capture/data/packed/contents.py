"""What a folder of shards holds: pack.json beside the .tar files."""

from __future__ import annotations

import http.client
import importlib
import json
import re
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from capture.common.errors import CaptureError

PACK_FILE = "pack.json"
VERSION = 1
MOST = 10**6  # shards, and samples in a shard, must be fewer
_ADDRESS = re.compile(r"https?://[^\s]+")
_ROLE = re.compile(r"[a-z]{1,20}(_uv)?")


@dataclass(frozen=True)
class Contents:
    """What all shards have in common.

    Attributes:
        size: side S of the pictures.
        shards, samples_per_shard: every shard has the same number of samples.
        roles: pictures of a sample, such as identity, pose and target_uv.
        aligned: whether samples say if their target is known.
        seed, source: which samples of which dataset.
    """

    size: int
    shards: int
    samples_per_shard: int
    roles: tuple[str, ...]
    aligned: bool
    seed: int
    source: str
    version: int = VERSION

    @property
    def samples(self) -> int:
        return self.shards * self.samples_per_shard

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=1) + "\n").encode()


def shard_name(number: int) -> str:
    """The file name of shard `number`, from 0."""
    return f"{number:06d}.tar"


def is_address(path: str) -> bool:
    """Whether a dataset_path is an address on the network."""
    return _ADDRESS.fullmatch(path) is not None


def is_packed(path: str) -> bool:
    """Whether a dataset_path names shards: an address, or a folder with pack.json."""
    return is_address(path) or (Path(path) / PACK_FILE).is_file()


def open_file(place: str, name: str) -> IO[bytes]:
    """A file of a pack, to be read once from its beginning.

    Raises:
        CaptureError: it is not there, or can't be read.
    """
    try:
        if is_address(place):
            # the kinds of addresses that urllib knows beside http are excluded above
            opened: IO[bytes] = urllib.request.urlopen(f"{place.rstrip('/')}/{name}", timeout=60)
            return opened
        return open(Path(place) / name, "rb")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreadable(place, name, error) from None


def _unreadable(place: str, name: str, error: Exception) -> CaptureError:
    why = str(error) or type(error).__name__
    return CaptureError(f"{place}: {name} can't be read ({why}); give the place that `prepare.py pack` wrote")


def read_contents(place: str) -> Contents:
    """The pack.json of a folder or of an address.

    Raises:
        CaptureError: it can't be read, is damaged, or of a newer version.
    """
    with open_file(place, PACK_FILE) as file:
        try:
            data = file.read(1 << 20)
        except (OSError, http.client.HTTPException) as error:
            raise _unreadable(place, PACK_FILE, error) from None
    try:
        found: dict[str, Any] = json.loads(data)
        if found["version"] > VERSION:
            raise CaptureError(f"{place}: {PACK_FILE} is of a newer version of this program; update it")
        contents = Contents(**{**found, "roles": tuple(found["roles"])})
        numbers = (contents.size, contents.shards, contents.samples_per_shard)
        if all(isinstance(n, int) and 0 < n < MOST for n in numbers) and all(map(_ROLE.fullmatch, contents.roles)):
            return contents
    except (ValueError, KeyError, TypeError):
        pass
    raise CaptureError(f"{place}: {PACK_FILE} is damaged; write the shards again")


def webdataset() -> ModuleType:
    """The library that reads and writes shards.

    Raises:
        CaptureError: it is not installed.
    """
    try:
        return importlib.import_module("webdataset")
    except ImportError as error:
        raise CaptureError(
            f"webdataset is not installed ({error}); shards need an extra package: pip install webdataset"
        ) from None
