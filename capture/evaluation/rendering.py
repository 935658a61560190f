"""Rendering the pairs of an evaluation into PNG files, which an interrupted evaluation uses again when it goes on.

A picture's file is <folder>/<result>-<key>/<index>_<digest>.png. The key is a digest of the checkpoint, the size and
the protocol; <digest> is one of both input pictures and of the maps that the method reads. So a picture is rendered
again whenever one of these changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from capture.checkpoints.checkpoint import network_sections
from capture.common.errors import CaptureError
from capture.common.files import sha256_of, write_bytes
from capture.common.memory import explain_out_of_memory
from capture.evaluation.maps import load_maps, map_roles
from capture.evaluation.parallel import Workers
from capture.evaluation.protocol import VERSION
from capture.inference.framing import AS_IS, AUTO, Known, frame_picture, known_framing
from capture.inference.pipeline import Pipeline
from capture.inference.transfer import PoseTransfer
from capture.inference.window import in_square
from capture.io.images import denormalise, image_to_tensor, load_image, normalise, open_upright, png_bytes
from capture.io.pairs import Pair
from capture.methods.published import SUFFIXES
from capture.metrics.precision import no_tf32

THREADS = 4  # threads that decode pictures


def render(
    transfer: PoseTransfer,
    name: str,
    pairs: Sequence[tuple[int, Pair]],
    size: int,
    folder: Path,
    workers: Workers,
    batch_size: int = 8,
    framing: bool = False,
    as_saved: bool = False,
) -> list[Path]:
    """Render the pairs whose file is missing, without noise and in float32.

    Args:
        pairs: (index in the pairs file, pair), each with the maps that the method reads.
        size: transfer.size.  folder: where the folders of pictures go.
        framing: frame identities and poses as the weights know them, where that is known (capture.inference.framing).
        as_saved: make the pictures that save_result.py saves: at the size of the identity's picture, and pixel art of
            pixel art; then scale them to `size`.
    Returns:
        The files of all pictures, in the order of `pairs`.
    Raises:
        CaptureError: an input that can't be read, or a picture with NaN in it.
    """
    known = known_framing(transfer.config) if framing else None
    framed = " framed" * bool(known) + " as saved" * as_saved
    about = json.dumps(network_sections(transfer.config), sort_keys=True)  # 0config.yaml may change beside the weights
    made_by = f"{_weights_digest(transfer.source)} {size} {VERSION}{framed} {about}"
    key = hashlib.sha256(made_by.encode()).hexdigest()[:12]
    place = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}-{key}"
    roles = map_roles(transfer.generator)
    with ThreadPoolExecutor(THREADS) as threads:
        files = list(threads.map(lambda pair: place / f"{pair[0]:05d}_{_digest(pair[1], roles)}.png", pairs))
        missing = {i for i, file in enumerate(files) if not (file.is_file() and file.stat().st_size)}
        mine = [batch for batch in workers.share(len(pairs), batch_size) if missing.intersection(batch)]
        total = sum(map(len, mine))
        with tqdm(total=total, desc=f"render {name}", unit="pair", disable=not (mine and workers.is_main)) as bar:
            for batch in mine:
                # whole batches, even for one missing picture: the last digit depends on the size of the batch
                with explain_out_of_memory(transfer.device, f"rendering {name} at --batch_size {batch_size}"):
                    chosen = [pairs[i][1] for i in batch]
                    if as_saved:
                        pictures = _render_as_saved(transfer, chosen, size, framing)
                    else:
                        pictures = _render_batch(transfer, chosen, size, threads, known)
                for i, picture in zip(batch, pictures):
                    if i in missing:
                        _write(files[i], picture, f"{transfer.source}: NaN in the picture of pair {pairs[i][0]}")
                bar.update(len(batch))
    workers.wait()
    return files


def _render_batch(
    transfer: PoseTransfer, pairs: list[Pair], size: int, threads: ThreadPoolExecutor, known: Known | None
) -> Tensor:
    """The pictures of some pairs, float (B, 3, size, size) in [-1, 1] on the CPU."""
    if known:
        return _render_framed(transfer, pairs, size, threads, known)
    identity, pose = (
        normalise(torch.stack(list(threads.map(lambda path: load_image(path, size), paths))))
        for paths in ([pair.identity for pair in pairs], [pair.pose for pair in pairs])
    )
    maps = load_maps(map_roles(transfer.generator), pairs, size, threads)
    with no_tf32():
        return transfer.transfer(identity, pose, maps=maps).cpu()


def _render_framed(
    transfer: PoseTransfer, pairs: list[Pair], size: int, threads: ThreadPoolExecutor, known: Known
) -> Tensor:
    """The same of pictures framed as the weights know them; what is drawn stands where the pose does in its picture."""
    identities, poses = (
        list(threads.map(lambda path: frame_picture(open_upright(path), size, known), paths))
        for paths in ([pair.identity for pair in pairs], [pair.pose for pair in pairs])
    )
    identity, pose = (
        normalise(torch.stack([image_to_tensor(one.image) for one in framed])) for framed in (identities, poses)
    )
    with no_tf32():
        made = transfer.transfer(identity, pose).cpu()
    for i, posed in enumerate(poses):
        if not posed.window.is_whole and torch.isfinite(made[i]).all():
            picture = in_square(denormalise(made[i]).permute(1, 2, 0).contiguous().numpy(), posed.window)
            made[i] = normalise(torch.from_numpy(picture.copy()).permute(2, 0, 1))
    return made


def _render_as_saved(transfer: PoseTransfer, pairs: list[Pair], size: int, framing: bool) -> Tensor:
    """The same as save_result.py saves them, scaled to `size`: large pixels stay squares where they are enlarged."""
    pipeline = Pipeline(transfer)
    made = []
    for pair in pairs:
        with no_tf32():
            picture = pipeline(pair.identity, pair.pose, framing=AUTO if framing else AS_IS)
        assert isinstance(picture, Image.Image)
        if picture.size != (size, size):
            smaller = max(picture.size) > size
            picture = picture.resize((size, size), Image.Resampling.BOX if smaller else Image.Resampling.NEAREST)
        made.append(normalise(image_to_tensor(picture.convert("RGB"))))
    return torch.stack(made)


def _weights_digest(source: Path) -> str:
    """SHA-256 of the file of weights, or of all files of weights in a release's folder."""
    if source.is_file():
        return sha256_of(source)
    files = sorted(path for path in source.iterdir() if path.suffix in SUFFIXES)
    return hashlib.sha256("".join(sha256_of(path) for path in files).encode()).hexdigest()


def _write(file: Path, picture: Tensor, complaint: str) -> None:
    if not torch.isfinite(picture).all():
        raise CaptureError(f"{complaint}; training went astray, use an earlier checkpoint")
    write_bytes(file, png_bytes(denormalise(picture)), sync=False)


def _digest(pair: Pair, roles: Sequence[str]) -> str:
    """A digest of the bytes of a pair's pictures and of the maps that `roles` name."""
    digest = hashlib.sha256()
    for path in (pair.identity, pair.pose, *(getattr(pair, role) for role in roles)):
        digest.update(bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()[:8]
