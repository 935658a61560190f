"""The networks that metrics need, and what is said of those that are not at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from capture.common.errors import CaptureError
from capture.common.pretrained import WeightsMissing
from capture.evaluation.parallel import Workers
from capture.evaluation.parts import PartFinder
from capture.metrics.choice import METRICS, NEED_WEIGHTS
from capture.metrics.dists import Dists
from capture.metrics.frechet import FEWEST
from capture.metrics.inception import InceptionFeatures
from capture.metrics.lpips import SMALLEST, Perceptual


@dataclass
class Networks:
    """What measures the pictures.

    Attributes:
        perceptual, inception, alex, dists, finder: the networks of LPIPS, of FID, of KID, of DISTS and of the metrics
            by parts; None where the metric was not chosen, or where its network is not available.
        missing: key of a column -> why it has no number.
    """

    perceptual: Perceptual | None = None
    inception: InceptionFeatures | None = None
    alex: Perceptual | None = None
    dists: Dists | None = None
    finder: PartFinder | None = None
    missing: dict[str, str] = field(default_factory=dict)


def load_networks(
    metrics: Sequence[str],
    require: Sequence[str],
    weights: Path | None,
    lpips_net: str,
    segmenter: Path | None,
    workers: Workers,
    device: torch.device,
    size: int,
    n: int,
) -> Networks:
    """The networks of the chosen metrics. For one that is not available, `missing` has the reason; no other is used.

    Args:
        metrics, require: names in capture.metrics.choice.METRICS.  weights: their folder; None: torch.hub's cache.
        lpips_net: alex, vgg or squeeze.  segmenter: the result whose part segmenter is used; None: result/Toon.
        size: of the pictures.  n: number of pairs.
    Raises:
        CaptureError: a network is not available, and `require` has its metric.
    """
    impossible: dict[str, str] = {}
    for name in ("lpips", "dists", "kid"):  # which all need pictures of SMALLEST pixels
        if size < SMALLEST:
            impossible[name] = (
                f"{name.upper()} needs pictures of at least {SMALLEST}x{SMALLEST}; these are {size}x{size}"
            )
    for name in ("fid", "kid"):
        if n < FEWEST:
            impossible[name] = f"{name.upper()} needs at least {FEWEST} pairs; there is {n}"
    loaded: dict[str, Any] = {}

    def load_alex() -> Perceptual:
        perceptual: Perceptual | None = loaded.get("lpips")
        if perceptual is not None and perceptual.net == "alex":
            return perceptual
        return Perceptual.load("alex", weights, device)

    def load_finder() -> PartFinder:
        return loaded.get("pose") or PartFinder.load(segmenter, device)

    loaders: dict[str, Callable[[], Any]] = {
        "lpips": lambda: Perceptual.load(lpips_net, weights, device),
        "dists": lambda: Dists.load(weights, device),
        "fid": lambda: InceptionFeatures.load(weights, device),
        "kid": load_alex,
        "pose": load_finder,
        "identity": load_finder,
    }
    networks = Networks()
    if not workers.is_main:
        workers.wait()  # the main process downloads the weights first; the others read them from the cache
    for name in NEED_WEIGHTS:
        if name not in metrics:
            continue
        why = impossible.get(name)
        try:
            if why is None:
                loaded[name] = loaders[name]()
        except WeightsMissing as error:
            why = f"{name.upper()}: {error}"
        if why is not None:
            networks.missing |= {metric.key: why for metric in METRICS[name]}
            if name in require:
                raise CaptureError(f"--require {name}: {why}")
    if workers.is_main:
        workers.wait()
    networks.perceptual, networks.inception, networks.alex = (loaded.get(name) for name in ("lpips", "fid", "kid"))
    networks.dists = loaded.get("dists")
    networks.finder = loaded.get("pose") or loaded.get("identity")
    return networks
