"""Turn what people download, or nothing at all, into dataset folders.

python prepare.py fashion DOWNLOAD OUT  UBC Fashion videos (.mp4, or lists of links) -> folders of frames
python prepare.py mixamo MODELS OUT     rigged .fbx, .glb, .gltf, .vrm models and clips -> Mixamo tree with true targets
python prepare.py lpc SHEETS OUT        Liberated Pixel Cup sheets, or their layers -> Mixamo tree with true targets
python prepare.py sprites SHEETS LAYOUT.yaml OUT  pixel-art sheets, single sprites -> Mixamo tree with true targets
python prepare.py toon OUT              built-in cartoon characters -> Mixamo tree with true targets
python prepare.py benchmark OUT         CaPTURe-Bench: test pairs of cartoon characters with true targets
python prepare.py uv SOURCE OUT         IUV maps of DensePose, toon, rendered (.png) -> coordinates in an atlas (.npy)
python prepare.py check DATASET         what is in a dataset folder, and everything wrong with it

On several machines, mixamo, sprites and toon write a share each: --shard 3/16 writes OUT-00003-of-00016, and
python prepare.py merge OUT             the shards beside OUT -> the dataset that one run would have written
python prepare.py pack DATASET OUT      training samples in WebDataset shards, which training streams
python prepare.py reverse RESULT DATASET OUT  such shards of drawings whose poses no other character is drawn in
"""

from __future__ import annotations

import argparse
from pathlib import Path

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.programs import described, started_as

PROGRAM = "prepare.py"


def build_parser() -> Parser:
    parser = Parser(
        prog=started_as(PROGRAM),
        description=described(__doc__, PROGRAM),
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
    add_number(lpc, "characters", 200, "to compose of layers and train on")
    add_number(lpc, "test_characters", 40, "to compose and hold out")

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


def benchmark(args: argparse.Namespace) -> None:
    """Write CaPTURe-Bench, or print the digest of pairs files."""
    from capture.data.benchmark.digest import digest_pairs
    from capture.data.benchmark.write import write_archive, write_benchmark

    if args.digest:
        print(digest_pairs(args.digest))
        return
    if args.out is None:
        raise CaptureError("benchmark: give a folder to write, such as data/CaPTURe-Bench, or --digest PAIRS.csv")
    manifest = write_benchmark(args.out, workers=args.workers)
    if args.archive:
        write_archive(args.out, args.archive)
    digests = ", ".join(f"{style} {digest}" for style, digest in manifest["digests"].items())
    print(f"{args.out}: {manifest['kind']} {manifest['benchmark_version']}, sha256 of its pixels and pairs: {digests}")


def merge(args: argparse.Namespace) -> None:
    """Put shards together."""
    from capture.data.plan_shards import merge_shards

    manifest = merge_shards(args.out, args.shards)
    print(f"{args.out}: complete, {len(manifest['train_characters'])} characters to train on")


def pack(args: argparse.Namespace) -> None:
    """Write training samples in WebDataset shards."""
    from capture.data.packed.write import pack_dataset

    about = pack_dataset(
        args.dataset, args.out, args.size, args.samples, args.samples_per_shard, args.seed, args.uv, args.workers
    )
    print(f"{args.out}: {about.samples} samples in {about.shards} shards; train with --dataset_path {args.out}")


def reverse(args: argparse.Namespace) -> None:
    """Write samples whose poses are drivers."""
    from capture.training.reverse_driving import write_drivers

    about = write_drivers(
        args.result,
        args.dataset,
        args.out,
        args.samples,
        args.agreement,
        args.samples_per_shard,
        args.seed,
        args.device,
    )
    print(
        f"{args.out}: {about.samples} samples in {about.shards} shards; look at *.kept.png and *.rejected.png there, "
        f"then train with --dataset_path {args.out}"
    )


def main() -> int | None:
    args = build_parser().parse_args()
    if "workers" in args and args.workers is not None and args.workers < 1:
        raise CaptureError(f"--workers {args.workers}: give 1 or more")
    if "shard" in args:
        from capture.data.plan_shards import Shard

        args.shard = Shard.parse(args.shard)
    if args.command in ("merge", "pack", "reverse"):
        {"merge": merge, "pack": pack, "reverse": reverse}[args.command](args)
        return None
    if args.command == "check":
        from capture.data.check.check import check

        return check(args.dataset, args.fix, args.json, args.workers)
    if args.command == "benchmark":
        benchmark(args)
        return None
    if args.command == "uv":
        from capture.data.iuv.densepose import prepare_uv

        print(f"{args.out}: {prepare_uv(args.source, args.out, args.mapping, args.layout)} maps")
        return None
    if args.command == "fashion":
        from capture.common.passed_over import passed_over_line
        from capture.data.fashion.prepare import passed_over, prepare_fashion, summary

        manifest = prepare_fashion(args.download, args.out, args.size, args.every, args.format, args.workers)
        print(summary(args.out, manifest))
        if left := passed_over_line(args.download, passed_over(args.download)):
            print(left)
        return 3 if manifest["broken"] else None
    if args.command == "sprites":
        from capture.data.sprites.command import prepare as prepare_sprites

        return prepare_sprites(args)
    if args.command == "mixamo":
        from capture.data.mixamo.command import prepare

        return prepare(args)
    if args.command == "lpc":
        from capture.data.lpc.sheets import prepare_lpc

        manifest = prepare_lpc(
            args.sheets,
            args.out,
            args.size,
            args.seed,
            args.pairs,
            workers=args.workers,
            characters=args.characters,
            test_characters=args.test_characters,
        )
    else:
        from capture.data.toon.write import write_toon

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
            shard=args.shard,
        )
    if args.command == "toon" and args.shard:
        folder = args.shard.folder(args.out)
        print(f"{folder}: shard {args.shard.number} of {args.shard.count}; prepare.py merge puts all together")
        return None
    print(
        f"{args.out}: {len(manifest['train_characters'])} characters to train on, "
        f"{len(manifest['test_characters'])} held out, pairs in {args.out / 'test' / 'pairs.csv'}"
    )
    return None


if __name__ == "__main__":
    command_line(main)()
