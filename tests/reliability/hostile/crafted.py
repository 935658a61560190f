"""Attacks written by hand, and what the campaign found where the file itself is too large to keep."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator

import torch

from tests.reliability.hostile import originals, pictures
from tests.reliability.hostile.archives import _packed, _records, evil_pickles, zip_that_lies
from tests.reliability.hostile.case import HERE, Case
from tests.reliability.hostile.cases import CACHE, CHECK, FASHION, GOOD, RENDER, TRAIN
from tests.reliability.hostile.trees import ELSEWHERE
from tests.reliability.hostile.values import as_yaml, yaml_bombs

PAIR = ["--iden_path", "in/good.png", "--pose_path", "in/good.png"]
LATEST = "CheckPoint/latest_checkpoint.pt"


def crafted() -> Iterator[tuple[str, Case]]:
    """(name, case)."""
    for make in (_pictures, _animations, _checkpoints, _exports, _overlays, _paths):
        for name, case in make():
            yield name, Case(name.split(":")[0], case.argv, case.files, case.links, name, case.out, case.cache)


def _pictures() -> Iterator[tuple[str, Case]]:
    bomb = pictures._squeezed(pictures.BOMB)
    chunk = pictures.png_chunk
    files = {
        "png of 2^31 pixels a side": pictures.png(2**31 - 1, 2**31 - 1, 8, 2, b""),
        "png of 60,000 pixels a side": pictures.png(60_000, 60_000, 8, 2, bomb),
        "png one pixel high and 10^8 long": pictures.png(10**8, 1, 1, 0, bomb),
        "png with zTXt that grows": pictures.png(1, 1, 8, 0, bomb, chunk(b"zTXt", b"k\0\0" + bomb)),
        "png with iCCP that grows": pictures.png(1, 1, 8, 0, bomb, chunk(b"iCCP", b"k\0\0" + bomb)),
        "png of one pixel with IDAT that grows": pictures.png(1, 1, 8, 0, bomb),
        "png at the limit, all zeros": pictures.png(16_000, 4_000, 8, 0, pictures._squeezed(64 << 20)),
        "ppm of 10^9 pixels a side": b"P6 1000000000 1000000000 255\n",
        "gif of 65,535 pixels a side": b"GIF89a" + b"\xff" * 4 + b"\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\0;",
        "eps by the name of png": originals.picture("EPS"),
    }
    for name, data in files.items():
        yield f"picture: {name}", Case("", [*RENDER, "--iden_path", "in/bad.png", "--pose_path", "in/good.png"],
                                       {**originals.result_files(), **GOOD, "in/bad.png": data})  # fmt: skip


def _animations() -> Iterator[tuple[str, Case]]:
    for form, frames in (("GIF", 1000), ("WEBP", 300), ("TIFF", 300)):
        data = pictures.stacked(form, frames)
        yield f"animation: {frames} frames of {form}", Case(
            "", [*RENDER, "--iden_path", "in/bad.gif", "--pose_path", "in/good.png"],
            {**originals.result_files(), **GOOD, "in/bad.gif": data})  # fmt: skip


def _checkpoints() -> Iterator[tuple[str, Case]]:
    small, state = originals.small_checkpoint(), originals.checkpoint_state()
    weights = state["gen_state_dict"]
    name = next(key for key, value in weights.items() if value.dim() == 4)
    wide = torch.zeros(1).expand(weights[name].shape)
    moments = {**state["gen_opt"]["state"], 0: {**state["gen_opt"]["state"][0], "exp_avg": torch.zeros(1)}}
    swap = {"data.pkl": None}
    files = {
        "deflated bomb for a pickle": _packed([(n, c, swap.get(n.split("/", 1)[1], 0)) for n, c in _records(small)]),
        "deflated bomb for a tensor": _packed(
            [(n, c, None if n.endswith("/data/0") else 0) for n, c in _records(small)]
        ),
        "deflated": _packed([(n, c, zipfile.ZIP_DEFLATED) for n, c in _records(small)]),
        "records that claim 4 GB": zip_that_lies(small, 2**32 - 2),
        "version of text": originals.torch_bytes({**state, "version": "x"}),
        "number for a tensor": originals.torch_bytes({**state, "gen_state_dict": {**weights, name: 3}}),
        "sparse tensor": originals.torch_bytes({"gen_state_dict": {**weights, name: weights[name].to_sparse()}}),
        "NaN": originals.torch_bytes({"gen_state_dict": {**weights, name: weights[name] * float("nan")}}),
        "one number for a whole tensor": originals.torch_bytes({"gen_state_dict": {**weights, name: wide}}),
        "configuration that is a list": originals.torch_bytes({**state, "config": [1]}),
        "moments of another shape": originals.torch_bytes({**state, "gen_opt": {**state["gen_opt"], "state": moments}}),
        "no generator of randomness": originals.torch_bytes({k: v for k, v in state.items() if k != "noise_rng"}),
        "step of text": originals.torch_bytes({**state, "step": "x"}),
    }
    files |= {f"pickle {i}": data for i, data in enumerate(evil_pickles()[:12])}
    resumed = {
        "in/tiny.yaml": as_yaml(originals.TINY),
        **originals.tree(),
        "out/run/0config.yaml": originals.result_yaml(),
    }
    for what, data in files.items():
        render = Case("", [*RENDER, *PAIR], {**originals.result_files(), **GOOD, f"result/{LATEST}": data})
        yield f"checkpoint: {what}, rendered", render
        if not what.startswith("pickle"):
            resume = {**resumed, f"out/run/{LATEST}": data}
            yield f"checkpoint: {what}, resumed", Case("", [*TRAIN, "--num_epochs", "2"], resume, cache=CACHE)
    published = originals.torch_bytes(originals.baseline_state("mraa"))
    for what, data in {
        "deflated bomb": _packed([(n, c, swap.get(n.split("/", 1)[1], 0)) for n, c in _records(published)]),
        "records that claim 4 GB": zip_that_lies(published, 2**32 - 2),
    }.items():
        config = originals.result_yaml("mraa")
        command = ["save_result.py", "in/ted.pth", *PAIR, "--save_dir", "out"]
        yield f"published: {what}", Case("", command, {**GOOD, "in/ted.pth": data, "in/0config.yaml": config})


def _exports() -> Iterator[tuple[str, Case]]:
    whole = originals.exported()
    deep = json.dumps(
        {"__metadata__": {"format": "capture-generator", "version": "1", "config": "[" * 100_000}}
    ).encode()
    for what, data in {
        "header of 2^63 bytes": struct.pack("<Q", 2**63) + whole[8:],
        "header of 100 MB": struct.pack("<Q", 100_000_000) + whole[8:],
        "configuration without a bottom": struct.pack("<Q", len(deep)) + deep,
    }.items():
        command = ["save_result.py", "in/g.safetensors", *PAIR, "--save_dir", "out"]
        yield f"safetensors: {what}", Case("", command, {**GOOD, "in/g.safetensors": data})


def _overlays() -> Iterator[tuple[str, Case]]:
    for i, text in enumerate(yaml_bombs("main_config")):
        files = {**originals.tree(), "in/bad.yaml": text.encode()}
        yield f"YAML: bomb {i}", Case("", ["train.py", "in/bad.yaml", "--dry-run"], files)
    wide = {"idenE_config": {"c": 1024, "min_ch": 4096}, "poseE_config": {"c": 1024, "min_ch": 4096}}
    wide["dec_config"] = {"min_ch": 4096}
    tiny = originals.TINY
    for what, config in {
        "networks of many gigabytes": {**tiny, "generator_config": wide},
        "pictures of 10^9 pixels a side": {**tiny, "dataset_config": {**tiny["dataset_config"], "image_size": 2**30}},
        "one halving": {**tiny, "generator_config": {"idenE_config": {"downs": 1}, "poseE_config": {"downs": 1}}},
    }.items():
        yield (
            f"YAML: {what}",
            Case("", ["train.py", "in/bad.yaml", "--dry-run"], {**originals.tree(), "in/bad.yaml": as_yaml(config)}),
        )


def _paths() -> Iterator[tuple[str, Case]]:
    tree, tiny = {**originals.tree(), **ELSEWHERE}, {"in/tiny.yaml": as_yaml(originals.TINY)}
    for title in ("../escaped", f"{HERE}/elsewhere/escaped", "..", "a/../../escaped", "con\0nul", "x" * 300):
        text = as_yaml({**originals.TINY, "main_config": {"result_title": title}})
        command = ["train.py", "in/bad.yaml", "--result_path", "out"]
        yield f"path: result_title {title[:20]!r}", Case("", command, {**tree, "in/bad.yaml": text}, cache=CACHE)
    broken = {**tree, "data/train/character_1/run/imgs/7.png": b"broken"}
    fix = [*CHECK, "--fix"]
    out = ("data",)
    for link, target in {
        "data/.capture": f"{HERE}/elsewhere",
        "data/.capture/frames_32": f"{HERE}/elsewhere",
        "data/.capture/frames_32/lock": f"{HERE}/elsewhere/canary",
        "data/.capture/frames_32/frames.building": f"{HERE}/elsewhere/new",
        "data/.capture/frames_32/frames.old": f"{HERE}/elsewhere/canary",
    }.items():
        yield f"path: {link} leads out", Case("", TRAIN, {**tree, **tiny}, {link: target}, cache=CACHE)
    yield "path: set_aside leads out", Case("", fix, broken, {"data/set_aside": f"{HERE}/elsewhere"}, out=out)
    yield (
        "path: a clip leads out",
        Case("", fix, tree, {"data/train/character_0/link": f"{HERE}/elsewhere/run"}, out=out),
    )
    yield "path: a character leads out", Case("", fix, tree, {"data/train/linked": f"{HERE}/elsewhere"}, out=out)
    outside = {**tree, "elsewhere/pairs.csv": b"identity,pose\nno.png,no.png\n"}
    outside = {name: data for name, data in outside.items() if not name.startswith("data/test/")}
    yield "path: test/ leads out", Case("", fix, outside, {"data/test": f"{HERE}/elsewhere"}, out=out)
    many = {f"many/{name}": originals.picture("PNG", 1, 1) for name in ("a.png", "a.bmp")}
    folders = [*RENDER, "--iden_path", "many", "--pose_path", "many"]
    yield "path: two pictures of one name", Case("", folders, {**originals.result_files(), **many})
    many = {f"many/{stem * 200}.png": originals.picture("PNG", 1, 1) for stem in "ab"}
    yield "path: names too long together", Case("", folders, {**originals.result_files(), **many})
    listed = {"in/train/a.mp4": originals.video("mp4"), "in/fashion_train.txt": b"http://[::1/a.mp4\n"}
    yield "path: a link with an open bracket", Case("", FASHION, listed)
    yield "video: nothing that can be read", Case("", FASHION, {"in/train/a.mp4": b"nothing"})
