"""`prepare.py mixamo`: passes the options to prepare_mixamo, and prints a summary."""

from __future__ import annotations

import argparse

from capture.common.errors import CaptureError
from capture.common.passed_over import passed_over_line
from capture.data.mixamo.models import passed_over
from capture.data.mixamo.prepare import prepare_mixamo

BROKEN = 3  # exit status: complete, except for models that could not be used


def prepare(args: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    manifest = prepare_mixamo(
        args.models,
        args.out,
        args.size,
        args.frames,
        numbers(args.azimuths),
        args.elevation,
        words(args.clips),
        args.test_characters,
        args.test_clips,
        args.pairs,
        args.seed,
        args.uv,
        args.samples,
        args.workers,
        args.field_of_view,
        args.blender,
        look=args.look,
        skin=args.skin,
        props=args.props,
        shard=args.shard,
    )
    for file, reason in {**manifest["left_out"], **manifest["unfit"]}.items():
        print(f"left out: {file}: {reason}")
    broken = {**manifest["unreadable"], **manifest["broken"]}
    for file, reason in broken.items():
        print(f"broken: {file}: {reason}")
    if left := passed_over_line(args.models, passed_over(args.models)):
        print(left)
    if args.shard:
        print(args.shard.summary(args.out))
        return BROKEN if broken else 0
    print(
        f"{args.out}: {len(manifest['train_characters'])} characters to train on, "
        f"{len(manifest['test_characters'])} held out, {manifest['train_images'] + manifest['test_images']} pictures, "
        f"pairs in {args.out / 'test' / 'pairs.csv'}"
    )
    return BROKEN if broken else 0


def numbers(text: str) -> tuple[float, ...]:
    """Read numbers that are separated by commas."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise CaptureError(f"--azimuths {text}: give degrees with commas, such as 0,45,-45") from None


def words(text: str | None) -> list[str] | None:
    """Read words that are separated by commas; None for None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]
