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

from capture.cli.prepare_options import build_parser
from capture.common.errors import CaptureError, command_line


def benchmark(args: argparse.Namespace) -> None:
    """Write CaPTURe-Bench, or print the digest of pairs files."""
    from capture.data.benchmark.digest import digest_pairs
    from capture.data.benchmark.write import write_archive, write_benchmark

    if args.digest and (args.out or args.archive):
        raise CaptureError("--digest: it writes nothing; leave the folder and --archive out")
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
    args = build_parser(__doc__).parse_args()
    if "workers" in args and args.workers is not None and args.workers < 1:
        raise CaptureError(f"--workers {args.workers}: give 1 or more")
    if "shard" in args:
        from capture.data.plan_shards import Shard

        args.shard = Shard.parse(args.shard)
    folder = written_folder(args)
    if folder is None:
        return run(args)
    from capture.common.folder_lock import folder_lock

    with folder_lock(folder, "choose another folder"):
        return run(args)


def written_folder(args: argparse.Namespace) -> Path | None:
    """The folder that a command writes to, or None where it writes to none."""
    if args.command == "check" or args.out is None or (args.command == "benchmark" and args.digest):
        return None
    folder: Path = args.out
    if "shard" in args and args.shard:
        folder = args.shard.folder(folder)
    return folder if folder.is_dir() or (not folder.exists() and folder.suffix != ".npy") else None


def run(args: argparse.Namespace) -> int | None:
    """Run a command."""
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
        print(args.shard.summary(args.out))
        return None
    print(
        f"{args.out}: {len(manifest['train_characters'])} characters to train on, "
        f"{len(manifest['test_characters'])} held out, pairs in {args.out / 'test' / 'pairs.csv'}"
    )
    return None


if __name__ == "__main__":
    command_line(main)()
