"""Every kind of case: which file is mutated, and which program reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from capture.config.load import DEFAULTS, flatten
from capture.config.yaml import read_yaml
from tests.reliability.hostile import originals, pictures, trees
from tests.reliability.hostile.archives import odd_checkpoints, odd_safetensors, repacked, zip_that_lies
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.damage import HUGE, damaged
from tests.reliability.hostile.originals import PICTURES, SIZE, TINY, VIDEOS
from tests.reliability.hostile.values import NAMES, as_json, as_yaml, changed, json_bombs, scalars, wild, yaml_bombs

KEYS = tuple(key for key, _ in flatten(read_yaml(DEFAULTS)))
SECTIONS = tuple(dict.fromkeys(part for key in KEYS for part in (key.split(".")[0], key.rsplit(".", 1)[0])))
GOOD = {"in/good.png": originals.picture("PNG", 1, 3)}
RENDER = ["save_result.py", "result", "--save_dir", "out", "--device", "cpu"]
TRAIN = ["train.py", "in/tiny.yaml", "--result_path", "out", "--result_title", "run"]
EVALUATE = ["evaluate.py", "result", "--out", "out", "--weights", "weights", "--device", "cpu"]
CHECK = ["prepare.py", "check", "data", "--workers", "1"]
FASHION = ["prepare.py", "fashion", "in", "out", "--size", str(SIZE), "--workers", "1"]
CACHE = ("data/.capture",)


def _tiny() -> dict[str, bytes]:
    return {"in/tiny.yaml": as_yaml(TINY)}


def _read_by(data: bytes, name: str) -> st.SearchStrategy[Case]:
    """A picture as identity, as pose, in a folder, as a training frame, as an answer."""
    inside = f"in/{name}"
    base = {**originals.result_files(), **GOOD, inside: data}
    as_frame = {**originals.tree(), **_tiny(), f"data/train/character_0/run/imgs/{name}": data}
    return st.sampled_from(
        (Case("", [*RENDER, "--iden_path", inside, "--pose_path", "in/good.png"], base),) * 3
        + (
            Case("", [*RENDER, "--iden_path", "in/good.png", "--pose_path", inside, "--keep_aspect"], base),
            Case("", [*RENDER, "--iden_path", "in", "--pose_path", "in/good.png"], base),
            Case("", [*TRAIN, "--dry-run"], as_frame, cache=CACHE),
            Case("", CHECK, as_frame),
        )
    ).map(lambda case: replace(case, reads=inside))


def _picture(extension: str) -> st.SearchStrategy[Case]:
    form = PICTURES[extension]
    data = originals.picture(form)
    donors = [originals.picture(other) for other in PICTURES.values()]
    aware = {
        "png": pictures.pngs(),
        "jpg": pictures.jpegs(data),
        "gif": pictures.gifs(data),
        "bmp": pictures.bmps(data),
        "tif": pictures.tiffs(),
        "webp": pictures.webps(data),
        "ppm": pictures.ppms(),
        "avif": pictures.avifs(data),
    }[extension]
    name = "bad.png" if extension == "avif" else f"bad.{extension}"
    either = st.booleans().flatmap(lambda known: aware if known else damaged(data, donors))
    return either.flatmap(lambda made: _read_by(made, name))


def _foreign() -> st.SearchStrategy[Case]:
    """Formats that a picture's name doesn't stand for, under such a name."""
    whole = [originals.picture(form) for form in originals.FOREIGN]
    return (
        st.sampled_from(whole)
        .flatmap(lambda data: st.just(data) | damaged(data))
        .flatmap(lambda data: _read_by(data, "bad.png"))
    )


def _video(extension: str) -> st.SearchStrategy[Case]:
    data = originals.video(extension)
    donors = [originals.video(other) for other in VIDEOS]
    bad, good = f"bad.{extension}", originals.video("mp4")

    def cases(made: bytes) -> st.SearchStrategy[Case]:
        alone, dataset = {f"in/train/{bad}": made}, {"data/train/c0/good.mp4": good, f"data/train/c1/{bad}": made}
        return st.sampled_from(
            (
                Case("", FASHION, {**alone, "in/train/good.mp4": good}),
                Case("", FASHION, alone),
                Case("", [*TRAIN, "--dry-run"], {**_tiny(), **dataset}, cache=CACHE),
                Case("", CHECK, dataset),
            )
        ).map(lambda case: replace(case, reads=bad))

    return (damaged(data, donors) | _enormous(data, extension)).flatmap(cases)


@st.composite
def _enormous(draw: st.DrawFn, data: bytes, extension: str) -> bytes:
    """Sizes of frames, numbers of samples and lengths of boxes that lie; the bitstream says otherwise, or too."""
    marks = {
        "mp4": (b"avc1", b"tkhd", b"stsz", b"stts", b"stco", b"stsc", b"ctts", b"elst", b"mdhd", b"avcC"),
        "mkv": (b"\xb0\x81", b"\xba\x81", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\xa3"),
        "webm": (b"\xb0\x81", b"\xba\x81", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\xa3"),
        "avi": (b"strf", b"strh", b"avih", b"movi", b"idx1", b"00dc"),
    }[extension]
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = out.find(draw(st.sampled_from(marks)))
        size = draw(st.sampled_from((2, 4)))
        where = at + draw(st.integers(-4, 100))
        if at >= 0 and 0 <= where <= len(out) - size:
            value = draw(st.sampled_from(HUGE)) & (1 << 8 * size) - 1
            out[where : where + size] = value.to_bytes(size, "little" if extension == "avi" else "big")
    return bytes(out)


def _overlay() -> st.SearchStrategy[Case]:
    text = as_yaml(TINY)
    made = st.one_of(
        changed(TINY, KEYS).map(as_yaml),
        changed(TINY, KEYS).map(as_yaml),
        damaged(text),
        st.sampled_from(SECTIONS).flatmap(lambda key: st.sampled_from(yaml_bombs(key))).map(_encoded),
        st.tuples(st.sampled_from(SECTIONS), wild).map(lambda pair: as_yaml({pair[0]: pair[1]})),
        st.sampled_from(("utf-16", "utf-32", "utf-8-sig", "cp037")).map(lambda code: text.decode().encode(code)),
    )
    command = ["train.py", "in/bad.yaml", "--dry-run"]
    return made.map(lambda data: Case("", command, {**originals.tree(), "in/bad.yaml": data}, reads="in/bad.yaml"))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _result_config() -> st.SearchStrategy[Case]:
    """0config.yaml of somebody's result folder."""
    whole = read_yaml_bytes(originals.result_yaml())
    kept = tuple(key for key in KEYS if key.startswith(("generator", "dataset_config.image", "main_config.method")))
    made = st.one_of(
        changed(whole, kept).map(as_yaml),
        changed(whole, KEYS).map(as_yaml),
        damaged(originals.result_yaml()),
        st.sampled_from(yaml_bombs("generator_config")).map(_encoded),
    )
    command = [*RENDER, "--iden_path", "in/good.png", "--pose_path", "in/good.png"]
    return made.map(
        lambda data: Case(
            "", command, {**originals.result_files(), **GOOD, "result/0config.yaml": data}, reads="0config"
        )
    )


