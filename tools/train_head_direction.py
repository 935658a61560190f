"""Train the network that says where a head looks (capture/inference/kept_parts/head_direction.py).

    python -m tools.train_head_direction result/Styles head_direction.safetensors data/quaternius data/charles_gabriel

RESULT is a result of CaPTURe-Parts, whose segmenter cuts the heads out. Half or more of the heads are toon characters
in many styles, whose poses and cameras are known. The others are training pictures of datasets that prepare.py wrote:
the names of their clips say a direction, such as walk_back_left of sprites or Run_a045 of characters that were rendered
from 45 degrees. Clips in which figures lie or turn over are left out. Errors on --test datasets are printed at the end.

Every 500 steps and after Ctrl-C the state of the training is saved beside OUT, in a file that ends in .training.pt; the
same command goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from tqdm import tqdm

from capture.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_bytes
from capture.common.signals import stop_on_signal
from capture.data.toon.dataset import ToonStream
from capture.inference.kept_parts.head_direction import HeadDirection, cut_out_heads
from capture.inference.transfer import PoseTransfer
from capture.io.images import load_image
from tools.several_pictures import head_yaw

NAMED = {"front": 0, "left": 90, "back": 180, "right": -90}  # degrees; "front_left" is between two
LYING = re.compile("death|roll|standup|defeat|die|backflip|crawl|sit|drive", re.IGNORECASE)
SAMPLES = 5  # of a render group, whose pictures are ten
TOGETHER = 16  # pictures that are segmented at once
KEPT_EVERY = 500  # steps
Heads = tuple[Tensor, Tensor]  # (N, 5, SIDE, SIDE), and angles (N,) in radians


def direction_of(path: Path) -> float | None:
    """The direction in degrees that the name of a picture's clip says; None where it says none."""
    words = "/".join(path.parts[-4:])
    if LYING.search(words):
        return None
    azimuth = re.search(r"_a(\d{3})(?=/|_|$)", words)
    if azimuth:
        return (int(azimuth[1]) + 180) % 360 - 180
    named = re.search(r"_((?:(?:front|back)_)?(?:front|back|left|right))(?=/|__)", words)
    if named is None:
        return None
    first, *second = (NAMED[word] for word in named[1].split("_"))
    return first if not second else math.copysign((first + abs(second[0])) / 2, second[0])


def dataset_heads(transfer: PoseTransfer, pictures: Sequence[tuple[Path, float]], name: str) -> Heads:
    """The heads of pictures whose directions are known."""
    heads: list[Tensor] = []
    angles: list[float] = []
    for start in tqdm(range(0, len(pictures), TOGETHER), desc=name, leave=False):
        some = pictures[start : start + TOGETHER]
        shown = torch.stack([load_image(path, transfer.size) for path, _ in some])
        add(heads, angles, transfer, shown, [degrees for _, degrees in some])
    if not heads:
        raise CaptureError(f"{name}: the segmenter of {transfer.source} finds no head in {len(pictures)} pictures")
    return torch.stack(heads), torch.tensor(angles)


def toon_heads(transfer: PoseTransfer, groups: int, seed: int) -> Heads:
    """The heads of toon characters in many styles, of so many render groups."""
    stream = ToonStream(
        transfer.size, seed=seed, styles="many", style_share=0.8, bodies=0.3, share_renders=True,
        samples_per_render_group=SAMPLES, mixed_motions=0.2,
    )  # fmt: skip
    heads: list[Tensor] = []
    angles: list[float] = []
    for group in tqdm(range(groups), desc="toon"):
        indices = range(group * SAMPLES, (group + 1) * SAMPLES)
        batch = stream.batch(indices)
        found = {
            str(shot): (shot, batch[role][k])
            for k, index in enumerate(indices)
            for role, shot in zip(("identity", "real", "pose"), stream.shots(index))
        }
        shots, pictures = zip(*found.values())
        add(heads, angles, transfer, torch.stack(pictures), (-head_yaw(shots)).tolist())
    return torch.stack(heads), torch.tensor(angles)


