"""Training samples and test pairs from folders of frames, and from videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from capture.common.memory import machine_memory
from capture.data.cache import prepare_frames
from capture.data.cache_file import PreparedFrames
from capture.data.decoding import FrameReader, decode_path, picture_size, video_frame
from capture.data.index.catalog import Catalog, folders, frame_folder, videos
from capture.data.iuv.maps import MapReader, any_map, decode_map, prepare_maps
from capture.data.sample_source import Batch, SampleSource
from capture.data.sampling import ONE_PICTURE, IdentityPictures, draw, draw_other_pictures
from capture.io.iuv import MAPS, find_map
from capture.io.pairs import Pair, read_pairs
from capture.io.roles import identity_roles
from capture.io.video import VideoReader, is_animation


class FrameDataset(SampleSource):
    """Samples of a catalog's frames: `identity`, `real`, `pose`, and in aligned datasets `target` and `has_target`.

    Batches are channels_last, (B, S, S, 3) in memory, as frames are stored and as networks want them.

    Args:
        size: side S of the pictures in pixels.
        seed: decides, with its index, every sample.
        cache_gb: the most that prepared frames and maps may take on the disk (GB of 10^9 bytes). Where they would take
            more, the most that the processes which read them keep in memory.
        uv: add `<name>_uv`, the IUV map of each picture, if the catalog has maps; zeros for a frame without one.
        identity_pictures: how many pictures of the identity there are.
    """

    def __init__(
        self,
        catalog: Catalog,
        size: int,
        seed: int,
        cache_gb: float = 0.0,
        uv: bool = False,
        identity_pictures: IdentityPictures = ONE_PICTURE,
    ):
        self.catalog, self.size, self.seed, self.cache_gb = catalog, size, seed, cache_gb
        self.identity_pictures = identity_pictures
        self.has_maps = uv and any_map(catalog)
        self.prepared: PreparedFrames | None = None
        self.prepared_maps: PreparedFrames | None = None
        self.reader, self.map_reader = FrameReader(catalog, size), MapReader(catalog, size)

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Decode all frames and maps once, and from then on read them from memory; whether that is possible.

        Where they are too many for `cache_gb`, each of `processes` processes keeps those that it read last.

        Raises:
            CaptureError: frames or maps can't be read.
        """
        if self.prepared is None:
            self.prepared = prepare_frames(self.catalog, self.size, self.cache_gb, progress)
        if self.has_maps and self.prepared is not None and self.prepared_maps is None:
            left = self.cache_gb - self.prepared.array.nbytes / 1e9
            self.prepared_maps = prepare_maps(self.catalog, self.size, left, progress)
        keep = int(min(self.cache_gb * 1e9, machine_memory() / 8) / max(processes, 1) / (1 + self.has_maps))
        if self.prepared is None:
            self.reader = FrameReader(self.catalog, self.size, keep)
        if self.has_maps and self.prepared_maps is None:
            self.map_reader = MapReader(self.catalog, self.size, keep)
        return self.prepared is not None and (self.prepared_maps is not None or not self.has_maps)

    def batch(self, indices: Sequence[int]) -> Batch:
        """Samples as uint8 (B, 3, S, S); `has_target` (B,)."""
        samples = [draw(self.catalog, self.seed, index) for index in indices]
        roles = ("identity", "real", "pose", "target") if self.catalog.aligned else ("identity", "real", "pose")
        numbers = {role: [getattr(sample, role) for sample in samples] for role in roles}
        more = identity_roles(self.identity_pictures.count(indices))[1:]
        drawn = [draw_other_pictures(self.catalog, self.seed, index, len(more)) for index in indices]
        numbers |= {role: [others[k] for others in drawn] for k, role in enumerate(more)}
        batch = {role: self._gather(frames, self.prepared, self.reader) for role, frames in numbers.items()}
        if self.has_maps:
            for role, frames in numbers.items():
                batch[role + MAPS] = self._gather(frames, self.prepared_maps, self.map_reader)
        if self.catalog.aligned:
            batch["has_target"] = torch.tensor([number is not None for number in numbers["target"]])
        return batch

    def describe(self, index: int) -> dict[str, str]:
        """The file of each picture of sample `index`; a frame of a video is <file>#<number>."""
        numbers = draw(self.catalog, self.seed, index)._asdict()
        more = identity_roles(self.identity_pictures.count([index]))[1:]
        numbers |= zip(more, draw_other_pictures(self.catalog, self.seed, index, len(more)))
        files = {role: self.catalog.frame(number) for role, number in numbers.items() if number is not None}
        return {role: f"{path}" if k is None else f"{path}#{k}" for role, (path, k) in files.items()}

    def _gather(self, numbers: list[int | None], prepared: PreparedFrames | None, reader: FrameReader) -> Tensor:
        """Frames, or maps, by their numbers: uint8 (B, 3, S, S), zeros for None."""
        out = np.empty((len(numbers), self.size, self.size, 3), np.uint8)
        for row, number in enumerate(numbers):
            if number is None:
                out[row] = 0
            else:
                out[row] = prepared.array[number] if prepared else reader.read(number)
        return torch.from_numpy(out).permute(0, 3, 1, 2)