def read_yaml_bytes(data: bytes) -> dict:
    """A configuration file's content."""
    import yaml

    return yaml.safe_load(data)


def _checkpoint() -> st.SearchStrategy[Case]:
    """Ours, read to render, to export, to measure, to go on training."""
    whole, small = originals.checkpoint(), originals.small_checkpoint()
    made = st.one_of(
        odd_checkpoints(originals.checkpoint_state()),
        odd_checkpoints(originals.checkpoint_state()),
        repacked(small),
        damaged(small, [whole, originals.exported()]),
        damaged(originals.torch_bytes({"gen_state_dict": {}}, zipped=False)),
        st.sampled_from(HUGE).map(lambda size: zip_that_lies(small, size & 2**32 - 1)),
    )
    name = "result/CheckPoint/latest_checkpoint.pt"

    def cases(data: bytes) -> st.SearchStrategy[Case]:
        base = {**originals.result_files(), **GOOD, name: data}
        resumed = {**_tiny(), **originals.tree(), "out/run/0config.yaml": originals.result_yaml()}
        resumed["out/run/CheckPoint/latest_checkpoint.pt"] = data
        return st.sampled_from(
            (
                Case("", [*RENDER, "--iden_path", "in/good.png", "--pose_path", "in/good.png"], base),
                Case("", ["save_result.py", "result", "--export", "out/g.safetensors"], base),
                Case("", [*TRAIN, "--num_epochs", "2"], resumed, cache=CACHE),
                Case("", [*EVALUATE, "--pairs", "data/test/pairs.csv"], {**base, **originals.tree()}),
            )
        ).map(lambda case: replace(case, reads="latest_checkpoint.pt"))

    return made.flatmap(cases)


def _published(kind: str) -> st.SearchStrategy[Case]:
    """The release's, FOMM's and MRAA's."""
    state = originals.release_state() if kind == "release" else originals.baseline_state(kind)
    whole = originals.torch_bytes(state, zipped=kind != "fomm")
    path = {
        "release": "result/CheckPoint/latest_checkpoint.pt",
        "fomm": "result/vox.pth.tar",
        "mraa": "result/ted.pth",
    }[kind]
    made = st.one_of(
        odd_checkpoints(state),
        damaged(whole),
        repacked(whole) if kind != "fomm" else st.sampled_from(trees.legacy_pickles()),
    )
    yaml = originals.result_yaml("capture" if kind == "release" else kind)
    source = "result" if kind == "release" else path
    command = [
        "save_result.py",
        source,
        "--iden_path",
        "in/good.png",
        "--pose_path",
        "in/good.png",
        "--save_dir",
        "out",
    ]
    return made.map(lambda data: Case("", command, {**GOOD, "result/0config.yaml": yaml, path: data}, reads=path))


