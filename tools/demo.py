"""The last step of `make demo`: how well did it learn? A table against two floors, a picture, and an animated drawing.

    python -m tools.demo result/demo data/toon_demo

The picture shows what was trained just now beside the weights that come with the project, on the same pairs. These
weights also make one drawing walk.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from capture.common.errors import CaptureError, command_line
from capture.common.files import write_bytes
from capture.data.frames import load_pairs
from capture.inference.transfer import PoseTransfer
from capture.io.images import grid, image_to_tensor, png_bytes, tensor_to_image
from capture.io.pairs import Pair, read_pairs
from capture.metrics.image import l1, ssim

COLUMNS = ("identity", "pose", "trained now", "in the box", "truth")
PROJECT = Path(__file__).resolve().parents[1]
WEIGHTS = "Toon"  # the weights in the box
DRAWING, MOTION = Path("examples") / "cat.png", "motion:walk"
ROWS, BLOCKS, ZOOM, GAP, HEADER = 6, 2, 2, 4, 30  # twelve pairs in two blocks of rows, enlarged


def measure(pairs: dict[str, Tensor], output: Tensor, in_the_box: Tensor) -> dict[str, tuple[float, float]]:
    """{row: (mean L1, mean SSIM)}, on [0, 1], for the two floors and both outputs."""
    rows = {
        "identity returned unchanged": pairs["identity"],
        "pose returned unchanged": pairs["pose"],
        "trained now": output,
        "weights in the box": in_the_box,
    }
    target = pairs["target"].float() / 255
    return {
        name: (l1(images.float() / 255, target).mean().item(), ssim(images.float() / 255, target).mean().item())
        for name, images in rows.items()
    }


def picture(columns: list[Tensor], names: Sequence[str] = COLUMNS) -> Tensor:
    """Labelled rows of COLUMNS, or of any others, in blocks side by side: uint8 (3, H, W)."""
    zoomed = [column.repeat_interleave(ZOOM, dim=2).repeat_interleave(ZOOM, dim=3) for column in columns]
    count = len(zoomed[0]) // BLOCKS
    blocks = [grid([c[i * count : (i + 1) * count] for c in zoomed], GAP) for i in range(BLOCKS)]
    space = torch.full((3, blocks[0].shape[1], 4 * GAP), 255, dtype=torch.uint8)
    body = tensor_to_image(torch.cat([blocks[0], *(t for b in blocks[1:] for t in (space, b))], dim=2))
    sheet = Image.new("RGB", (body.width, body.height + HEADER), (255, 255, 255))
    sheet.paste(body, (0, HEADER))
    pen, font, side = ImageDraw.Draw(sheet), ImageFont.load_default(16), zoomed[0].shape[-1]
    for block in range(BLOCKS):
        for i, name in enumerate(names):
            x = block * (blocks[0].shape[2] + space.shape[2]) + GAP + i * (side + GAP) + side // 2
            pen.text((x, HEADER // 2 + 2), name, fill=(60, 60, 60), font=font, anchor="mm")
    return image_to_tensor(sheet)


def render_with(transfer: PoseTransfer, pairs: list[Pair], size: int) -> Tensor:
    """The outputs of pairs by weights of another size, as uint8 (N, 3, size, size)."""
    loaded = load_pairs(pairs, transfer.size)
    made = transfer.render(loaded["identity"], loaded["pose"]).float()
    return F.interpolate(made, (size, size), mode="bilinear", antialias=True).round().clamp(0, 255).byte()


def animate(folder: Path) -> list[Path]:
    """One drawing that walks, seen from three sides: an animation, and a sprite sheet with its description."""
    from capture.inference.pipeline import Pipeline

    sides = ("front_left", "front", "front_right")
    frames = Pipeline.load(WEIGHTS)(
        PROJECT / DRAWING, MOTION, resolution="native", background="transparent", frames=8, direction=sides
    )
    return [frames.save(folder / "walk.gif"), frames.save(folder / "walk_sheet.png", form="sheet")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("result", type=Path, help="the trained run")
    parser.add_argument("dataset", type=Path, help="a dataset with test/pairs.csv")
    args = parser.parse_args()
    transfer = PoseTransfer.load(args.result)
    files = read_pairs(args.dataset / "test" / "pairs.csv")
    pairs = load_pairs(files, transfer.size)
    if "target" not in pairs or len(pairs["pose"]) < ROWS * BLOCKS:
        raise CaptureError(f"{args.dataset}: the demo wants {ROWS * BLOCKS} test pairs with targets; prepare it again")
    output = transfer.render(pairs["identity"], pairs["pose"])
    in_the_box = render_with(PoseTransfer.load(WEIGHTS), files, transfer.size)

    columns = (pairs["identity"], pairs["pose"], output, in_the_box, pairs["target"])
    shown = [images[: ROWS * BLOCKS] for images in columns]
    path = args.result / "demo.png"
    write_bytes(path, png_bytes(picture(shown)))

    table = measure(pairs, output, in_the_box)
    print(f"\n{len(output)} pairs of characters that training never saw, {transfer.size}x{transfer.size}\n")
    print(f"{'':30}{'L1 (lower is better)':>22}{'SSIM (higher is better)':>26}")
    for name, (distance, similarity) in table.items():
        print(f"{name:30}{distance:22.4f}{similarity:26.4f}")
    *floors, (distance, similarity), _ = table.values()
    best_l1, best_ssim = min(f[0] for f in floors), max(f[1] for f in floors)
    beaten = distance < best_l1 and similarity > best_ssim
    print(f"\nL1 {distance / best_l1 - 1:+.0%} and SSIM {similarity - best_ssim:+.3f} against the better floor:")
    print("both floors beaten on both metrics" if beaten else "NOT better than both floors; train longer")
    print(f"picture: {path}  ({', '.join(COLUMNS)})")
    print(f"one drawing, walking: {' and '.join(map(str, animate(args.result)))}")
    return 0 if beaten else 1


if __name__ == "__main__":
    command_line(main)()
