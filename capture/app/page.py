"""The web page, an adapter over Pipeline: what people choose becomes one call, and its result becomes a file."""

from __future__ import annotations

import functools
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from capture.common.errors import CaptureError
from capture.common.shipped import PACKAGE
from capture.inference.frames import Frames
from capture.inference.framing import TAKES_NEXT
from capture.inference.inputs import Driver
from capture.inference.motion import DIRECTIONS, MOTIONS
from capture.inference.picture_likes import is_sequence_file
from capture.inference.pipeline import Pipeline

MOTION, FILE, WEBCAM = "A motion", "A picture or video", "The webcam"
EIGHT = "all eight sides"
FORMATS = {
    "GIF": (".gif", "gif"),
    "Animated PNG": (".png", "apng"),
    "Animated WebP": (".webp", "webp"),
    "MP4 video": (".mp4", "mp4"),
    "Sprite sheet": (".png", "sheet"),
}
LARGEST_FILE = "50mb"
MOST_FRAMES = 600  # of a driving video
KEPT = 8  # results whose files are kept until Gradio has certainly copied them
EXAMPLES = PACKAGE.parent / "examples"  # of a checkout; an installed package has none
FONTS = ["system-ui", "sans-serif"]
THEME = gr.themes.Soft(font=FONTS, font_mono=["monospace"])  # fonts of the computer: the default theme fetches some
STYLE = "footer {display: none !important} .gradio-container {max-width: 1100px !important}"
ABOUT = """# CaPTURe
Make a drawn character move. Drop a picture of **one whole figure** on a plain or transparent ground, choose what it
should do, and press **Animate**. Pictures stay on this computer."""


def build_page(pipeline: Pipeline) -> gr.Blocks:
    """The page; its `queue` and `launch` are Gradio's."""

    def animate(*choices: Any) -> tuple[str, str, str, list[str]]:
        began = time.monotonic()
        try:
            notes: list[str] = []
            files, count = render(pipeline, notes.append, *choices)
        except CaptureError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from None
        with Image.open(files[0]) as shown:
            size = f"{shown.width} x {shown.height} pixels, {count} frame{'s' * (count != 1)}"
        told = "\n\n".join([f"{size}, {time.monotonic() - began:.1f} s", *map(plain, notes)])
        return str(files[0]), str(files[1]), told, [str(file) for file in files[1:]]

    with gr.Blocks(title="CaPTURe", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        gr.Markdown(ABOUT)
        with gr.Row():
            with gr.Column():
                drawing = gr.Image(
                    type="filepath", image_mode=None, sources=["upload", "clipboard"], label="Your drawing",
                    height=300, elem_id="drawing",
                )  # fmt: skip
                kind = gr.Radio([MOTION, FILE, WEBCAM], value=MOTION, label="What it should do as")
                with gr.Group() as motion_group:
                    motion = gr.Dropdown(list(MOTIONS), value="walk", label="Motion", elem_id="motion")
                    side = gr.Dropdown([*DIRECTIONS, EIGHT], value="front", label="Seen from")
                driver = gr.File(label="A pose, a video or a GIF", type="filepath", visible=False)
                camera = gr.Image(type="filepath", sources=["webcam"], label="Your pose", visible=False)
                with gr.Accordion("More", open=False):
                    form = gr.Radio(list(FORMATS), value="GIF", label="File to download")
                    background = gr.Radio(
                        ["auto", "keep", "transparent"], value="transparent", label="Behind the figure"
                    )
                    native = gr.Checkbox(True, label="At the drawing's own size (up to 512 pixels)")
                    frames = gr.Slider(2, 24, 12, step=1, label="Frames of a motion")
                button = gr.Button("Animate", variant="primary", elem_id="animate")
            with gr.Column():
                result = gr.Image(
                    label="Result", type="filepath", interactive=False, height=420, elem_id="result", buttons=[]
                )
                told = gr.Markdown(elem_id="told")
                download = gr.DownloadButton("Download", elem_id="download")
                files = gr.Files(label="All files", interactive=False)
        if EXAMPLES.is_dir():
            rows = [("cat", "walk"), ("robot", "dance_a"), ("king", "bow"), ("frog", "jump")]
            gr.Examples(
                [[str(EXAMPLES / f"{name}.png"), clip] for name, clip in rows],
                [drawing, motion],
                label="Drawings to try",
                elem_id="examples",
            )
        kind.change(
            lambda kind: [gr.update(visible=kind == one) for one in (MOTION, FILE, WEBCAM)],
            kind,
            [motion_group, driver, camera],
            show_progress="hidden",
        )
        given = [drawing, kind, motion, side, driver, camera, form, background, native, frames]
        button.click(animate, given, [result, download, told, files], api_name="animate")
    return page


def plain(note: str) -> str:
    """A line about a picture as the page shows it: without options of the command line, and without Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", note.replace(TAKES_NEXT, ""))


def render(
    pipeline: Pipeline,
    say: Callable[[str], None],
    drawing: str | None,
    kind: str,
    motion: str,
    side: str,
    driver: str | None,
    camera: str | None,
    form: str,
    background: str,
    native: bool,
    frames: float,
) -> tuple[list[Path], int]:
    """Render what was chosen. `say` gets every line about what was done to the pictures.

    Returns:
        The file to show, the file to download, and what belongs to it; and the number of frames.

    Raises:
        CaptureError: nothing was dropped, or what was can't be used; the message is for people.
    """
    if drawing is None:
        raise CaptureError("Drop a drawing first.")
    pose = {MOTION: f"motion:{motion}", FILE: driver, WEBCAM: camera}[kind]
    if pose is None:
        raise CaptureError("Drop a picture or a video of the pose, or take one with the webcam.")
    if kind == FILE and is_sequence_file(pose):
        with Driver(Path(pose)) as film:
            if len(film) > MOST_FRAMES:
                raise CaptureError(f"{len(film)} frames are too many for this page; save_result.py has no limit")
    directions = tuple(DIRECTIONS) if side == EIGHT else side
    ending, name = FORMATS[form]
    if background == "transparent" and name == "mp4":
        background = "auto"  # which has no transparency
    size = "auto" if native else "network"
    made = pipeline(
        drawing, pose, background=background, resolution=size, frames=int(frames), direction=directions, say=say
    )
    results = Path(_results_folder().name)
    for old in sorted(results.iterdir(), key=os.path.getmtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=results))  # Gradio copies what it serves
    if isinstance(made, Image.Image):
        made.save(folder / "output.png")
        return [folder / "output.png", folder / "output.png"], 1
    assert isinstance(made, Frames)
    shown = made.save(folder / "shown.webp")
    saved = made.save(folder / f"output{ending}", form=name)
    beside = [path for path in [saved.with_suffix(".json")] if path.is_file()]
    return [shown, saved, *beside], len(made)


@functools.cache
def _results_folder() -> tempfile.TemporaryDirectory[str]:
    """The folder of all results, which is removed when the program ends."""
    return tempfile.TemporaryDirectory(prefix="capture-")
