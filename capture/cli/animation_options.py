"""Options of save_result.py for what drives and for what animations come out, and what is done with them.

`--help` shows these options, so nothing that computes is imported before it is used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.common.errors import CaptureError

if TYPE_CHECKING:
    from capture.inference.pose_frames import PoseFrames
    from capture.inference.transfer import PoseTransfer

PICTURES = ("png", "webp")  # what one picture may be stored as
ANIMATIONS = ("mp4", "webm", "gif", "apng", "webp", "sheet", "frames")
DIRECTIONS = ("front", "front_left", "left", "back_left", "back", "back_right", "right", "front_right")
MOTION = "motion:"
WEBCAM = "webcam"
SECONDS = 5.0  # that a webcam is recorded for


def add_driver_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pose_grid", metavar="9x4", help="--pose_path is a sprite sheet of columns x rows")
    parser.add_argument("--pose_frames", metavar="0-8,12", help="... which of its cells, in order (default: all drawn)")
    parser.add_argument("--seconds", type=float, help="webcam:N: how long it is recorded (default 5, at most 60)")
    parser.add_argument("--frames", type=int, help="motion:NAME: pictures of its loop (default 12)")
    parser.add_argument("--fps", type=float, help="motions, sprite sheets: pictures a second (default 12); folders: 25")
    parser.add_argument(
        "--direction", choices=DIRECTIONS, help="motion:NAME: where the character faces (default front)"
    )
    parser.add_argument(
        "--directions", type=int, choices=(4, 8), help="... from four or eight sides, one after another"
    )


def add_format_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=tuple(dict.fromkeys((*PICTURES, *ANIMATIONS))),
        help="what comes out: png (default) or webp for each pose; for all poses together mp4 (default for videos),\n"
        "webm, gif, apng, webp, sheet (a sprite sheet and its JSON) or frames (a folder of numbered PNGs)",
    )
    parser.add_argument("--padding", type=int, help="sheet: pixels between its frames and around them (default 0)")
    parser.add_argument("--power_of_two", action="store_true", help="sheet: round both sides up to powers of two")
    parser.add_argument(
        "--sheet_json", choices=("array", "hash"), help="sheet: frames as a list (default) or by name, as PixiJS reads"
    )


def motion_of(args: argparse.Namespace) -> str:
    """The name after motion: in --pose_path, or ""."""
    given = str(args.pose_path or "")
    return given.removeprefix(MOTION) if given.startswith(MOTION) else ""


def camera_of(args: argparse.Namespace) -> int | None:
    """The number after webcam: in --pose_path, 0 where there is none; None where it names no webcam.

    Raises:
        CaptureError: something else after webcam:.
    """
    name, _, number = str(args.pose_path or "").partition(":")
    if name != WEBCAM or (not number and args.pose_path.exists()):
        return None
    if number and not (number.isascii() and number.isdigit() and len(number) < 4):
        raise CaptureError(f"--pose_path {args.pose_path}: give the number of a camera, such as webcam:0")
    return int(number or 0)


def list_motions(save_dir: Path | None) -> None:
    """Print the names of all motions; with a folder, also draw each of them."""
    from capture.inference.motion import MOTIONS, motion_sheet

    print("\n".join(f"{MOTION}{name}" for name in MOTIONS))
    if save_dir is not None:
        import numpy as np

        from capture.common.files import write_bytes
        from capture.inference.formats.pictures import picture_bytes

        write_bytes(save_dir / "motions.png", picture_bytes(np.asarray(motion_sheet()), "png"))
        print(save_dir / "motions.png")


def check_options(args: argparse.Namespace) -> None:
    """CaptureError where an option is given that nothing here would use, or a number that is impossible."""
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    camera = camera_of(args) is not None
    motion, folder = bool(motion_of(args)), args.pose_path is not None and args.pose_path.is_dir()
    rules = (
        (motion, ("frames", "direction", "directions"), "--pose_path motion:NAME"),
        (camera, ("seconds",), "--pose_path webcam:N"),
        ("pose_grid" in given, ("pose_frames",), "--pose_grid"),
        (motion or folder or "pose_grid" in given, ("fps",), "a motion, a sprite sheet or a folder of frames"),
        (args.format == "sheet", ("padding", "power_of_two", "sheet_json"), "--format sheet"),
    )
    for met, names, condition in rules:
        unused = [f"--{name}" for name in names if name in given]
        if unused and not met:
            raise CaptureError(
                f"{', '.join(unused)}: only with {condition}; leave {'them' if unused[1:] else 'it'} out"
            )
    if args.direction and args.directions:
        raise CaptureError("--direction and --directions: give one of them")
    if motion and args.pose_grid:
        raise CaptureError("--pose_grid: --pose_path is a motion and no sprite sheet; leave it out")
    if camera and args.pose_grid:
        raise CaptureError("--pose_grid: --pose_path is a webcam and no sprite sheet; leave it out")
    if args.seconds is not None and not 0.1 <= args.seconds <= 60:
        raise CaptureError(f"--seconds {args.seconds:g}: give 0.1 to 60 seconds")
    if motion:
        from capture.inference.motion import check_motion

        check_motion(motion_of(args))
    if args.fps is not None and not 0.1 <= args.fps <= 120:
        raise CaptureError(f"--fps {args.fps:g}: give 0.1 to 120 frames a second")
    if args.padding is not None and not 0 <= args.padding <= 256:
        raise CaptureError(f"--padding {args.padding}: give 0 to 256 pixels")


Videos = list["Path | PoseFrames"]


def find_poses(args: argparse.Namespace) -> tuple[bool, Videos, bool]:
    """What --pose_path is: whether it has pictures that are rendered one by one, what makes animations, and whether a
    folder of frames makes one."""
    from capture.inference.inputs import Listing, folder_frames
    from capture.inference.pose_frames import SHEET_RATE, sheet_frames, webcam_frames

    if motion_of(args):
        return False, [args.pose_path], False
    camera = camera_of(args)
    if camera is not None:
        seconds = args.seconds or SECONDS
        says = partial(print, f"{WEBCAM}:{camera}: recording for {seconds:g} seconds", file=sys.stderr)
        return False, [webcam_frames(camera, seconds, says)], False
    if args.pose_grid:
        return False, [sheet_frames(args.pose_path, args.pose_grid, args.pose_frames, args.fps or SHEET_RATE)], False
    poses = Listing.of(args.pose_path)
    sequence = args.pose_path.is_dir() and args.format in ANIMATIONS and bool(poses.pictures)
    if sequence:
        return False, [folder_frames(args.pose_path, args.fps) if args.fps else args.pose_path], True
    if args.fps is not None:
        raise CaptureError(
            f"--fps: {args.pose_path} holds single poses or videos with times of their own; leave --fps out, or give "
            "--format mp4 or gif for one animation of its pictures"
        )
    stills = bool(poses.pictures) or not poses.videos
    if stills and args.format not in (None, *PICTURES):
        raise CaptureError(
            f"--format {args.format}: {args.pose_path} is one picture; give a video, an animation, a folder of frames "
            "or motion:NAME, or use --format png or webp"
        )
    return stills, [*poses.videos], False


def render_animation(
    transfer: PoseTransfer,
    args: argparse.Namespace,
    identity: Path | Sequence[Path],
    pose: Path | PoseFrames,
    options: dict[str, Any],
) -> list[Path]:
    """Render with a video, a list of frames, or a motion in the box."""
    from capture.inference.formats.sheet import SheetOptions

    layout = SheetOptions(args.padding or 0, args.power_of_two, args.sheet_json or "array")
    options = options | {"form": {None: "mp4", "png": "frames"}.get(args.format, args.format), "sheet": layout}
    if motion_of(args):
        from capture.inference.motion import FRAMES
        from capture.inference.pose_frames import SHEET_RATE
        from capture.inference.render_motion import render_motion

        directions = DIRECTIONS[:: 8 // args.directions] if args.directions else (args.direction or "front",)
        frames = FRAMES if args.frames is None else args.frames
        return render_motion(
            transfer, identity, motion_of(args), args.save_dir, directions, frames, args.fps or SHEET_RATE,
            **options,
        )  # fmt: skip
    from capture.inference.video import render_video

    alone = not isinstance(pose, Path) or pose == args.pose_path
    return render_video(transfer, identity, pose, args.save_dir, alone=alone, **options)
