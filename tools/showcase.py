"""Pictures for people: the example inputs, and what a result makes of characters that training never saw.

    python -m tools.showcase examples                    writes examples/: identities, poses and a pose video
    python -m tools.showcase result/Toon docs            writes docs/showcase.png and docs/showcase.webp

Who is shown was chosen by what they are (animals, robots, big heads), before any of it was rendered.
"""

from __future__ import annotations

import argparse
import io
from fractions import Fraction
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_bytes
from capture.data.toon.dataset import HELD_OUT_SEEDS
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.inference.formats.base import Timeline
from capture.inference.formats.mp4 import mp4_file
from capture.inference.frames import Frames
from capture.inference.pipeline import Pipeline
from capture.io.images import image_to_tensor, png_bytes, tensor_to_image
from tools.demo import picture

CAST = {  # name -> seed, all of HELD_OUT_SEEDS
    **{"fox": 108, "robot": 106, "bear": 140, "frog": 154, "boy": 118, "girl": 103, "cat": 159, "mouse": 132},
    **{"king": 123, "tin": 158, "rabbit": 111, "princess": 143},
}
IDENTITY = ("idle", 0.2, 12.0)  # clip, time, azimuth in degrees
POSES = {  # name -> who shows it, clip, time, azimuth; clap, kneel, fly and sit_chair are held out of training too
    "b": ("king", "cheer", 0.3, 5.0),
    "kick": ("princess", "kick", 0.45, 25.0),
    "sword": ("boy", "sword_swing", 0.4, -20.0),
    "bow": ("mouse", "bow", 0.5, 30.0),
    "clap": ("rabbit", "clap", 0.4, 10.0),
    "kneel": ("tin", "kneel", 0.5, -25.0),
    "walk": ("girl", "walk", 0.2, 35.0),
    "fly": ("cat", "fly", 0.3, 15.0),
}
ROWS = (  # identity, pose
    *(("fox", "b"), ("robot", "kick"), ("bear", "walk"), ("frog", "sword"), ("boy", "kneel"), ("girl", "clap")),
    *(("cat", "bow"), ("tin", "b"), ("king", "fly"), ("mouse", "sword"), ("rabbit", "kick"), ("princess", "kneel")),
)
DRIVER, CLIP, FRAMES, AZIMUTH = "king", "dance_a", 24, 12.0
DRIVEN = ("fox", "robot", "frog")
EXAMPLE_SIZE, MOVING = 256, 160  # pixels: of inputs and of the sheet, and of a column of the moving picture


def shot(who: str, clip: str, time: float, azimuth: float) -> Shot:
    """A held-out character in a clip."""
    assert CAST[who] in HELD_OUT_SEEDS
    return Shot(CAST[who], clip, 7, time, View(azimuth))


def clip_of(who: str, size: int) -> Tensor:
    """A character dancing, uint8 (FRAMES, 3, S, S)."""
    return render([shot(who, CLIP, k / FRAMES, AZIMUTH) for k in range(FRAMES)], size)["rgb"]


def write_examples(folder: Path) -> list[Path]:
    """Identities, poses and a pose video to try a result with; a.png and b.png are the first of each."""
    names = {"a" if who == ROWS[0][0] else who: shot(who, *IDENTITY) for who, _ in ROWS}
    names |= {name if name == "b" else f"pose_{name}": shot(*pose) for name, pose in POSES.items()}
    drawn = render(list(names.values()), EXAMPLE_SIZE)["rgb"]
    paths = []
    for name, image in zip(names, drawn):
        paths.append(folder / f"{name}.png")
        write_bytes(paths[-1], png_bytes(image))
    paths.append(folder / "dance.mp4")
    with mp4_file(paths[-1], Timeline([Fraction(i, 12) for i in range(FRAMES + 1)])) as write:
        for frame in clip_of(DRIVER, EXAMPLE_SIZE):
            write(frame.permute(1, 2, 0).numpy())
    return paths


def write_showcase(pipeline: Pipeline, folder: Path) -> list[Path]:
    """A sheet of identity, pose, output and truth, and one character's clip driving others, as a moving picture.

    Outputs are as save_result.py saves them, of drawings of EXAMPLE_SIZE pixels.
    """
    shots = [(shot(who, *IDENTITY), shot(*POSES[pose]), shot(who, *POSES[pose][1:])) for who, pose in ROWS]
    identity, pose, target = (render([row[k] for row in shots], EXAMPLE_SIZE)["rgb"] for k in range(3))
    outputs = [pipeline(*pair, framing="as_is") for pair in zip(identity, pose)]
    output = torch.stack([image_to_tensor(one) for one in outputs if isinstance(one, Image.Image)])
    names = ("identity", "pose", "output", "truth")
    sheet = folder / "showcase.png"
    write_bytes(sheet, png_bytes(picture([identity, pose, output, target], names, zoom=1)))

    driver = clip_of(DRIVER, EXAMPLE_SIZE)
    columns = [[tensor_to_image(frame) for frame in driver]]
    for who in DRIVEN:
        portrait = render([shot(who, *IDENTITY)], EXAMPLE_SIZE)["rgb"][0]
        made = pipeline(portrait, driver, framing="as_is")
        assert isinstance(made, Frames)
        columns.append(list(made))
    frames = []
    for shown in zip(*columns):
        frames.append(Image.new("RGB", (MOVING * len(shown), MOVING)))
        for k, one in enumerate(shown):
            frames[-1].paste(one.resize((MOVING, MOVING), Image.Resampling.LANCZOS), (k * MOVING, 0))
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=83, loop=0, quality=80, method=6)
    moving = folder / "showcase.webp"
    write_bytes(moving, buffer.getvalue())
    return [sheet, moving]


def main() -> None:
    parser = Parser(prog="tools.showcase", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER", help="examples, or a result and a folder")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    paths = parser.parse_args().paths
    if len(paths) > 2:
        raise CaptureError("showcase: give a folder for the examples, or a result and a folder for its pictures")
    if len(paths) == 1 and any((paths[0] / name).is_file() for name in ("0config.yaml", "generator.safetensors")):
        raise CaptureError(f"showcase: {paths[0]} is a result; give a folder for its pictures as well")
    torch.set_grad_enabled(False)
    written = write_examples(paths[0]) if len(paths) == 1 else write_showcase(Pipeline.load(paths[0]), paths[1])
    print("\n".join(map(str, written)))


if __name__ == "__main__":
    command_line(main)()
