"""The options of prepare.py, command by command.

`--help` shows these options, so nothing that computes is imported here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from capture.common.errors import Parser
from capture.common.programs import described, started_as

PROGRAM = "prepare.py"


def build_parser(doc: str | None) -> Parser:
    """The program's parser; `doc` is its description, with an example of every command."""
    parser = Parser(
        prog=started_as(PROGRAM),
        description=described(doc, PROGRAM),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    fashion = commands.add_parser("fashion", help="UBC Fashion videos (.mp4), or lists of links to them")
    fashion.add_argument("download", type=Path, help="train/ and test/ of .mp4, or fashion_train.txt, fashion_test.txt")
    add_out(fashion, "dataset folder to write, such as Fashion_dataset")
    add_number(fashion, "size", 256, "side of a frame")
    add_number(fashion, "every", 1, "keep one frame of so many")
    fashion.add_argument("--format", default="png", help="png (default), or jpg: a third of the space, nearly as good")

    lpc = commands.add_parser("lpc", help="Liberated Pixel Cup sheets (832x1344 PNG, 64-pixel cells), or their layers")
    lpc.add_argument("sheets", type=Path, help="folder of sheets, or of train/ and test/ of them, or of layers")
    add_out(lpc)
    add_number(lpc, "size", 256, "side of a frame, a multiple of 64")
    add_number(lpc, "pairs", 256, "test pairs")
    add_number(lpc, "seed", 0, "of pairs, of the split where there is none, of characters")
    lpc.add_argument("--characters", type=int, default=None, help="to compose of layers and train on (default 200)")
    lpc.add_argument("--test_characters", type=int, default=None, help="to compose of layers and hold out (default 40)")

    sprites = commands.add_parser("sprites", help="pixel-art sheets, or folders of single sprites")
    sprites.add_argument("sheets", type=Path, help="folder of sheets or sprites, at any depth")
    sprites.add_argument("layout", type=Path, help="which cell is which pose, as in configs/sprites/")
    add_out(sprites)
    add_number(sprites, "size", 256, "side of a frame")
    sprites.add_argument("--test_characters", type=int, default=None, help="held out (default: those in test/, or 1/5)")
    add_number(sprites, "test_clips", 0, "held out")
    add_number(sprites, "pairs", 256, "test pairs")
    add_number(sprites, "seed", 0, "of what is held out, and of the pairs")

    mixamo = commands.add_parser("mixamo", help="rigged .fbx, .glb, .gltf, .vrm characters and clips, drawn by Blender")
    mixamo.add_argument("models", type=Path, help="folder of models, at any depth (docs/MIXAMO.md)")
    add_out(mixamo)
    add_number(mixamo, "size", 256, "side of a frame")
    add_number(mixamo, "frames", 16, "of each clip")
    mixamo.add_argument("--azimuths", default="0", help="sides seen, in degrees: 0 (default) front, 90 left; 0,45,-45")
    add_number(mixamo, "elevation", 10.0, "of the camera, in degrees")
    add_number(mixamo, "field_of_view", 15.0, "of the camera, in degrees")
    mixamo.add_argument("--clips", default=None, help="names of the clips to use, with commas (default: all)")
    held = "held out (default: 6, or a third of fewer than 8)"
    mixamo.add_argument("--test_characters", type=int, default=None, help=held)
    mixamo.add_argument("--test_clips", type=int, default=None, help="held out (default: 2, or fewer of 1 or 2)")
    add_number(mixamo, "pairs", 256, "test pairs")
    add_number(mixamo, "seed", 0, "of what is held out, and of the pairs")
    add_number(mixamo, "samples", 2, "rays of each pixel: 1, 2, 4, 6, 9; more make smoother edges")
    mixamo.add_argument("--uv", action="store_true", help="write maps of body parts beside the frames and masks")
    mixamo.add_argument("--look", default="shaded", help="shaded (default), cel, flat or outline (docs/MIXAMO.md)")
    mixamo.add_argument("--skin", default="coloured", help="coloured (default): nearly black skin gets one; or as_is")
    mixamo.add_argument("--props", default="keep", help="weapons and the like: keep (default), one or hide")
    mixamo.add_argument("--blender", default=None, metavar="PYTHON", help="with bpy (default: that of `make blender`)")

    toon = commands.add_parser("toon", help="built-in cartoon characters, endless and seeded")
    add_out(toon)
    add_number(toon, "characters", 200, "to train on")
    add_number(toon, "clips", 8, "motions of each")
    add_number(toon, "frames", 24, "frames of each clip")
    add_number(toon, "size", 256, "side of a frame")
    add_number(toon, "seed", 0, "of characters, motions and pairs")
    add_number(toon, "test_characters", 8, "held out")
    add_number(toon, "test_clips", 3, "motions held out")
    toon.add_argument("--views", default="all", help="all (around), or front: cameras within some 60 degrees of it")
    toon.add_argument("--uv", action="store_true", help="write UV maps and masks beside the frames")

    benchmark = commands.add_parser("benchmark", help="CaPTURe-Bench: pairs of cartoon characters with true targets")
    benchmark.add_argument("out", type=Path, nargs="?", help="folder to write")
    benchmark.add_argument("--archive", type=Path, metavar="FILE", help="also write all of it as one ZIP file")
    benchmark.add_argument(
        "--digest",
        type=Path,
        action="append",
        metavar="PAIRS.csv",
        help="instead: print the digest of these pairs files and their pictures, such as those of a rendered dataset",
    )

    uv = commands.add_parser("uv", help="IUV maps of DensePose, toon or rendered datasets -> coordinates in an atlas")
    uv.add_argument("source", type=Path, help="a map (.png) or a folder of maps, at any depth")
    add_out(uv, "folder of .npy to write (of a single map: also a .npy file)")
    uv.add_argument("--mapping", type=Path, default=None, help="smpltexmap.npy, which DensePose's maps need")
    uv.add_argument(
        "--layout", default=None, help="densepose, detectron2, toon or rendered (default: as manifest.json)"
    )

    check = commands.add_parser("check", help="what is in a dataset folder, and everything wrong with it")
    check.add_argument("dataset", type=Path, help="folder with train/ and test/")
    check.add_argument("--fix", action="store_true", help="move what is broken to DATASET/set_aside, then check again")
    check.add_argument("--json", type=Path, metavar="FILE", help="write every finding in full")

    merge = commands.add_parser("merge", help="the shards that --shard wrote -> one dataset")
    add_out(merge)
    merge.add_argument("shards", type=Path, nargs="*", help="folders of all shards (default: those beside OUT)")

    pack = commands.add_parser("pack", help="training samples of a dataset in WebDataset shards")
    pack.add_argument("dataset", help="dataset folder")
    add_out(pack, "folder to write")
    add_number(pack, "size", 256, "side of a picture")
    add_number(pack, "samples", 100_000, "training samples")
    add_number(pack, "samples_per_shard", 1000, "in a .tar file")
    add_number(pack, "seed", 0, "of which frames make a sample")
    pack.add_argument("--uv", action="store_true", help="with IUV maps, where the dataset has them")

    reverse = commands.add_parser("reverse", help="aligned samples of any drawings, by drivers that weights draw")
    reverse.add_argument("result", help="trained weights of CaPTURe-Parts, such as result/Styles")
    reverse.add_argument("dataset", help="dataset folder, on a plain ground; no character needs another one's poses")
    add_out(reverse, "folder of shards to write, with sheets of kept and rejected pairs")
    add_number(reverse, "samples", 1000, "training samples")
    add_number(reverse, "agreement", 0.45, "least share of the figure that a second reading must find the same, 0 to 1")
    add_number(reverse, "samples_per_shard", 1000, "in a .tar file")
    add_number(reverse, "seed", 0, "of frames and drivers")
    reverse.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default)")

    for command in (sprites, mixamo, toon):
        command.add_argument("--shard", metavar="I/N", help="write share I of N, for a scheduler's array of jobs")
    for command in (fashion, lpc, sprites, mixamo, toon, benchmark, uv, check, merge, pack, reverse):
        if command not in (uv, merge, reverse):
            command.add_argument("--workers", type=int, default=None, help="processes (default: one a core)")
        command.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    return parser


def add_out(command: argparse.ArgumentParser, what: str = "dataset folder to write") -> None:
    """The argument that says where to write."""
    command.add_argument("out", type=Path, help=what)


def add_number(command: argparse.ArgumentParser, name: str, default: int | float, what: str) -> None:
    """An option --name of the default's type; its help ends with the default."""
    command.add_argument(f"--{name}", type=type(default), default=default, help=f"{what} (default {default:.12g})")
