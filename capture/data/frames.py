"""Training samples and test pairs from folders of frames, and from videos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from capture.data.cache import PreparedFrames, prepare_frames
from capture.data.decoding import FrameReader, decode_path, video_frame
from capture.data.index.catalog import Catalog, folders, frame_folder, videos
from capture.data.iuv.maps import MapReader, any_map, prepare_maps
from capture.data.sampling import draw
from capture.io.pairs import Pair, read_pairs
from capture.io.video import VideoReader, is_animation
from capture.methods.capture_parts.attention_loss import MAPS


class FrameDataset(Dataset):
    """Sample i of a catalog: uint8 (3, S, S) `identity`, `real`, `pose`, and where aligned `target`, `has_target`.

    Tensors are channels_last: (S, S, 3) in memory, as frames are stored and as networks want them.

    Args:
        cache_gb: what prepared frames may take on the disk, or frames kept by the processes that read them in memory.
        uv: add `<name>_uv`, the IUV map of each picture in toon's numbers, zeros where there is none; of a catalog that
            has maps.
    """

    def __init__(self, catalog: Catalog, size: int, seed: int, cache_gb: float = 0.0, uv: bool = False):
        self.catalog, self.size, self.seed, self.cache_gb = catalog, size, seed, cache_gb
        self.has_maps = uv and any_map(catalog)
        self.prepared: PreparedFrames | None = None
        self.prepared_maps: PreparedFrames | None = None
        self.reader, self.map_reader = FrameReader(catalog, size), MapReader(catalog, size)

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Have all frames and maps decoded, once, and read them from memory from now on; whether that is so.

        Where they are too many, each of `processes` keeps those it read last.

        Raises:
            CaptureError: frames that can't be read.
        """
        if self.prepared is None:
            self.prepared = prepare_frames(self.catalog, self.size, self.cache_gb, progress)
        if self.has_maps and self.prepared is not None and self.prepared_maps is None:
            left = self.cache_gb - self.prepared.array.nbytes / 1e9
            self.prepared_maps = prepare_maps(self.catalog, self.size, left, progress)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        keep = int(min(self.cache_gb * 1e9, memory / 8) / max(processes, 1) / (1 + self.has_maps))
        if self.prepared is None:
            self.reader = FrameReader(self.catalog, self.size, keep)
        if self.has_maps and self.prepared_maps is None:
            self.map_reader = MapReader(self.catalog, self.size, keep)
        return self.prepared is not None and (self.prepared_maps is not None or not self.has_maps)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: value[0] for name, value in self.batch([index]).items()}

    def batch(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Samples as uint8 (B, 3, S, S); `has_target` (B)."""
        drawn = [draw(self.catalog, self.seed, index) for index in indices]
        roles = ("identity", "real", "pose", "target") if self.catalog.aligned else ("identity", "real", "pose")
        numbers = {role: [getattr(one, role) for one in drawn] for role in roles}
        frames = {role: self._gather(wanted, self.prepared, self.reader) for role, wanted in numbers.items()}
        if self.has_maps:
            for role, wanted in numbers.items():
                frames[role + MAPS] = self._gather(wanted, self.prepared_maps, self.map_reader)
        if self.catalog.aligned:
            frames["has_target"] = torch.tensor([number is not None for number in numbers["target"]])
        return frames

    def describe(self, index: int) -> dict[str, str]:
        """The files of sample `index`, by role; a frame of a video as <file>#<number>."""
        drawn = draw(self.catalog, self.seed, index)._asdict()
        found = {role: self.catalog.frame(number) for role, number in drawn.items() if number is not None}
        return {role: f"{path}" if at is None else f"{path}#{at}" for role, (path, at) in found.items()}

    def _gather(self, numbers: list[int | None], prepared: PreparedFrames | None, reader: FrameReader) -> Tensor:
        """Frames or maps as uint8 (B, 3, S, S); zeros for None."""
        out = np.empty((len(numbers), self.size, self.size, 3), np.uint8)
        for row, number in enumerate(numbers):
            if number is None:
                out[row] = 0
            else:
                out[row] = prepared.array[number] if prepared else reader.read(number)
        return torch.from_numpy(out).permute(0, 3, 1, 2)


def held_out_pairs(root: Path, count: int, seed: int = 0) -> list[Pair]:
    """Up to `count` pairs of the test split: from test/pairs.csv, else identities and poses drawn from its pictures.

    A frame of a video is named by capture.data.decoding.video_frame.
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
    """test/imgs/*, test/*, or the frames of test/<video>/ and test/<video>.mp4 (Fashion)."""
    if not test.is_dir():
        return []
    folder, names = frame_folder(test)
    if folder == test:
        names = [name for name in names if not is_animation(folder / name)]
    if names:
        return [folder / name for name in names]
    found = []
    for video in folders(test):
        folder, names = frame_folder(video)
        found += [folder / name for name in names]
    for video in videos(test):
        with VideoReader(video) as reader:
            found += [video_frame(video, i) for i in range(len(reader))]
    return found


def load_pairs(pairs: list[Pair], size: int) -> dict[str, Tensor]:
    """Pairs as uint8 (N, 3, S, S): `identity`, `pose`, and `target` where every pair has one."""
    names = ["identity", "pose"] + ["target"] * all(pair.target is not None for pair in pairs)
    return {name: _stack([decode_path(getattr(pair, name), size) for pair in pairs]) for name in names}


def _stack(frames: list[np.ndarray]) -> Tensor:
    """uint8 (S, S, 3) each -> (N, 3, S, S), contiguous."""
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous()
