"""Training samples and test pairs from folders of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from capture.images import load_image
from datasets.catalog import Catalog, folders, frame_folder
from datasets.pairs import Pair, read_pairs
from datasets.sampling import draw


class FrameDataset(Dataset):
    """Sample i of a catalog: uint8 (3, S, S) `identity`, `real`, `pose`, and where aligned `target`, `has_target`."""

    def __init__(self, catalog: Catalog, size: int, seed: int):
        self.catalog, self.size, self.seed = catalog, size, seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        chosen = draw(self.catalog, self.seed, index)
        sample = {name: load_image(getattr(chosen, name), self.size) for name in ("identity", "real", "pose")}
        if self.catalog.aligned:
            known = chosen.target is not None
            sample["target"] = load_image(chosen.target, self.size) if known else torch.zeros_like(sample["pose"])
            sample["has_target"] = torch.tensor(known)
        return sample


def held_out_pairs(root: Path, count: int, seed: int = 0) -> list[Pair]:
    """Up to `count` pairs of the test split: from test/pairs.csv, else identities and poses drawn from its pictures."""
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
    """test/imgs/*, test/*, or the frames of test/<video>/ (Fashion)."""
    if not test.is_dir():
        return []
    folder, names = frame_folder(test)
    if names:
        return [folder / name for name in names]
    found = []
    for video in folders(test):
        folder, names = frame_folder(video)
        found += [folder / name for name in names]
    return found


def load_pairs(pairs: list[Pair], size: int) -> dict[str, Tensor]:
    """Pairs as uint8 (N, 3, S, S): `identity`, `pose`, and `target` where every pair has one."""
    batch = {
        "identity": torch.stack([load_image(pair.identity, size) for pair in pairs]),
        "pose": torch.stack([load_image(pair.pose, size) for pair in pairs]),
    }
    if all(pair.target is not None for pair in pairs):
        batch["target"] = torch.stack([load_image(pair.target, size) for pair in pairs])
    return batch
