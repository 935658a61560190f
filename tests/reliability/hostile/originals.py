"""The smallest valid file of every kind, made once."""

from __future__ import annotations

import functools
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from capture.checkpoints.checkpoint import export_generator
from capture.config.load import load_config
from capture.config.yaml import dump_yaml
from capture.methods.build import build_generator, build_method
from tests.helpers.make_videos import make_video
from tests.helpers.tiny_baselines import tiny_options

SIZE = 32
TINY = {  # one that has every part and next to no weights
    "main_config": {"result_title": "run", "sample_rows": 1, "validation_pairs": 1},
    "dataset_config": {
        "dataset_path": "data",
        "num_workers": 0,
        "cache_gb": 0.1,
        "batch_size": 2,
        "image_size": SIZE,
        "samples_per_epoch": 2,
    },
    "generator_config": {
        "idenE_config": {"downs": 2, "c": 1, "min_ch": 4},
        "poseE_config": {"downs": 2, "c": 1, "min_ch": 4},
        "dec_config": {"min_ch": 4, "dec_adain_layers": [1]},
    },
    "discriminator_config": {"disc_downs": 1, "n_res": 1, "c": 1},
    "train_config": {"num_epochs": 1, "seed": 1},
}
PICTURES = {  # extension -> Pillow's format
    "png": "PNG",
    "jpg": "JPEG",
    "bmp": "BMP",
    "gif": "GIF",
    "webp": "WEBP",
    "tif": "TIFF",
    "ppm": "PPM",
    "avif": "AVIF",
}
FOREIGN = ("TGA", "EPS", "ICO", "PCX", "SGI", "ICNS", "JPEG2000", "DDS", "PDF", "XBM", "MSP", "SPIDER", "IM")
VIDEOS = {  # extension -> codec, pixels
    "mp4": ("libx264", "yuv420p"),
    "mkv": ("libx264", "yuv420p"),
    "avi": ("mpeg4", "yuv420p"),
    "webm": ("libvpx", "yuv420p"),
}


def figure(character: int, pose: int, side: int = SIZE) -> Image.Image:
    """A disc-headed figure: the colour is the character, the lean the pose."""
    image = Image.new("RGB", (side, side), (235, 235, 235))
    pen, x = ImageDraw.Draw(image), side // 4 + pose % (side // 2)
    colour = tuple(int(c) for c in np.random.default_rng(character).integers(0, 200, 3))
    pen.ellipse([x - 6, 1, x + 6, 13], fill=colour)
    pen.line([x, 12, side // 2, side - 6], fill=colour, width=7)
    return image


@functools.cache
def picture(form: str = "PNG", character: int = 0, pose: int = 0) -> bytes:
    """A picture file; EPS is a program of its own, and would be run."""
    if form == "EPS":
        head = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n"
        return head + b"(PWNED) (w) file closefile\nshowpage\n%%EOF"
    buffer = io.BytesIO()
    image = figure(character, pose)
    if form in ("XBM", "MSP"):
        image = image.convert("1")
    elif form == "SPIDER":
        image = image.convert("F")
    elif form == "PCX" or form == "GIF":
        image = image.convert("P")
    image.save(buffer, form)
    return buffer.getvalue()


@functools.cache
def video(extension: str) -> bytes:
    """Four numbered frames."""
    codec, pixels = VIDEOS[extension]
    return _through_file(f"v.{extension}", lambda path: make_video(path, 4, (32, 32), codec, pixels))


@functools.cache
def config(**sections: dict) -> dict:
    """The tiny configuration, resolved."""
    from tests.reliability.hostile.values import as_yaml

    data = _through_file("tiny.yaml", lambda path: path.write_bytes(as_yaml(TINY)))
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder, "tiny.yaml")).write_bytes(data)
        return load_config([path])


def baseline_config(method: str) -> dict:
    """A configuration of the smallest FOMM or MRAA."""
    made = load_config([], ["--method", method])
    return {**made, "dataset_config": config()["dataset_config"], f"{method}_config": tiny_options(method)}


@functools.cache
def result_yaml(method: str = "capture") -> bytes:
    """0config.yaml."""
    return dump_yaml(config() if method == "capture" else baseline_config(method)).encode()