def add(
    heads: list[Tensor], angles: list[float], transfer: PoseTransfer, shown: Tensor, degrees: Sequence[float]
) -> None:
    """Cut the heads of pictures out and add them, and their angles, to the lists."""
    logits = transfer.part_logits(shown)
    if logits is None:
        raise CaptureError(f"{transfer.source}: this method has no segmenter; give a result of CaPTURe-Parts")
    for head, angle in zip(cut_out_heads(shown, logits), degrees):
        if head is not None:
            heads.append(head)
            angles.append(math.radians(angle))


def named_pictures(dataset: Path, split: str, most: int, rng: np.random.Generator) -> list[tuple[Path, float]]:
    """Up to `most` pictures of a dataset whose names say a direction, at random.

    Raises:
        CaptureError: there is none.
    """
    paths = sorted(path for path in (dataset / split).rglob("*.png") if "imgs" in path.parts[-3:])
    found = [(path, degrees) for path in paths if (degrees := direction_of(path)) is not None]
    if not found:
        raise CaptureError(f"{dataset}/{split}: no picture's name says a direction, such as walk_left or Run_a045")
    return [found[k] for k in rng.permutation(len(found))[:most]]


def train(heads: Tensor, angles: Tensor, steps: int, state: Path) -> HeadDirection:
    """A network trained by the likelihood of the angles under von Mises distributions.

    Args:
        state: the file that an interrupted training is kept in, and goes on from.
    Raises:
        CaptureError: the file is of a training on other heads or of another length.
        KeyboardInterrupt: after a signal, once the state is written.
    """
    network = HeadDirection()
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.02)
    schedule = OneCycleLR(optimizer, 3e-3, total_steps=steps)
    about = f"{steps} steps on {len(heads)} heads {hashlib.sha256(heads.numpy().tobytes()).hexdigest()}"
    start = _resume(network, optimizer, schedule, state, about) if state.exists() else 0
    bar = tqdm(range(start, steps), desc=f"train, kept in {state}", initial=start, total=steps)
    with stop_on_signal() as stopped:
        for step in bar:
            chosen = torch.randint(len(heads), (128,))
            seen, truth = augmented(heads[chosen].float(), angles[chosen])
            loss = negative_log_likelihood(network(seen), truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.3f}")
            if stopped or (step + 1) % KEPT_EVERY == 0:
                learnt = {"gen_state_dict": network.state_dict(), "gen_opt": optimizer.state_dict()}
                place = {"schedule": schedule.state_dict(), "rng": torch.get_rng_state(), "step": step + 1}
                save_checkpoint(state, {**learnt, **place, "about": about})
            if stopped:
                raise KeyboardInterrupt
    return network.eval()


def _resume(
    network: HeadDirection, optimizer: torch.optim.Optimizer, schedule: LRScheduler, state: Path, about: str
) -> int:
    """Read an interrupted training, and return how many steps it has had."""
    kept = load_checkpoint(state)
    if kept.get("about") != about:
        raise CaptureError(
            f"{state}: an interrupted training of other heads or --steps; move it away, or go on with it"
        )
    network.load_state_dict(kept["gen_state_dict"])
    optimizer.load_state_dict(kept["gen_opt"])
    schedule.load_state_dict(kept["schedule"])
    torch.set_rng_state(kept["rng"])
    return int(kept["step"])


def negative_log_likelihood(vectors: Tensor, angles: Tensor) -> Tensor:
    """Of angles (B,) under von Mises distributions around vectors (B, 2), without a constant."""
    length = vectors.norm(dim=1).clamp(min=1e-3)
    along = vectors[:, 0] * angles.cos() + vectors[:, 1] * angles.sin()
    return (torch.special.i0e(length).log() + length - along).mean()


