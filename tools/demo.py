"""The last step of `make demo`: how well did it learn? A table against two floors, a picture, and an animated drawing.

    python -m tools.demo result/demo data/toon_parts

The picture shows what was trained just now beside the weights that come with the project, on the same pairs. These
weights also make one drawing walk. Nothing is downloaded: LPIPS is measured where the weights of its network are on
this computer, in the folder $CAPTURE_WEIGHTS or in torch.hub's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_bytes
from capture.common.pretrained import WeightsMissing, weights_folder
from capture.data.frames import load_pairs
from capture.inference.transfer import PoseTransfer
from capture.io.images import grid, image_to_tensor, png_bytes, tensor_to_image
from capture.io.pairs import Pair, read_pairs
from capture.metrics.image import l1, ssim
from capture.metrics.lpips import Perceptual

COLUMNS = ("identity", "pose", "trained now", "in the box", "truth")
PROJECT = Path(__file__).resolve().parents[1]
WEIGHTS = "Toon"  # the weights in the box
DRAWING, MOTION, FRAMES = Path("examples") / "cat.png", "motion:walk", 8
ROWS, BLOCKS, ZOOM, GAP, HEADER = 6, 2, 2, 4, 30  # twelve pairs in two blocks of rows, enlarged


class Score(NamedTuple):
    """Means over all pairs, for pictures in [0, 1]; LPIPS is None where its weights are not at hand."""

    l1: float
    ssim: float
    lpips: float | None

    def beats(self, floors: Sequence[Score]) -> bool:
        """Whether this is better than every floor in every metric that was measured."""
        near = all(self.l1 < floor.l1 and self.ssim > floor.ssim for floor in floors)
        return near and all(self.lpips < f.lpips for f in floors if self.lpips is not None and f.lpips is not None)


def verdict(trained: Score, floors: Sequence[Score]) -> str:
    """Which metrics are better than those of both floors, for people."""
    if trained.beats(floors):
        return f"better than both floors in {'L1 and SSIM' if trained.lpips is None else 'L1, SSIM and LPIPS'}"
    if trained._replace(lpips=None).beats(floors):
        return "better than both floors in L1 and SSIM, NOT in LPIPS; a longer training makes pictures sharper"
    return "NOT better than both floors; train longer"


def lpips_at_hand() -> tuple[Perceptual | None, str]:
    """LPIPS with AlexNet, from files of this computer alone; or None, and a line that says why.

    Raises:
        CaptureError: $CAPTURE_WEIGHTS is no folder, or the weights there are not the published ones.
    """
    cache = Path(torch.hub.get_dir()) / "checkpoints"  # a folder that is named is never downloaded to
    folder = weights_folder() or (cache if cache.is_dir() else None)
    if folder is None:
        return None, "LPIPS is not measured: there is no folder of weights; CAPTURE_WEIGHTS names one"
    try:
        return Perceptual.load("alex", folder, option="CAPTURE_WEIGHTS"), ""
    except WeightsMissing as missing:
        return None, f"LPIPS is not measured: {missing}"


def measure(
    pairs: dict[str, Tensor], output: Tensor, in_the_box: Tensor, perceptual: Perceptual | None
) -> dict[str, Score]:
    """The scores of the two floors and of both outputs, by the names of their rows."""
    rows = {
        "identity returned unchanged": pairs["identity"],
        "pose returned unchanged": pairs["pose"],
        "trained now": output,
        "weights in the box": in_the_box,
    }
    target = pairs["target"].float() / 255

    def score(images: Tensor) -> Score:
        images = images.float() / 255
        distance = perceptual(images, target).mean().item() if perceptual else None
        return Score(l1(images, target).mean().item(), ssim(images, target).mean().item(), distance)

    return {name: score(images) for name, images in rows.items()}


def table(scores: dict[str, Score]) -> str:
    """The scores as lines for people."""
    lines = [f"{'':28}{'L1 (lower is better)':>22}{'SSIM (higher is better)':>25}{'LPIPS (lower is better)':>25}"]
    for name, score in scores.items():
        lpips = "no weights" if score.lpips is None else f"{score.lpips:.4f}"
        lines.append(f"{name:28}{score.l1:22.4f}{score.ssim:25.4f}{lpips:>25}")
    return "\n".join(lines)


def picture(columns: list[Tensor], names: Sequence[str] = COLUMNS, zoom: int = ZOOM) -> Tensor:
    """Labelled rows of COLUMNS, or of any others, in blocks side by side: uint8 (3, H, W)."""
    zoomed = [column.repeat_interleave(zoom, dim=2).repeat_interleave(zoom, dim=3) for column in columns]
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
        PROJECT / DRAWING, MOTION, resolution="native", background="transparent", frames=FRAMES, direction=sides
    )
    return [frames.save(folder / "walk.gif"), frames.save(folder / "walk_sheet.png", form="sheet")]


def main() -> int:
    parser = Parser(prog="python -m tools.demo", description=__doc__)
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

    perceptual, why_not = lpips_at_hand()
    scores = measure(pairs, output, in_the_box, perceptual)
    print(f"\n{len(output)} pairs of characters that training never saw, {transfer.size}x{transfer.size}\n")
    print(table(scores))
    if why_not:
        print(why_not)
    *floors, trained, _ = scores.values()
    near = trained._replace(lpips=None).beats(floors)  # a training that was cut short is near, but not sharp yet
    print(f"\ntrained now: {verdict(trained, floors)}")
    print(f"picture: {path}  ({', '.join(COLUMNS)})")
    print(f"one drawing, walking: {' and '.join(map(str, animate(args.result)))}")
    return 0 if near else 1


if __name__ == "__main__":
    command_line(main)()