def held_out_pairs(root: Path, count: int, seed: int = 0) -> list[Pair]:
    """Up to `count` pairs of the test split, always the same ones.

    They come from test/pairs.csv. Without that file, random pictures of the test split are put together. A frame of a
    video is named as capture.data.decoding.video_frame does it.
    """
    test = root / "test"
    if (test / "pairs.csv").is_file():
        pairs = read_pairs(test / "pairs.csv")
        step = max(len(pairs) // max(count, 1), 1)  # spread over the file: neighbours are often alike
        return pairs[::step][:count]
    pictures = _test_pictures(test)
    if len(pictures) < 2:
        return []
    rng = np.random.default_rng(seed)
    draws = (rng.choice(len(pictures), size=2, replace=False) for _ in range(count))
    return [Pair(pictures[i], pictures[j], None) for i, j in draws]


def _test_pictures(test: Path) -> list[Path]:
    """Pictures in test/imgs/ or test/; else the frames of test/<video>/ and test/<video>.mp4, as in Fashion."""
    if not test.is_dir():
        return []
    folder, names = frame_folder(test)
    if folder == test:
        names = [name for name in names if not is_animation(folder / name)]
    if names:
        return [folder / name for name in names]
    pictures = []
    for video in folders(test):
        folder, names = frame_folder(video)
        pictures += [folder / name for name in names]
    for video in videos(test):
        with VideoReader(video) as reader:
            pictures += [video_frame(video, i) for i in range(len(reader))]
    return pictures


def load_pairs(
    pairs: list[Pair], size: int, with_maps: bool = False, uv_parts: tuple[str, ...] | None = None
) -> dict[str, Tensor]:
    """Pairs as a batch.

    Args:
        size: side S of the pictures in pixels.
        with_maps: add the IUV maps of the pictures.
        uv_parts: how the dataset numbers the parts of its maps (Catalog.uv_parts); with None, only the maps that the
            pairs name are used, not those that lie beside the pictures.
    Returns:
        uint8 (N, 3, S, S): `identity`, `pose`; `target` where every pair has one; with `with_maps`, `<name>_uv` where
        every pair has that map.
    Raises:
        CaptureError: a picture or a map can't be read, or a map hasn't the size of its picture.
    """
    names = ["identity", "pose"] + ["target"] * all(pair.target is not None for pair in pairs)
    batch = {name: _stack([decode_path(getattr(pair, name), size) for pair in pairs]) for name in names}
    for name in names if with_maps else ():
        pictures = [getattr(pair, name) for pair in pairs]
        beside = map(find_map, pictures) if uv_parts is not None else [None] * len(pairs)
        paths = [getattr(pair, name + MAPS) or path for pair, path in zip(pairs, beside)]
        if all(paths):
            maps = zip(paths, map(picture_size, pictures))
            batch[name + MAPS] = _stack([decode_map(path, size, uv_parts or (), shape) for path, shape in maps])
    return batch


def _stack(frames: list[np.ndarray]) -> Tensor:
    """Pictures uint8 (S, S, 3) -> uint8 (N, 3, S, S), contiguous."""
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous()
