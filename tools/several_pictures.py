"""One, two and four pictures of a character, measured where several should help: hidden surfaces and turned heads.

    python -m tools.several_pictures result/Toon --weights FOLDER
    python -m tools.several_pictures result/Toon --weights FOLDER --turned --pairs 32

draws held-out toon characters, each once from the front and from the other sides in the same posture, and drives them
by other characters seen from anywhere. It prints one table for the pairs in which the head of the target is turned by
more than 60 degrees from that of the first picture, and one for the others; --turned takes the former alone. LPIPS
needs AlexNet's weights: a folder, or $CAPTURE_WEIGHTS. A pixel is hidden where the first picture does not show its
surface point.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_atomically, write_bytes
from capture.common.pretrained import WeightsMissing, weights_folder
from capture.data.toon.characters.character import make_character
from capture.data.toon.held_out import held_out_shots
from capture.data.toon.motion.motions import posture
from capture.data.toon.rendering.camera import Shot, place_on_ground
from capture.data.toon.rendering.render import render
from capture.data.toon.skeleton import INDEX, apply3, matmul3, rotation
from capture.evaluation.significance import bootstrap_intervals
from capture.inference.layered import check_layered
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, normalise
from capture.metrics.image import foreground_l1, l1
from capture.metrics.lpips import Perceptual
from capture.nn.iuv import INVALID, correspondence_flow

SIDES = {"front": 0.0, "back": 180.0, "left": 90.0, "right": -90.0}  # azimuths of the camera
ROWS = (("front",), ("front", "back"), ("front", "back", "left", "right"))
TURNED = 60.0  # degrees: more than this between the heads of the first picture and of the target
MOST_TRIED = 4  # pairs for each with a turned head: about every third has one
METRICS = ("LPIPS", "L1", "L1 figure", "L1 of hidden pixels")


class Drawn(NamedTuple):
    """Pairs, all uint8.

    Attributes:
        pictures: side -> (N, 3, S, S), the identities.  pose, target: (N, 3, S, S).
        figure, hidden: bool (N, 1, S, S), the target's pixels of the figure, and those that `front` does not show.
        turn: (N,) degrees from 0 to 180 between the heads of `front` and of the target.
    """

    pictures: dict[str, Tensor]
    pose: Tensor
    target: Tensor
    figure: Tensor
    hidden: Tensor
    turn: Tensor


def head_yaw(shots: Sequence[Shot]) -> Tensor:
    """Degrees (N,) by which heads are turned from the viewer, from -180 to 180; 0 looks out of the picture."""
    characters = [make_character(shot.character_seed) for shot in shots]
    posed = posture(*zip(*((shot.clip, shot.time, shot.clip_style_seed) for shot in shots)))
    head = place_on_ground(posed, characters).matrix[:, INDEX["head"]]  # (N, 3, 3), to the world
    azimuth, pitch = torch.tensor([(shot.view.azimuth_degrees, shot.view.pitch_degrees) for shot in shots]).unbind(1)
    camera = matmul3(rotation("x", pitch), rotation("y", -azimuth))  # (N, 3, 3), from the world
    forward = apply3(camera, head[:, :, 2])  # (N, 3)
    return torch.rad2deg(torch.atan2(forward[:, 0], forward[:, 2]))


def seen_from(shot: Shot, azimuth: float) -> Shot:
    """The same posture from another side."""
    return replace(shot, view=replace(shot.view, azimuth_degrees=azimuth))


def between_heads(pairs: Sequence[tuple[Shot, Shot, Shot]]) -> Tensor:
    """Degrees (N,) from 0 to 180 between the heads of identities from the front and of targets."""
    fronts, targets = [seen_from(pair[0], SIDES["front"]) for pair in pairs], [pair[2] for pair in pairs]
    return ((head_yaw(targets) - head_yaw(fronts) + 180) % 360 - 180).abs()


def draw(count: int, size: int, turned: bool = False) -> Drawn:
    """The first `count` held-out pairs, or those with a turned head, with all the pictures of SIDES."""
    pairs = held_out_shots(MOST_TRIED * count if turned else count, views="all")
    turn = between_heads(pairs)
    chosen = [i for i in range(len(pairs)) if not turned or turn[i] > TURNED][:count]
    pairs, turn = [pairs[i] for i in chosen], turn[chosen]
    sides = {name: [seen_from(pair[0], azimuth) for pair in pairs] for name, azimuth in SIDES.items()}
    poses, targets = ([pair[place] for pair in pairs] for place in (1, 2))
    pictures = {name: render(shots, size)["rgb"] for name, shots in sides.items() if name != "front"}
    front, target = (render(shots, size, outputs=("rgb", "iuv")) for shots in (sides["front"], targets))
    figure = target["iuv"][:, :1] > 0
    shown = correspondence_flow(target["iuv"], front["iuv"])[..., 0] != INVALID  # (N, S, S)
    return Drawn(
        {"front": front["rgb"], **pictures},
        render(poses, size)["rgb"],
        target["rgb"],
        figure,
        figure & ~shown[:, None],
        turn,
    )


@torch.no_grad()
def outputs(transfer: PoseTransfer, drawn: Drawn, row: Sequence[str]) -> Tensor:
    """What the network makes of some pictures of each identity: uint8 (N, 3, S, S)."""
    made = []
    for i in range(len(drawn.pose)):
        known = [transfer.encode_identity(normalise(drawn.pictures[name][i : i + 1])) for name in row]
        pose = transfer.encode_pose(normalise(drawn.pose[i : i + 1]))
        made.append(transfer.decode_layers(known, pose, transfer.estimate_motion(known, pose)).image)
    return denormalise(torch.cat(made).cpu())


def measure(made: Tensor, drawn: Drawn, perceptual: Perceptual) -> Tensor:
    """METRICS of every pair, float64 (N, 4); NaN where no pixel is hidden."""
    made, target = made.float() / 255, drawn.target.float() / 255
    distance = torch.cat([perceptual(a, b) for a, b in zip(made.split(16), target.split(16))]).cpu()
    masked = [foreground_l1(made, target, mask) for mask in (drawn.figure, drawn.hidden)]
    return torch.stack([distance, l1(made, target), *masked], dim=1).double()


def table(measured: dict[str, Tensor], chosen: Tensor) -> str:
    """A Markdown table of the pairs `chosen`, bool (N,): means, and how LPIPS differs from one picture's, with 95 %."""
    lines = [f"| pictures | {' | '.join(METRICS)} | LPIPS less that of one picture |", f"|---{'|---' * 5}|"]
    first = next(iter(measured.values()))[chosen, :1]
    for name, values in measured.items():
        cells = [f"{value:.4f}" for value in values[chosen].nanmean(0).tolist()]
        difference = values[chosen, :1] - first
        low, high = bootstrap_intervals(difference)[0].tolist()
        cells.append(f"{difference.mean():+.4f} ({low:+.4f} to {high:+.4f})" if name != "front" else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def load_perceptual(folder: str | Path | None) -> Perceptual:
    """LPIPS with AlexNet's weights from --weights, from $CAPTURE_WEIGHTS, or downloaded.

    Raises:
        CaptureError: they are not there, or are not the published ones.
    """
    try:
        return Perceptual.load("alex", weights_folder(folder))
    except WeightsMissing as missing:
        raise CaptureError(str(missing)) from None


def check_writable(path: Path) -> None:
    """CaptureError where no file can be written to `path`, before anything is measured for it."""
    if not path.name or path.is_dir():
        raise CaptureError(f"{path}: a folder; name a file in it")
    probe = path.with_name(f".{path.name}.probe")
    write_bytes(probe, b"", sync=False)
    probe.unlink()


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("result", help="weights of capture_parts")
    parser.add_argument("--weights", help="folder with AlexNet's weights (default: $CAPTURE_WEIGHTS, else downloaded)")
    parser.add_argument("--pairs", type=int, default=96, help="held-out pairs (default 96)")
    parser.add_argument("--turned", action="store_true", help="only pairs with a turned head")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the numbers of every pair, for torch.load")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args = parser.parse_args()
    if args.out:
        check_writable(args.out)
    transfer = PoseTransfer.load(args.result)
    check_layered(transfer, "several pictures")
    perceptual = load_perceptual(args.weights)
    drawn = draw(args.pairs, transfer.size, args.turned)
    measured = {", ".join(row): measure(outputs(transfer, drawn, row), drawn, perceptual) for row in ROWS}
    if args.out:
        numbers = {"turn": drawn.turn, "measured": measured}
        write_atomically(args.out, lambda file: torch.save(numbers, file))
    turned = drawn.turn > TURNED
    groups = {f"heads turned by more than {TURNED:.0f} degrees": turned, "other pairs": ~turned}
    for name, chosen in groups.items():
        if not chosen.any():
            continue
        share = drawn.hidden[chosen].sum() / drawn.figure[chosen].sum().clamp(min=1)
        print(
            f"\n{name}: {int(chosen.sum())} pairs, {share:.0%} of the figure's pixels are hidden in the first picture\n"
        )
        print(table(measured, chosen))


if __name__ == "__main__":
    command_line(main)()
