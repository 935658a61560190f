"""Characters through a motion in the box: each is driven by a figure whose proportions are near its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from capture.inference.character import check_characters, load_identity
from capture.inference.figure_measures import measure_figure
from capture.inference.framing import Known
from capture.inference.inputs import Notes
from capture.inference.motion import FRAMES, check_motion, motion_poses
from capture.inference.pictures import is_folder, list_characters, output_folders
from capture.inference.pose_frames import SHEET_RATE
from capture.inference.presentation import Presentation, settle_presentation
from capture.inference.transfer import PoseTransfer
from capture.inference.video import render_video


def render_motion(
    transfer: PoseTransfer,
    identity: Path | Sequence[Path],
    name: str,
    save_dir: Path,
    directions: Sequence[str] = ("front",),
    frames: int = FRAMES,
    fps: float = SHEET_RATE,
    known: Known | None = None,
    which: int = 1,
    **options: Any,
) -> list[Path]:
    """Render an identity picture, or each of a folder, in one loop of a motion; returns the paths of the outputs.

    One identity goes straight into `save_dir`; those of a folder go to <save_dir>/<identity>__<motion>/.

    Args:
        name, directions, frames, fps: see capture.inference.motion.motion_poses.
        known, which, options: see render_video.
    Raises:
        CaptureError: an unknown motion, an input that can't be read, or a place that can't be written.
    """
    check_motion(name)
    written = []
    pictures_of = list_characters(identity)
    if is_folder(identity):  # each is rendered by itself, and none is to be when another can't be
        output_folders([paths[0] for paths in pictures_of], [Path(name)], save_dir, single=False)
        presentation = options.get("presentation") or Presentation()
        presentation = settle_presentation(transfer, presentation, 1, options.get("relative", False))
        check_characters(pictures_of, transfer.size, known, which, presentation.drawing_resolution, presentation.pixels)
    for paths in pictures_of:
        picture = load_identity(paths[0], transfer.size, known, which, Notes(lambda line: None))
        poses = motion_poses(name, transfer.size, directions, frames, fps, measure_figure(transfer, picture))
        written += render_video(
            transfer, paths, poses, save_dir, known=known, which=which, alone=not is_folder(identity), **options
        )
    return written
