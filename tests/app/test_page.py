"""The web page: what is chosen becomes one call, and a real browser drives the real program."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from PIL import Image, ImageSequence

from capture.common.errors import CaptureError
from capture.inference.pipeline import Pipeline
from tests.conftest import ROOT, draw_figure

if importlib.util.find_spec("gradio") is None:  # without importing it, which takes six seconds
    pytest.skip("no Gradio here", allow_module_level=True)
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 180  # for a page on a busy machine
OWN = ("http://127.0.0.1:", "data:", "blob:")  # beginnings of addresses on this computer


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "hero.png"
    draw_figure(path, character=1, pose=2, size=64)
    return path


@pytest.fixture(scope="module")
def pipeline(untrained):
    return Pipeline.load(untrained, device="cpu")


class TestRendering:
    @pytest.fixture
    def choices(self, drawing):
        """What a visitor chooses, by name; `render` takes them in this order."""
        return {
            "drawing": str(drawing), "kind": "A motion", "motion": "walk", "side": "front", "driver": None,
            "camera": None, "form": "GIF", "background": "auto", "native": True, "frames": 2,
        }  # fmt: skip

    @pytest.mark.parametrize(("form", "ending"), [("GIF", ".gif"), ("Sprite sheet", ".png"), ("MP4 video", ".mp4")])
    def test_a_motion_becomes_a_file_of_the_chosen_format(self, pipeline, choices, form, ending):
        from capture.app.page import render

        files, count = render(pipeline, print, **{**choices, "form": form})
        assert count == 2 and files[1].suffix == ending and files[1].stat().st_size > 0
        assert Image.open(files[0]).n_frames == 2
        if form == "Sprite sheet":
            assert len(json.loads(files[2].read_text())["frames"]) == 2

    def test_eight_sides_are_one_after_another(self, pipeline, choices):
        from capture.app.page import EIGHT, render

        assert render(pipeline, print, **{**choices, "side": EIGHT})[1] == 16

    def test_a_pose_picture_gives_a_picture(self, pipeline, choices, drawing):
        from capture.app.page import FILE, render

        files, count = render(pipeline, print, **{**choices, "kind": FILE, "driver": str(drawing)})
        assert count == 1 and Image.open(files[0]).size == (32, 32)

    @pytest.mark.parametrize(
        ("change", "message"),
        [({"drawing": None}, "Drop a drawing"), ({"kind": "The webcam"}, "Drop a picture or a video of the pose")],
    )
    def test_what_is_missing_is_said(self, pipeline, choices, change, message):
        from capture.app.page import render

        with pytest.raises(CaptureError, match=message):
            render(pipeline, print, **{**choices, **change})

    def test_what_was_done_to_the_pictures_is_said_on_the_page(self, untrained_toon, choices, tmp_path):
        from capture.app.page import plain, render

        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "busy.png")
        pipeline, said = Pipeline.load(untrained_toon, device="cpu"), []
        for _ in range(5):  # every visitor is told
            said.clear()
            render(pipeline, said.append, **{**choices, "drawing": str(tmp_path / "busy.png")})
            assert len(said) == 1 and "the figure can't be told from what is behind it" in said[0]
        assert plain("a_b: 2 figures, the largest is used (--which 2 takes the next)") == (
            "a\\_b: 2 figures, the largest is used"
        )

    def test_long_films_are_refused_before_they_are_rendered(self, pipeline, choices, tmp_path, monkeypatch):
        from capture.app import page

        frames = [Image.new("RGB", (32, 32), (9 * i, 0, 0)) for i in range(5)]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        monkeypatch.setattr(page, "MOST_FRAMES", 4)
        with pytest.raises(CaptureError, match="5 frames are too many"):
            page.render(pipeline, print, **{**choices, "kind": page.FILE, "driver": str(tmp_path / "a.gif")})


@pytest.fixture(scope="module")
def address(untrained_toon):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", str(untrained_toon), "--port", str(port), "--device", "cpu"]
    program = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE)
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(address, timeout=5).read()
                break
            except OSError:
                assert program.poll() is None, program.stderr.read().decode()
                time.sleep(0.5)
        yield address
    finally:
        program.terminate()
        program.wait(30)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page on a phone, loaded; requests to other computers are an error."""
    page, elsewhere = browser.new_page(viewport={"width": 390, "height": 840}), []
    page.set_default_timeout(SECONDS * 1000)
    page.on("request", lambda one: elsewhere.append(one.url) if not one.url.startswith(OWN) else None)
    page.goto(address)
    page.wait_for_selector("#animate")
    yield page
    page.close()
    assert elsewhere == []


def tab_to(page, selector: str) -> None:
    """Press the tabulator until what the selector names has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the tabulator does not reach {selector}")


def shown_frames(page) -> np.ndarray:
    """The frames of the result's picture, RGBA: (count, height, width, 4)."""
    page.wait_for_function("document.querySelector('#told')?.innerText.includes('pixels')")
    shown = page.locator("#result img").first
    shown.wait_for()
    data = urllib.request.urlopen(shown.get_attribute("src")).read()
    frames = ImageSequence.Iterator(Image.open(io.BytesIO(data)))
    return np.stack([np.asarray(frame.convert("RGBA"), int) for frame in frames])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
class TestInABrowser:
    def test_upload_and_click_show_what_the_pipeline_makes(self, page, drawing, untrained_toon):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390  # nothing to scroll sideways
        page.set_input_files("#drawing input[type=file]", str(drawing))
        page.wait_for_selector("#drawing img")
        page.click("#animate")
        made = shown_frames(page)
        assert "32 x 32 pixels, 12 frames" in page.inner_text("#told")
        expected = Pipeline.load(untrained_toon, device="cpu")(drawing, "walk", background="transparent", frames=12)
        expected = np.stack([np.asarray(frame, int) for frame in expected.frames])
        assert made.shape == expected.shape and np.abs(made - expected).max() <= 1

    def test_the_keyboard_alone_uploads_and_animates(self, page, drawing):
        tab_to(page, "#drawing button")
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Space")
        chooser.value.set_files(str(drawing))
        page.wait_for_selector("#drawing img")
        tab_to(page, "#animate")
        page.keyboard.press("Enter")
        assert len(shown_frames(page)) == 12

    def test_an_example_fills_in_the_drawing_and_the_motion_at_a_click(self, page):
        page.click("#examples tbody tr:nth-child(2)")
        page.wait_for_selector("#drawing img")
        page.wait_for_function("document.querySelector('#motion input').value == 'dance_a'")

    def test_a_mistake_is_one_clear_message(self, page):
        page.click("#animate")
        page.wait_for_selector("text=Drop a drawing first.")


class TestProgram:
    WITHOUT_GRADIO = "import sys, runpy; sys.modules['gradio'] = None; sys.argv[:1] = []; "

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """app.py where Gradio is not installed."""
        code = self.WITHOUT_GRADIO + "runpy.run_path('app.py', run_name='__main__')"
        command = [sys.executable, "-c", code, "app.py", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    def test_help_needs_no_gradio(self):
        done = self.run("--help")
        assert done.returncode == 0 and "--port" in done.stdout

    def test_the_program_says_how_to_install_gradio(self):
        done = self.run()
        assert done.returncode == 2 and "pip install gradio" in done.stderr

    def test_the_program_binds_to_the_loopback_interface(self):
        from capture.cli.app import build_parser

        assert build_parser().parse_args([]).host == "127.0.0.1"