@functools.cache
def _state() -> dict:
    torch.manual_seed(0)
    method = build_method(config())
    method.init_weights()
    gen, disc = method.networks["gen"], method.networks["disc"]
    optimisers = {}
    for name, network in (("gen_opt", gen), ("disc_opt", disc)):
        optimiser = torch.optim.Adam(network.parameters(), fused=True)
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimiser.step()
        optimisers[name] = optimiser.state_dict()
    weights = {name: value.clone() for name, value in gen.state_dict().items()}
    return {
        "format": "capture-checkpoint",
        "version": 1,
        "epoch": 1,
        "step": 1,
        "gen_state_dict": weights,
        "disc_state_dict": {name: value.clone() for name, value in disc.state_dict().items()},
        **optimisers,
        "ema_state_dict": {name: value.clone() for name, value in weights.items()},
        "noise_rng": torch.Generator().manual_seed(1).get_state(),
        "meters": {"gen_loss": torch.zeros(())},
        "meter_steps": 0,
        "config": config(),
    }


def checkpoint_state() -> dict:
    """A training checkpoint of ours, as Python has it."""
    return dict(_state())


def release_state() -> dict:
    """One of the published release."""
    state = _state()
    weights = {f"module.{name}": value for name, value in state["gen_state_dict"].items()}
    disc = {f"module.{name}": value for name, value in state["disc_state_dict"].items()}
    return {"epoch": 3, "gen_state_dict": weights, "disc_state_dict": disc, "gen_opt": {}, "disc_opt": {}}


@functools.cache
def baseline_state(method: str) -> dict:
    """One that FOMM's or MRAA's authors published."""
    torch.manual_seed(0)
    network = build_generator(baseline_config(method))
    parts = {"fomm": ("generator", "kp_detector"), "mraa": ("generator", "region_predictor", "bg_predictor")}[method]
    return {part: getattr(network, part).state_dict() for part in parts} | {"epoch": 3}


def torch_bytes(state: object, zipped: bool = True) -> bytes:
    """torch.save."""
    buffer = io.BytesIO()
    torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


@functools.cache
def checkpoint() -> bytes:
    """A training checkpoint of ours, as a file."""
    return torch_bytes(checkpoint_state())


@functools.cache
def small_checkpoint() -> bytes:
    """The generator alone."""
    return torch_bytes({"gen_state_dict": _state()["gen_state_dict"], "epoch": 1, "config": config()})


@functools.cache
def exported() -> bytes:
    """A generator as safetensors."""
    return _through_file(
        "g.safetensors", lambda path: export_generator(path, _state()["gen_state_dict"], config(), half=True)
    )


@functools.cache
def tree(characters: int = 2) -> dict[str, bytes]:
    """An aligned Mixamo tree with test pairs, below data/."""
    files = {}
    for c in range(characters):
        for f in range(2):
            files[f"data/train/character_{c}/run/imgs/{f}.png"] = picture("PNG", c, f)
    for c in (7, 8):
        for f in range(2):
            files[f"data/test/imgs/character_{c}__run__{f}.png"] = picture("PNG", c, f)
    files["data/test/pairs.csv"] = PAIRS
    files["data/manifest.json"] = MANIFEST
    return files


PAIRS = (
    b"identity,pose,target\n"
    b"imgs/character_7__run__0.png,imgs/character_8__run__1.png,imgs/character_7__run__1.png\n"
    b"imgs/character_8__run__0.png,imgs/character_7__run__1.png,imgs/character_8__run__1.png\n"
)
MANIFEST = b"""{"version": 1, "aligned": true, "kind": "toon", "size": 32,
"train_characters": ["character_0", "character_1"],
"test_characters": ["character_7", "character_8"], "train_images": 4, "test_images": 4, "broken": {}}"""


def _through_file(name: str, write) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        write(path)
        return path.read_bytes()


def result_files(folder: str = "result") -> dict[str, bytes]:
    """A result folder that renders."""
    return {f"{folder}/0config.yaml": result_yaml(), f"{folder}/CheckPoint/latest_checkpoint.pt": small_checkpoint()}


@functools.cache
def cache_files() -> dict[str, bytes]:
    """A dataset of videos whose frames are prepared and indexed: data/train/*.mp4 and data/.capture/."""
    from capture.data.cache import prepare_frames
    from capture.data.index.catalog import scan
    from tests.reliability.hostile.sandbox import WHEN

    files = {f"data/train/c{c}/run.mp4": video("mp4") for c in range(2)}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        root = Path(folder, "data")
        for path in (*root.rglob("*"), root):
            os.utime(path, (WHEN, WHEN))
        catalog = scan(root, progress=False)
        assert prepare_frames(catalog, SIZE, 1.0, progress=False) is not None
        for path in (root / ".capture").rglob("*"):
            if path.is_file() and path.stat().st_size:
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files
