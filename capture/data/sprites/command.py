"""`prepare.py sprites`: passes the options to prepare_sprites, and prints a summary."""

from __future__ import annotations

import argparse

from capture.common.passed_over import passed_over_line
from capture.data.sprites.prepare import prepare_sprites

BROKEN = 3  # exit status: complete, except for files that could not be used


def prepare(args: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    manifest, passed_over = prepare_sprites(
        args.sheets,
        args.layout,
        args.out,
        args.size,
        args.test_characters,
        args.test_clips,
        args.pairs,
        args.seed,
        args.workers,
        shard=args.shard,
    )
    for file, reason in manifest["broken"].items():
        print(f"broken: {file}: {reason}")
    if left := passed_over_line(args.sheets, passed_over):
        print(left)
    if args.shard:
        print(args.shard.summary(args.out))
        return BROKEN if manifest["broken"] else 0
    print(
        f"{args.out}: {len(manifest['train_characters'])} characters to train on, "
        f"{len(manifest['test_characters'])} held out, sprites {manifest['scale']} times as large, "
        f"pairs in {args.out / 'test' / 'pairs.csv'}"
    )
    return BROKEN if manifest["broken"] else 0
