"""`PackedSource`: samples streamed from WebDataset shards, in an order that seed and index decide.

The positions of a batch are divided among lanes, and each lane reads shards of its own, one after the other, from
beginning to end. Processes that share a batch take different positions of it, so they read different shards. A run that
is resumed opens the shards that its step has reached, and skips what was used.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.packed.contents import open_file, read_contents, shard_name, webdataset
from capture.data.sample_source import Batch, SampleSource
from capture.io.iuv import MAPS

Row = dict[str, Any]  # of the library: "__key__", and bytes by "<role>.png"


class PackedSource(SampleSource):
    """Samples of shards in a folder or at an address.

    Args:
        place: the folder, or its address (http, https).
        batch_size: of an update, over all processes together; it decides the lanes, and with them the order.
        seed: of the order of shards in every pass through them.
        uv: with IUV maps, where the shards have them.
    Attributes:
        lanes: how many shards are read at once, over all processes.
        roles: the pictures of a sample.
    """

    def __init__(self, place: str, size: int, batch_size: int, seed: int, uv: bool = False):
        self.place, self.seed, self.batch_size = place, seed, batch_size
        self.contents = read_contents(place)
        self.roles = [role for role in self.contents.roles if uv or not role.endswith(MAPS)]
        webdataset()  # missing? said before anything is written
        if self.contents.size != size:
            raise CaptureError(
                f"{place}: pictures of {self.contents.size}x{self.contents.size}, and image_size is {size}; "
                f"pack them with --size {size}"
            )
        most = min(batch_size, self.contents.shards)
        self.lanes = next(n for n in range(most, 0, -1) if batch_size % n == 0)
        self._readers: dict[int, _Reader] = {}

    def place_of(self, index: int) -> tuple[int, int, int]:
        """Lane, shard, and number in the shard of sample `index`."""
        step, position = divmod(index, self.batch_size)
        width = self.batch_size // self.lanes  # positions of a lane in each batch
        lane = position // width
        turn, offset = divmod(step * width + position % width, self.contents.samples_per_shard)
        own = len(range(lane, self.contents.shards, self.lanes))
        epoch, k = divmod(turn, own)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.contents.shards)
        return lane, int(order[lane + k * self.lanes]), offset

    def batch(self, indices: Sequence[int]) -> Batch:
        rows = [self._read(index) for index in indices]
        pictures = {role: np.stack([self._picture(row, role) for row in rows]) for role in self.roles}
        batch: Batch = {role: torch.from_numpy(stack).permute(0, 3, 1, 2) for role, stack in pictures.items()}
        if self.contents.aligned:
            batch["has_target"] = torch.tensor([bool(json.loads(row["json"])["has_target"]) for row in rows])
        return batch

    def describe(self, index: int) -> dict[str, str]:
        _, shard, offset = self.place_of(index)
        first = shard * self.contents.samples_per_shard
        return {
            role: f"{self.place}/{shard_name(shard)}: {first + offset:09d}.{role}.png" for role in self.contents.roles
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_readers": {}}  # open files stay in their process

    def _read(self, index: int) -> Row:
        lane, shard, offset = self.place_of(index)
        reader = self._readers.get(lane)
        if reader is None or reader.shard != shard or reader.position > offset:
            reader = self._readers[lane] = _Reader(self.place, shard)
        return reader.take(offset)

    def _picture(self, row: Row, role: str) -> np.ndarray:
        """uint8 (S, S, 3)."""
        try:
            picture = np.asarray(Image.open(io.BytesIO(row[f"{role}.png"]), formats=["PNG"]).convert("RGB"))
        except (KeyError, OSError, ValueError, SyntaxError) as error:
            raise CaptureError(f"{self.place}: {role} of sample {row.get('__key__')} can't be read ({error})") from None
        if picture.shape != (self.contents.size, self.contents.size, 3):
            raise CaptureError(f"{self.place}: {role} of sample {row['__key__']} is of another size; pack again")
        return picture


class _Reader:
    """One shard, read from its beginning.

    Attributes:
        position: number of the next sample.
    """

    def __init__(self, place: str, shard: int):
        self.place, self.shard, self.position = place, shard, 0
        self._rows = self._open()

    def take(self, offset: int) -> Row:
        """Sample number `offset`, which is at `position` or later."""
        try:
            row: Row | None = next(itertools.islice(self._rows, offset - self.position, None), None)
        except CaptureError:
            raise
        except Exception as error:  # of the library, the network or the disk
            raise self._broken(str(error)) from None
        if row is None:
            raise self._broken(f"it has no sample {offset}")
        self.position = offset + 1
        return row

    def _open(self) -> Iterator[Row]:
        iterators = webdataset().tariterators
        name = shard_name(self.shard)
        with open_file(self.place, name) as stream:
            yield from iterators.group_by_keys(iterators.tar_file_expander([{"url": name, "stream": stream}]))

    def _broken(self, why: str) -> CaptureError:
        return CaptureError(f"{self.place}: {shard_name(self.shard)} can't be read ({why}); fetch or pack it again")
