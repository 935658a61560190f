"""The protocol of the evaluation, which is printed with every table. Any change to it must raise VERSION."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import PIL

from capture.evaluation.significance import BOOTSTRAPS, PERMUTATIONS, SEED
from capture.metrics import foreground
from capture.metrics.choice import DEFAULT
from capture.metrics.frechet import ENOUGH
from capture.metrics.image import K1, K2, SIGMA, window_size
from capture.metrics.parts import SMALLEST

VERSION = 1

# L1, SSIM, LPIPS and FID from the README of the release, on its Mixamo test set; the code that measured is not public
PUBLISHED = {
    "LWGAN": (0.1834, 0.8437, 0.1851, 36.0141),
    "FOMM": (0.0153, 0.9275, 0.0554, 12.4067),
    "MOAA": (0.0149, 0.9285, 0.0516, 11.9238),
    "CaPTURe": (0.0142, 0.9294, 0.0512, 15.0124),
}
PUBLISHED_NOTE = (
    "[published] rows are the paper's, on its own Mixamo test set with evaluation code that was never "
    "published: not comparable with the others unless these pairs are that very test set"
)


def protocol(
    size: int,
    samples: str,
    lpips_net: str,
    lpips_file: str | None,
    inception_file: str | None,
    framing: bool = False,
    metrics: Sequence[str] = DEFAULT,
    parts_file: Path | None = None,
    alex_file: str | None = None,
    intervals: bool = False,
    dists_file: str | None = None,
) -> dict[str, str]:
    """The protocol as a dict of topic -> description, with the versions of the libraries.

    Args:
        samples: which pairs were measured.
        lpips_file, inception_file: names of the files of weights; None where the metric is not measured.
        framing: whether figures were put on the ground and scaled to the size that the weights know.
        metrics: names in capture.metrics.choice.METRICS, which have lines of their own.
        parts_file: weights of the part segmenter.  alex_file: weights of KID's features.
        intervals: whether rows have intervals and marks.
        dists_file: weights of DISTS's VGG-16.
    """
    window = window_size(SIGMA)
    found = f"parts by the segmenter of {parts_file or 'none'}, found where they cover {SMALLEST:.1%} of the picture"
    lines = {
        "protocol": f"version {VERSION}",
        "samples": samples,
        "size": f"{size}x{size}",
        "pictures": "RGB, 8 bits a channel, as decoded from the PNG (or what they come as), transparency over white",
        "padding": "to a square with white, the odd pixel to the right or bottom",
        "resampling": f"bilinear, antialiased when shrinking (Pillow {PIL.__version__})",
        "rendering": "noise zero, float32 without TF32, rounded to 8 bits"
        + ", figures framed as the weights know them (--framing auto)" * framing,
        "L1": "colours in [0, 1]; mean |difference| over pixels and channels",
        "SSIM": f"colours in [0, 1], data range 1; Gaussian window {window}x{window}, sigma {SIGMA}, K1 {K1}, K2 {K2}; "
        "each channel by itself; windows wholly inside the picture",
        "foreground": "L1 and SSIM again over the target's foreground: its mask/ file, else pixels further than "
        f"{foreground.TOLERANCE}/255 in some channel from the median colour of the target's border",
        "LPIPS": f"version 0.1, {lpips_net}, at the size above (lpips {version('lpips')}; "
        f"weights: {lpips_file or 'none'})",
        "DISTS": "structure and texture of VGG-16's features at the size above, importance as learnt by its authors "
        f"(from torchmetrics {version('torchmetrics')}; weights of VGG-16: {dists_file or 'none'})",
        "FID": "2,048 pooled Inception features, pictures resized to 299 as TensorFlow 1 did; reference: the targets, "
        f"one for each pair; biased below {ENOUGH:,} pairs (torch-fidelity {version('torch-fidelity')}; Fréchet "
        f"distance by torchmetrics in float64; weights: {inception_file or 'none'})",
        "KID": "unbiased for pairs, kernel (x.y / D + 1)^3, all pairs at once; features: AlexNet's last convolution, "
        f"averaged over the picture, at the size above, not Inception's (weights: {alex_file or 'none'})",
        "Pose, Missed": "mean distance of the centres of parts found in output and target, as a share of the side, "
        f"and the share of the target's parts that the output lacks; {found}",
        "Identity": f"mean OKLab distance of the mean colours of parts found in both; {found}",
        "averaging": "each pair counts once",
        "intervals": f"± half the 95 % interval of the mean: bootstrap over pairs, {BOOTSTRAPS:,} resamples, seed "
        f"{SEED}; FID and KID have no number for each pair, and so no interval and no test",
        "test": f"paired permutation test of the leader against every other measured row (random signs, "
        f"{PERMUTATIONS:,} resamples, seed {SEED}, two-sided, 5 %)",
    }
    chosen = {
        "L1": "l1",
        "SSIM": "ssim",
        "foreground": "fg",
        "LPIPS": "lpips",
        "DISTS": "dists",
        "FID": "fid",
        "KID": "kid",
    }
    chosen |= {"Pose, Missed": "pose", "Identity": "identity"}
    left_out = {what for what, name in chosen.items() if name not in metrics}
    if not intervals:
        left_out |= {"intervals", "test"}
    return {what: words for what, words in lines.items() if what not in left_out}
