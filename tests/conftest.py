"""What several tests share: tiny data, a tiny configuration, and a way to run the programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

# Functions import torch when they use it: the process of `pytest -n 2` that hands out the tests does without.
from tests.helpers.garbage import pytest_collection  # noqa: F401
from tests.helpers.marks import pytest_collection_modifyitems  # noqa: F401

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

TINY = {  # the smallest configuration that has every part: the keys of every method
    "dataset_config.image_size": 32,
    "dataset_config.batch_size": 2,
    "dataset_config.num_workers": 0,
    "dataset_config.samples_per_epoch": 6,
    "train_config.num_epochs": 2,
    "validation_pairs": 4,
    "sample_rows": 2,
}
TINY_CAPTURE = {
    "idenE_config.downs": 2,
    "poseE_config.downs": 2,
    "idenE_config.c": 4,
    "poseE_config.c": 4,
    "discriminator_config.c": 4,
    "idenE_config.min_ch": 16,
    "poseE_config.min_ch": 16,
    "dec_config.min_ch": 16,
    "dec_adain_layers": "[1]",
    "disc_downs": 2,
}
TINY_PARTS = {
    "dataset_config.dataset_path": "./Fashion_Dataset",
    "dataset_config.toon_views": "all",
    "dataset_config.toon_test_clips": 0,
    "dataset_config.share_renders": "false",
    "dataset_config.image_size": 64,
    "networks.c": 4,
    "networks.min_ch": 16,
    "networks.code_ch": 0,
    "networks.attention_width": 0,
    "discriminator.c": 4,
    "discriminator.disc_downs": 2,
    "loss.perceptual_weight": 0,
    "lr_schedule.warmup_steps": 0,
    "train_config.precision": "fp32",
}
TINY_WARPING = {
    "perceptual": "none",
    "scales": "[1.0, 0.5]",
    "generator.block_expansion": 4,
    "generator.max_features": 8,
    "generator.num_down_blocks": 1,
    "generator.num_bottleneck_blocks": 1,
    "lr_schedule.drop_epochs": "[-1]",
}
TINY_METHODS = {  # the method's own keys, where a method has some
    "capture": TINY_CAPTURE,
    "capture_supervised": TINY_CAPTURE,
    "capture_parts": TINY_PARTS,
    "fomm": {
        **{key: value for key, value in TINY_WARPING.items() if key != "scales"},
        "fomm_config.scales": "[1.0, 0.5]",
        "num_kp": 3,
        **{f"kp_detector.{key}": value for key, value in (("block_expansion", 4), ("max_features", 16))},
        **{f"dense_motion.{key}": value for key, value in (("block_expansion", 4), ("max_features", 16))},
        **{f"fomm_config.discriminator.{key}": value for key, value in (("block_expansion", 4), ("max_features", 16))},
        "kp_detector.num_blocks": 2,
        "dense_motion.num_blocks": 2,
        "fomm_config.discriminator.num_blocks": 2,
    },
    "mraa": {
        **TINY_WARPING,
        "num_regions": 3,
        **{f"{part}.block_expansion": 4 for part in ("region_predictor", "background", "pixelwise_flow")},
        **{f"{part}.max_features": 16 for part in ("region_predictor", "background", "pixelwise_flow")},
        "region_predictor.num_blocks": 2,
        "background.num_blocks": 3,
        "pixelwise_flow.num_blocks": 2,
        "avd.id_bottle_size": 8,
        "avd.pose_bottle_size": 8,
    },
    "lwgan": {
        "lwgan_config.conv_dim": 4,
        "lwgan_config.repeat_num": 1,
        "lwgan_config.discriminator.ndf": 4,
        "lwgan_config.discriminator.n_layers": 3,
        "lwgan_config.perceptual": "none",
    },
    "coord_inpainting": {
        "dataset_config.image_size": 40,
        "coord_inpainting_config.inpainter_width": 4,
        "coord_inpainting_config.refiner_width": 4,
        "coord_inpainting_config.disc_width": 4,
        "coord_inpainting_config.perceptual_net": "none",
    },
}


def tiny_argv(method: str = "capture") -> list[str]:
    """The tiny configuration of a method as a command line; the method itself is not in it."""
    keys = {**TINY, **TINY_METHODS.get(method, {})}
    return [part for key, value in keys.items() for part in (f"--{key}", str(value))]


TINY_ARGV = tiny_argv()


def tiny_config(*argv: str) -> dict:
    """The tiny configuration, resolved, with --key value overrides, --method among them."""
    from capture.config.load import load_config

    method = argv[len(argv) - list(argv)[::-1].index("--method")] if "--method" in argv else "capture"
    return load_config([], [*tiny_argv(method), "--result_title", "tiny", *argv])


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny networks are faster so, and bits agree with the processes that tests start.

    The processes as well: where two of them have two threads each on two cores, the threads wait for one another
    actively, and a test took five times the processor's time. Tests of the number of threads set the variable
    themselves.
    """
    import torch

    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def interrupts():
    """Interrupts (SIGINT) reach the tests and the programs that they start, also where the tests run in the background.

    A shell that is not interactive starts background commands with SIGINT ignored, Python then installs no handler, and
    every process that is started inherits that. Tests of interruption would wait for an end that never comes.
    """
    before = signal.getsignal(signal.SIGINT)
    ignored = before is signal.SIG_IGN and threading.current_thread() is threading.main_thread()
    if ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if ignored:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def shared() -> Path:
    """The reference material beside the checkout, where there is any."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("no ../shared beside this checkout")
    return SHARED


def draw_figure(path: Path, character: int, pose: int, size: int = 32) -> None:
    """A disc-headed figure whose colour is the character and whose lean is the pose."""
    image = Image.new("RGB", (size, size), (235, 235, 235))
    pen = ImageDraw.Draw(image)
    colour = tuple(int(c) for c in np.random.default_rng(character).integers(0, 200, 3))
    x = size // 4 + pose % (size // 2)
    pen.ellipse([x - 7, 1, x + 7, 15], fill=colour)
    pen.line([x, 12, size // 2, size - 6], fill=colour, width=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture(scope="session")
def mixamo_tree(tmp_path_factory) -> Path:
    """A small aligned Mixamo tree: 3 characters x 2 clips x 3 frames, frames in imgs/ and directly, and test pairs."""
    root = tmp_path_factory.mktemp("data") / "mixamo"
    for c in range(3):
        for k, clip in enumerate(("run", "jump")):
            for f in range(3):
                where = root / "train" / f"character_{c}" / clip / ("imgs" if k else "")
                draw_figure(where / f"{f:03d}.png", c, 5 * k + f)
    for c in (7, 8):
        for f in range(2):
            draw_figure(root / "test" / "imgs" / f"character_{c}__run__{f}.png", c, f)
    (root / "test" / "pairs.csv").write_text(
        "identity,pose,target\n"
        + "imgs/character_7__run__0.png,imgs/character_8__run__1.png,imgs/character_7__run__1.png\n"
        + "imgs/character_8__run__0.png,imgs/character_7__run__1.png,imgs/character_8__run__1.png\n"
    )
    (root / "manifest.json").write_text('{"version": 1, "aligned": true}')
    return root


@pytest.fixture
def run_main(monkeypatch, capsys):
    """Run a program's main in this process: run_main("train.py", "--key", "value") -> (exit status, stdout, stderr)."""
    import importlib.util

    def run(program: str, *argv: str) -> tuple[int, str, str]:
        import logging

        from capture.common.errors import command_line

        spec = importlib.util.spec_from_file_location(program.removesuffix(".py"), ROOT / program)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, "argv", [program, *map(str, argv)])
        capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as stop:
                command_line(module.main)()
        finally:
            for handler in list(logging.getLogger("capture").handlers):
                logging.getLogger("capture").removeHandler(handler)
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return run


