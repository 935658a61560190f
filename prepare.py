"""Turn what people download, or nothing at all, into dataset folders.

python prepare.py fashion DOWNLOAD OUT  UBC Fashion videos (.mp4, or lists of links) -> folders of frames
python prepare.py mixamo MODELS OUT     rigged .fbx, .glb, .gltf characters and clips -> rendered Mixamo tree with true targets
python prepare.py lpc SHEETS OUT        Liberated Pixel Cup sheets, or their layers -> Mixamo tree with true targets
python prepare.py toon OUT              built-in cartoon characters -> Mixamo tree with true targets
python prepare.py check DATASET         what is in a dataset folder, and everything wrong with it
"""

from __future__ import annotations

import argparse
from pathlib import Path

from capture.errors import Parser, command_line


def build_parser() -> Parser:
    parser = Parser(prog="prepare.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    lpc = commands.add_parser("lpc", help="Liberated Pixel Cup sheets (832x1344 PNG, 64-pixel cells)")
    lpc.add_argument("sheets", type=Path, help="folder with train/ and test/ of sheets, or of sheets")
    lpc.add_argument("out", type=Path, help="dataset folder to write")
    lpc.add_argument("--size", type=int, default=256, help="side of a frame, a multiple of 64 (default 256)")
    lpc.add_argument("--pairs", type=int, default=256, help="test pairs (default 256)")
    lpc.add_argument("--seed", type=int, default=0, help="of the pairs, and of the split where there is none")

    toon = commands.add_parser("toon", help="built-in cartoon characters, endless and seeded")
    toon.add_argument("out", type=Path, help="dataset folder to write")
    toon.add_argument("--characters", type=int, default=200, help="to train on (default 200)")
    toon.add_argument("--clips", type=int, default=8, help="motions of each (default 8)")
    toon.add_argument("--frames", type=int, default=24, help="frames of each clip (default 24)")
    toon.add_argument("--size", type=int, default=256, help="side of a frame (default 256)")
    toon.add_argument("--seed", type=int, default=0)
    toon.add_argument("--test_characters", type=int, default=8, help="held out (default 8)")
    toon.add_argument("--test_clips", type=int, default=3, help="motions held out (default 3)")
    toon.add_argument("--views", default="all", help="all (around), or front: cameras within some 60 degrees of it")
    toon.add_argument("--uv", action="store_true", help="write UV maps and masks beside the frames")

    for command in (lpc, toon):
        command.add_argument("--workers", type=int, default=None, help="processes (default: one a core)")
        command.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    if args.command == "lpc":
        from datasets.lpc import prepare_lpc

        manifest = prepare_lpc(args.sheets, args.out, args.size, args.seed, args.pairs, workers=args.workers)
    else:
        from datasets.toon import write_toon

        manifest = write_toon(
            args.out,
            args.characters,
            args.clips,
            args.frames,
            args.size,
            args.seed,
            uv=args.uv,
            workers=args.workers,
            test_characters=args.test_characters,
            test_clips=args.test_clips,
            views=args.views,
        )
    print(
        f"{args.out}: {len(manifest['train_characters'])} characters to train on, "
        f"{len(manifest['test_characters'])} held out, pairs in {args.out / 'test' / 'pairs.csv'}"
    )


if __name__ == "__main__":
    command_line(main)()