def _safetensors() -> st.SearchStrategy[Case]:
    whole = originals.exported()
    made = odd_safetensors(whole) | odd_safetensors(whole) | damaged(whole)
    render = ["save_result.py", "in/g.safetensors", "--iden_path", "in/good.png", "--pose_path", "in/good.png"]
    return made.flatmap(
        lambda data: st.sampled_from(
            (
                Case("", [*render, "--save_dir", "out"], {**GOOD, "in/g.safetensors": data}),
                Case(
                    "",
                    ["save_result.py", "in/g.safetensors", "--export", "out/h.safetensors"],
                    {"in/g.safetensors": data},
                ),
            )
        )
    ).map(lambda case: replace(case, reads="in/g.safetensors"))


def _pairs() -> st.SearchStrategy[Case]:
    row = "imgs/character_7__run__0.png"
    cell = st.sampled_from(
        (row, "imgs/character_8__run__1.png", "canary", "../../elsewhere/canary", *NAMES, "x" * 10**6)
    )
    cell |= st.text(max_size=12) | st.sampled_from(
        (f'"{row}', f'"{row}"x', f" {row} ", f"./{row}", f"../test/{row}", "imgs")
    )
    line = st.lists(cell, min_size=1, max_size=5).map(",".join)
    header = st.sampled_from(
        ("identity,pose,target",) * 5 + ("identity,pose", "IDENTITY, Pose ,target", "a,b,c", "", "\ufeff")
    )
    end = st.sampled_from(("\n", "\n", "\r\n", "\r", "\0", "\n\n\n"))
    text = st.tuples(header, st.lists(line | st.just(f"{row},{row},{row}"), max_size=4), end).map(
        lambda drawn: _encoded(drawn[2].join((drawn[0], *drawn[1])))
    )
    made = st.one_of(text, text, damaged(originals.PAIRS), st.just(originals.PAIRS * 2))
    return made.flatmap(
        lambda data: st.sampled_from(
            (
                Case(
                    "", [*EVALUATE, "--pairs", "data/test/pairs.csv"], {**originals.tree(), **originals.result_files()}
                ),
                Case("", CHECK, originals.tree()),
                Case("", [*CHECK, "--fix"], originals.tree(), out=("data",)),
                Case("", TRAIN, {**originals.tree(), **_tiny()}, cache=CACHE),
            )
        ).map(lambda case: replace(case, files={**case.files, "data/test/pairs.csv": data}, reads="pairs.csv"))
    )


def _manifest() -> st.SearchStrategy[Case]:
    import json

    whole = json.loads(originals.MANIFEST)
    whole |= {"clips": {}, "frames": {}, "every": 1, "format": "png"}
    made = st.one_of(
        changed(whole, tuple(whole)).map(as_json),
        st.tuples(st.sampled_from(("train_characters", "test_characters", "broken", "unreadable")), wild).map(
            lambda pair: as_json({**whole, pair[0]: pair[1]})
        ),
        st.sampled_from(tuple(whole)).flatmap(lambda key: st.sampled_from(json_bombs(key))).map(_encoded),
        damaged(originals.MANIFEST),
        scalars.map(as_json),
    )
    started = {"in/train/a.mp4": originals.video("mp4")}
    toon = ["prepare.py", "toon", "out", "--characters", "2", "--clips", "1", "--frames", "2", "--size", "32"]
    toon += ["--test_characters", "1", "--test_clips", "0", "--workers", "1"]
    return made.flatmap(
        lambda data: st.sampled_from(
            (
                Case("", CHECK, {**originals.tree(), "data/manifest.json": data}),
                Case("", [*CHECK, "--fix"], {**originals.tree(), "data/manifest.json": data}, out=("data",)),
                Case(
                    "", [*TRAIN, "--dry-run"], {**originals.tree(), **_tiny(), "data/manifest.json": data}, cache=CACHE
                ),
                Case("", FASHION, {**started, "out/manifest.json": data}),
                Case("", FASHION, {**started, "out/.prepare.json": data}),
                Case("", toon, {"out/.prepare.json": data}),
            )
        ).map(lambda case: replace(case, reads="manifest.json"))
    )


def _prepared() -> st.SearchStrategy[Case]:
    """Indexes and prepared frames that came with a dataset."""
    return trees.caches([*TRAIN], _tiny(), CACHE)


KINDS: dict[str, tuple[int, Callable[[], st.SearchStrategy[Case]]]] = {  # weight, strategy
    **{f"image {extension}": (5, lambda extension=extension: _picture(extension)) for extension in PICTURES},
    "image of another format": (3, _foreign),
    **{f"video {extension}": (4, lambda extension=extension: _video(extension)) for extension in VIDEOS},
    "YAML overlay": (10, _overlay),
    "YAML of a result": (6, _result_config),
    "checkpoint": (10, _checkpoint),
    **{f"checkpoint {kind}": (3, lambda kind=kind: _published(kind)) for kind in ("release", "fomm", "mraa")},
    "safetensors": (7, _safetensors),
    "pairs CSV": (7, _pairs),
    "manifest": (7, _manifest),
    "prepared frames, index": (5, _prepared),
    "names and links": (6, lambda: trees.hostile_trees(RENDER, TRAIN, CHECK, FASHION, _tiny(), GOOD)),
}