@pytest.fixture
def bad_input(run_main):
    """Run a program that must refuse: exit status 2, one line on stderr, which is returned."""

    def run(program: str, *argv: str) -> str:
        status, _, err = run_main(program, *argv)
        lines = [line for line in err.splitlines() if line.startswith("error:")]
        assert status == 2, err
        assert len(lines) == 1 and "Traceback" not in err, err
        return lines[0]

    return run


@pytest.fixture(scope="session")
def programs():
    """Starts programs in processes of their own that have their libraries already (tests/helpers/programs.py)."""
    if not sys.platform.startswith("linux"):
        pytest.skip("programs are forked only on Linux here")
    from tests.helpers.programs import Programs

    with Programs() as started:
        yield started


@pytest.fixture(scope="session")
def run_apart(request, tmp_path_factory):
    """Run Python code in a process that is not this one: run_apart(code, *argv, seconds=120) -> what it prints.

    It is ended after so many seconds. On Linux it has torch from the start, and elsewhere it imports torch.
    """

    def run(code: str, *argv: str, seconds: float = 120) -> str:
        program = tmp_path_factory.mktemp("apart") / "program.py"
        program.write_text(code)
        if sys.platform.startswith("linux"):
            done = request.getfixturevalue("programs").run(program, *argv, kill_after=seconds)
            assert done.status == 0, done.out + done.err
            return done.out
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, program, *argv], env=environment, capture_output=True, text=True, check=True
        ).stdout

    return run


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """What the programs read (tests/helpers/world.py). Not to be changed."""
    from tests.helpers.world import make_world

    return make_world(tmp_path_factory.mktemp("world"))


def write_result(folder: Path, generator: torch.nn.Module, config: dict) -> Path:
    """A result folder as of a run that trained `generator`; the folder."""
    from capture.checkpoints.checkpoint import latest_path, save_checkpoint
    from capture.config.yaml import dump_yaml

    save_checkpoint(latest_path(folder), {"gen_state_dict": generator.state_dict(), "config": config})
    (folder / "0config.yaml").write_text(dump_yaml(config))
    return folder


@pytest.fixture(scope="session")
def untrained(tmp_path_factory) -> Path:
    """A result folder with a tiny, untrained generator. Not to be changed."""
    import torch

    from capture.methods.build import build_generator

    torch.manual_seed(0)
    return write_result(tmp_path_factory.mktemp("result") / "tiny", build_generator(tiny_config()), tiny_config())


@pytest.fixture(scope="session")
def untrained_toon(tmp_path_factory) -> Path:
    """The same, of pictures of 32 x 32, that says it was trained on toon. Not to be changed."""
    import torch

    from capture.methods.build import build_generator

    torch.manual_seed(0)
    config = tiny_config("--dataset_path", "toon")
    return write_result(tmp_path_factory.mktemp("result") / "toon", build_generator(config), config)


def start(program: str, *argv: str, **options) -> subprocess.Popen:
    """Start a program as a user would, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / program), *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **options,
    )
