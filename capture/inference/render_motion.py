"""Characters through a motion in the box: each is driven by a figure whose proportions are near its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from capture.inference.character import load_identity
from capture.inference.figure_measures import measure_figure
from capture.inference.framing import Known
from capture.inference.inputs import Notes
from capture.inference.motion import FRAMES, check_motion, motion_poses
from capture.inference.pictures import is_folder, list_characters
from capture.inference.pose_frames import SHEET_RATE
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
    for paths in list_characters(identity):
        picture = load_identity(paths[0], transfer.size, known, which, Notes(lambda line: None))
        poses = motion_poses(name, transfer.size, directions, frames, fps, measure_figure(transfer, picture))
        written += render_video(
            transfer, paths, poses, save_dir, known=known, which=which, alone=not is_folder(identity), **options
        )
    return written
