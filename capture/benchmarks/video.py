"""A whole video on the clock: what save_result.py does for a film once the weights are loaded, and the network alone.

The film is a walk of the toon renderer at the size of the weights in the box. A call decodes and frames it, renders a
character in every frame, and encodes both films, output.mp4 and iden_pose_output.mp4.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import torch

from capture.benchmarks.inference import OPENVINO, precision_of
from capture.benchmarks.live import clip
from capture.benchmarks.startup import draw_pair
from capture.benchmarks.turns import Run, Way
from capture.common.shipped import DEFAULT_WEIGHTS
from capture.inference.frames import Frames
from capture.inference.framing import known_framing
from capture.inference.inputs import Driver, Notes
from capture.inference.motion import motion_poses
from capture.inference.presentation import Presentation
from capture.inference.transfer import PoseTransfer
from capture.inference.video import VideoFraming, render_video
from capture.io.images import image_to_tensor, open_rgb

FRAMES, RATE = 60, 25
WHOLE_VIDEO = "whole video"
BATCH = 8  # of save_result.py


def ways(config: dict[str, Any], device: torch.device, batch: int, names: list[str]) -> list[Way]:
    """Ways of names such as `bf16` and `OpenVINO, bf16, whole video`; those of one runtime share its network."""
    folder = tempfile.TemporaryDirectory(prefix="capture-benchmark-")  # until the process ends
    loaded: dict[tuple[str | None, str], PoseTransfer] = {}
    made = []
    for name in names:
        words = name.split(", ")
        precision = precision_of(words)
        runtime = "openvino" if OPENVINO in words else None
        run = partial(_run, folder, loaded, device, precision, runtime, WHOLE_VIDEO in words)
        made.append(Way(name, run, precision="", calls=FRAMES))
    return made


def _run(
    folder: tempfile.TemporaryDirectory,
    loaded: dict[tuple[str | None, str], PoseTransfer],
    device: torch.device,
    precision: str,
    runtime: str | None,
    whole: bool,
) -> Run:
    """A call that renders the film, or its frames without decoding, framing and encoding."""
    if (runtime, precision) not in loaded:
        on = "cpu" if runtime else str(device)
        loaded[runtime, precision] = PoseTransfer.load(DEFAULT_WEIGHTS, on, precision, runtime=runtime)
    transfer = loaded[runtime, precision]
    identity, film = _files(Path(folder.name), transfer.size)
    known = known_framing(transfer.config)
    if whole:
        options = {"batch_size": BATCH, "known": known, "presentation": Presentation(smooth=False)}
        return partial(_render, transfer, identity, film, Path(folder.name) / "out", options)
    with Driver(film) as driver:
        framing = VideoFraming(driver, transfer.size, known)
        poses = torch.stack([image_to_tensor(framing.frame(driver.read(i))) for i in range(len(driver))])
    return clip(transfer, image_to_tensor(open_rgb(identity)), poses, BATCH)


def _render(transfer: PoseTransfer, identity: Path, film: Path, out: Path, options: dict[str, Any]) -> None:
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        render_video(transfer, identity, film, out, notes=Notes(lambda line: None), **options)


def _files(folder: Path, size: int) -> tuple[Path, Path]:
    """A character's picture and the film, which are drawn once."""
    film = folder / "driver.mp4"
    if not film.is_file():
        draw_pair(folder, size)
        poses = motion_poses("walk", size, frames=FRAMES)
        times = [Fraction(i, RATE) for i in range(FRAMES + 1)]
        Frames([poses.read(i) for i in range(FRAMES)], times).save(film)
    return folder / "identity.png", film