def augmented(heads: Tensor, angles: Tensor) -> Heads:
    """Heads (B, 5, SIDE, SIDE) mirrored, turned, moved and in other colours, some without the segmenter's maps."""
    count = len(heads)
    mirrored = torch.rand(count) < 0.5
    heads = torch.where(mirrored[:, None, None, None], heads.flip(-1), heads)
    angles = torch.where(mirrored, -angles, angles)
    scale, turn, shift = 0.85 + 0.3 * torch.rand(count), 0.12 * torch.randn(count), 0.1 * torch.randn(count, 2)
    c, s = scale * turn.cos(), scale * turn.sin()
    maps = torch.stack([torch.stack([c, -s, shift[:, 0]], 1), torch.stack([s, c, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(maps, list(heads.shape), align_corners=False)
    heads = F.grid_sample(heads, grid, padding_mode="border", align_corners=False)
    mixing = torch.linalg.qr(torch.randn(count, 3, 3))[0]
    gain = (0.6 + 0.6 * torch.rand(count))[:, None, None, None]
    mixed = gain * torch.einsum("bij,bjhw->bihw", mixing, heads[:, :3]) + 0.3 * torch.randn(count, 3, 1, 1)
    plain = gain * heads[:, :3] + 0.15 * torch.randn(count, 3, 1, 1)
    colours = torch.where((torch.rand(count) < 0.5)[:, None, None, None], mixed, plain).clamp(-1, 1)
    known = (torch.rand(count, 2, 1, 1) > 0.25).float()
    return torch.cat([colours, heads[:, 3:] * known], 1), angles


def errors(vectors: Tensor, angles: Tensor) -> Tensor:
    """Differences in degrees, (B,), of the directions of vectors (B, 2) from angles in radians (B,)."""
    found = torch.atan2(vectors[:, 1], vectors[:, 0])
    return torch.rad2deg((found - angles + math.pi).remainder(2 * math.pi) - math.pi).abs()


@torch.no_grad()
def report(network: HeadDirection, heads: Tensor, angles: Tensor, name: str) -> str:
    """One line: how far off the network is."""
    wrong = errors(network(heads), angles)
    near = float((wrong < 60).float().mean())
    return f"{name}: {len(heads)} heads, median {wrong.median():.0f} degrees off, {near:.0%} by less than 60"


@command_line
def main() -> None:
    parser = Parser(
        prog="tools.train_head_direction", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("result", type=Path, help="a result of CaPTURe-Parts")
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    parser.add_argument("datasets", type=Path, nargs="*", help="folders that prepare.py wrote")
    parser.add_argument("--test", type=Path, nargs="+", default=[], help="... whose test pictures are measured")
    parser.add_argument("--groups", type=int, default=960, help="of toon pictures, about 15 heads each (960)")
    parser.add_argument("--most", type=int, default=2700, help="pictures of a dataset (2700)")
    parser.add_argument("--steps", type=int, default=4000, help="of training, 128 heads each (4000)")
    parser.add_argument("--seed", type=int, default=777)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    transfer = PoseTransfer.load(args.result, "auto")
    given = [(path, named_pictures(path, "train", args.most, rng)) for path in args.datasets]
    tests = [(path, named_pictures(path, "test", args.most, rng)) for path in args.test]
    found = [dataset_heads(transfer, pictures, path.name) for path, pictures in given]
    if args.groups:
        found.append(toon_heads(transfer, args.groups, args.seed))
    if not found:
        raise CaptureError("--groups 0: give datasets then")
    heads, angles = (torch.cat(parts) for parts in zip(*found))
    state = args.out.with_suffix(".training.pt")
    network = train(heads, angles, args.steps, state)
    write_bytes(args.out, save({name: value.contiguous() for name, value in network.state_dict().items()}))
    state.unlink(missing_ok=True)
    print(f"{len(heads)} heads; the network is in {args.out}")
    for path, pictures in tests:
        print(report(network, *dataset_heads(transfer, pictures, path.name), path.name))


if __name__ == "__main__":
    main()
