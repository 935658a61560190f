"""The evaluation: choose pairs, render them, measure the pictures, write the table and the report."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from capture.common.device import pick_device
from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.evaluation.maps import PREDICTED_FOLDER, REMARKS, MapSource, give_maps, map_roles
from capture.evaluation.measure import Row, measure
from capture.evaluation.networks import Networks, load_networks
from capture.evaluation.page.page import page
from capture.evaluation.parallel import Workers
from capture.evaluation.predictions import match_predictions
from capture.evaluation.protocol import protocol
from capture.evaluation.references import NAME as PUPPET
from capture.evaluation.references import REMARK, load_reference_finder, puppet_row
from capture.evaluation.rendering import render
from capture.evaluation.report import together, write_report
from capture.evaluation.table import Table
from capture.evaluation.tabulate import tabulate
from capture.inference.transfer import PoseTransfer
from capture.io.images import open_rgb
from capture.io.pairs import Pair, read_pairs, self_pairs
from capture.metrics.choice import DEFAULT
from capture.metrics.image import window_size

FLOORS = ("identity returned", "pose returned")
SELF_REMARK = (
    "self-reconstruction: the identity is another frame of the same video, and the frame itself is pose "
    "and target, so that returning the pose is perfect; not comparable with a test set of true targets"
)
AS_SAVED_REMARK = (
    "[as saved] rows are the pictures that save_result.py saves: at the size of the identity's picture, and pixel art "
    "of pixel art"
)


@dataclass(frozen=True)
class Request:
    """The options of an evaluation; evaluate.py --help explains each of them."""

    results: Sequence[Path]
    predictions: Sequence[tuple[str, Path]]
    pairs: Path | None
    self_folder: Path | None
    out: Path
    weights: Path | None = None
    require: Sequence[str] = ()
    lpips_net: str = "alex"
    batch_size: int = 8
    device: str = "auto"
    limit: int | None = None
    size: int | None = None
    framing: bool = False
    metrics: Sequence[str] = DEFAULT
    segmenter: Path | None = None
    intervals: bool = True
    html: Path | None = None
    references: Sequence[str] = ()
    predict_uv: Path | None = None
    as_saved: bool = False


def evaluate(request: Request, workers: Workers) -> Table | None:
    """Evaluate: render the pictures that are missing, measure all, and write table and report below request.out.

    Returns:
        The table in the main process, None in the others.
    Raises:
        CaptureError: the request can't be carried out. Where possible this is found before anything is rendered.
    """
    pairs, total, root = choose_pairs(request)
    device = workers.device(pick_device(request.device))
    names = _names(request)
    transfers = [PoseTransfer.load(path, device=str(device)) for path in request.results]
    roles = {name: map_roles(transfer.generator) for name, transfer in zip(names, transfers)}
    _check_maps(request, roles)
    source = MapSource(request.pairs, request.self_folder, request.predict_uv, request.out / PREDICTED_FOLDER)
    given, labels = give_maps(roles, transfers, pairs, source, workers, str(device))
    predicted = [match_predictions(folder, pairs) for _, folder in request.predictions]
    size = _common_size(request, transfers, predicted)
    networks = load_networks(
        request.metrics, request.require, request.weights, request.lpips_net, request.segmenter, workers, device, size,
        len(pairs),
    )  # fmt: skip

    # first the rows that any method must beat, then the results and predictions of the request
    rows, remarks = _floors(request, pairs), _remarks(request, labels)
    for name, transfer in zip(names, transfers):
        place = request.out / "renders"
        files = render(
            transfer, name, given[name], size, place, workers, request.batch_size, request.framing, request.as_saved
        )
        said = [*labels[name], *["as saved"] * request.as_saved]
        rows.append(Row(row_name(name, checkpoint_epoch(transfer.source), said), "result", files))
    if request.references:  # the puppet is the only one
        finder = networks.finder or load_reference_finder(request.segmenter, device)
        rows.append(puppet_row(finder, pairs, size, request.out / "renders", workers))
        remarks.append(REMARK.format(finder.source))
    rows += [Row(name, "prediction", files) for (name, _), files in zip(request.predictions, predicted)]
    del transfers

    targets = [pair.target for _, pair in pairs if pair.target is not None]  # all of them: see choose_pairs
    measured, reference = measure(
        rows, targets, size, networks.perceptual, networks.inception, workers, request.batch_size, device,
        networks.finder, networks.alex, networks.dists,
    )  # fmt: skip
    if not workers.is_main:
        return None
    how = _protocol(request, networks, size, _samples(request, len(pairs), total))
    table = tabulate(
        rows, measured, reference, how, networks.missing, remarks, request.metrics, intervals=request.intervals
    )
    texts = {"txt": table.text(), "md": table.markdown(), "csv": table.csv(), "jsonl": table.jsonl()}
    with together(request.out) as folder:
        for suffix, text in texts.items():
            write_bytes(folder / f"table.{suffix}", text.encode())
        write_report(folder, root, pairs, rows, measured, size)
    if request.html is not None:
        results = list(zip(names, request.results))
        write_bytes(request.html, page(table, root, pairs, rows, measured, size, results).encode())
    return table


def _check_maps(request: Request, roles: Mapping[str, Sequence[str]]) -> None:
    """CaptureError where a result that reads maps is asked for pictures that maps do not fit.

    Args:
        roles: of each result, the maps that it reads.
    """
    for name, maps in roles.items():
        if maps and request.framing:
            raise CaptureError(
                f"--framing auto: {name} reads IUV maps ({', '.join(maps)}), which framing would move its "
                "pictures away from; leave --framing out"
            )
        if maps and request.as_saved:
            raise CaptureError(
                f"--as_saved: {name} reads IUV maps ({', '.join(maps)}), so its pictures always have the size "
                "of its weights; leave --as_saved out"
            )


def _floors(request: Request, pairs: Sequence[tuple[int, Pair]]) -> list[Row]:
    """The rows in which an input is returned unchanged."""
    copied = "here the answer itself" if request.self_folder else ""
    identities, poses = [pair.identity for _, pair in pairs], [pair.pose for _, pair in pairs]
    return [
        Row(FLOORS[0], "floor", identities, framed=True),
        Row(FLOORS[1], "floor", poses, framed=True, note=copied, is_answer=bool(copied)),
    ]


def _remarks(request: Request, labels: Mapping[str, Sequence[str]]) -> list[str]:
    """The remarks below the table. `labels`: of each result, what it was given."""
    given = {label for several in labels.values() for label in several}
    remarks = [SELF_REMARK] if request.self_folder else []
    remarks += [AS_SAVED_REMARK] if request.as_saved else []
    return remarks + [remark for label, remark in REMARKS.items() if label in given]


def _protocol(request: Request, networks: Networks, size: int, samples: str) -> dict[str, str]:
    """How it was measured. `samples`: which pairs."""
    loaded = (networks.perceptual, networks.inception, networks.alex, networks.dists)
    lpips_file, inception_file, alex_file, dists_file = (net.file.name if net else None for net in loaded)
    parts_file = networks.finder.source if networks.finder else None
    return protocol(
        size, samples, request.lpips_net, lpips_file, inception_file, request.framing, request.metrics, parts_file,
        alex_file, request.intervals, dists_file,
    )  # fmt: skip


def choose_pairs(request: Request) -> tuple[list[tuple[int, Pair]], int, Path]:
    """The pairs to measure with their indices, the number of all pairs, and the folder that names are relative to."""
    which = "give --pairs DATASET/test/pairs.csv, or --self DATASET/test for a test set without targets"
    if request.pairs is not None and request.self_folder is not None:
        raise CaptureError(which)
    if request.pairs is not None:
        every, root = read_pairs(request.pairs), request.pairs.parent
        blank = next((i for i, pair in enumerate(every) if pair.target is None), None)
        if blank is not None:
            raise CaptureError(
                f"{request.pairs}: pair {blank} ({every[blank].identity.name}, {every[blank].pose.name})"
                " has no target to measure against; add it, or give --self DATASET/test instead"
            )
    elif request.self_folder is not None:
        every, root = self_pairs(request.self_folder), request.self_folder
    else:
        raise CaptureError(which)
    n = min(request.limit or len(every), len(every))
    chosen = [k * len(every) // n for k in range(n)]  # evenly spaced, so that every character is measured
    return [(i, every[i]) for i in chosen], len(every), root


def row_name(name: str, epoch: int | None, labels: Sequence[str]) -> str:
    """What a result's row is called: its epoch, where that is known, and the maps that it was given, if any."""
    return name + ("" if epoch is None else f" (epoch {epoch})") + (f" [{', '.join(labels)}]" if labels else "")


def checkpoint_epoch(source: Path) -> int | None:
    """The epoch after which a training checkpoint was saved; None for an exported generator, which has no epoch."""
    if source.suffix == ".safetensors":
        return None
    try:
        epoch = torch.load(source, map_location="cpu", weights_only=True, mmap=True).get("epoch")
    except (RuntimeError, ValueError, OSError, pickle.UnpicklingError):  # an old format that can't be mapped
        return None
    return epoch if isinstance(epoch, int) else None


def _names(request: Request) -> list[str]:
    """A name for each result: the name of its folder, or its whole path where two folders have the same name."""
    titles = [path.resolve().name if path.is_dir() else path.stem for path in request.results]
    names = [str(path) if titles.count(title) > 1 else title for path, title in zip(request.results, titles)]
    every = [*FLOORS, *[PUPPET] * bool(request.references), *names, *(name for name, _ in request.predictions)]
    twice = next((name for name in every if every.count(name) > 1), None)
    if twice is not None:
        raise CaptureError(f"two rows would be called {twice}; give each result once, and --pred NAME=DIR a new name")
    return names


def _common_size(request: Request, transfers: Sequence[PoseTransfer], predicted: Sequence[Sequence[Path]]) -> int:
    """The size at which all pictures are measured."""
    sizes = {str(path): transfer.size for path, transfer in zip(request.results, transfers)}
    for files in predicted if request.size is None else ():
        sizes[str(files[0])] = open_rgb(files[0]).width
    if request.size is not None:
        sizes = {"--size": request.size, **sizes}
    if not sizes:
        raise CaptureError("nothing to measure: give result folders or --pred DIR; for the floors alone, --size N")
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} is {size}" for name, size in sizes.items())
        raise CaptureError(f"sizes differ: {listed}; one table has one size, so evaluate them separately")
    size = next(iter(sizes.values()))
    if size < window_size():
        raise CaptureError(f"{next(iter(sizes))}: {size}x{size} is smaller than SSIM's {window_size()}-pixel window")
    return size


def _samples(request: Request, n: int, total: int) -> str:
    which = "" if n == total else ", evenly spaced"
    if request.pairs is None:
        return (
            f"{n} of {total} frames{which}, of the videos in {request.self_folder}; of a video's n frames, frame i "
            "is pose and target, frame (i + n // 2) mod n the identity"
        )
    digest = hashlib.sha256(request.pairs.read_bytes()).hexdigest()[:8]
    return f"{n} of {total} pairs{which}, of {request.pairs} (sha256 {digest}...)"
