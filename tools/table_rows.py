"""The rows of the paper's table as training runs: which configurations, in which stages, how long, with which networks.

A row is one method. Most rows are one run; CaPTURe-Parts, MRAA and coordinate inpainting are two, of which the second
begins with the first one's weights. All rows have the same number of training samples, over their stages together; the
AVD network of MRAA, which learns last, has a quarter as many again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError
from capture.config.load import load_config
from capture.data.index.catalog import Catalog

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = 1_000_000  # the paper's 250 epochs of 4,000
SIZE = 256
SEED = 777  # the seed whose runs have no seed in their names
SMALLEST_EPOCH = 1_000  # samples; a short run has fewer epochs than published, not shorter ones ...
FEWEST_EPOCHS = 8  # ... but so many at least, which are the points of its learning curve
LONGEST_RISE = 0.05  # share of a run in which the rates may rise; 200 updates are all of a stage of 1,600 samples
AVD_SHARE = 0.25  # of a row's samples, in addition to them: MRAA's AVD network learns from regions, not from pictures
NETWORKS = ("published", "small")
TARGETS = "true targets, which this dataset does not have; prepare.py mixamo, lpc and toon write them"
MAPS = "IUV maps, which this dataset does not have; render it with --uv"


@dataclass(frozen=True)
class Stage:
    """One run of train.py.

    Attributes:
        name: what follows the row's name in the name of its folder; "" for the last stage.
        share: of the row's samples.
        published, small: configuration files and options for the published networks and for small ones.
        decays: whether the rate falls to 0 over the last half, where the configuration has no schedule.
    """

    name: str
    share: float
    published: tuple[str, ...]
    small: tuple[str, ...]
    decays: bool = False


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        name: of the row and of its folder.
        paper: its name in the paper's table; None where the paper has no such row.
        stages: in the order of training.
        needs: what the training data must have; "" for nothing but pictures.
        perceptual: the key that names the network of its perceptual loss; "" where the method has no choice.
        drive: the key that says which map drives it; "" for methods that read no maps.
    """

    name: str
    paper: str | None
    stages: tuple[Stage, ...]
    needs: str = ""
    perceptual: str = ""
    drive: str = ""


def _one(published: Sequence[str], small: Sequence[str]) -> tuple[Stage, ...]:
    return (Stage("", 1.0, tuple(published), tuple(small)),)


_DEMO = ("configs/demo.yaml", "--max_minutes", "0")
_ADVERSARIAL = (  # what configs/demo.yaml changes of the published losses, taken back
    *("--dis_ganLoss_weight", "1", "--gen_ganLoss_weight", "1", "--gen_reconLoss_weight", "15"),
    *("--lr_G", "0.0007", "--lr_D", "0.0002", "--discriminator_config.c", "16"),
)
_SMALL_PARTS = (  # the widths of configs/small_parts.yaml; c and min_ch are those of the small CaPTURe, too
    *("--segmenter_ch", "24", "--layout_ch", "24", "--networks.c", "12", "--networks.min_ch", "48"),
    *("--code_ch", "12", "--networks.attention_layers", "[0]"),
)
_MRAA, _SMALL_MRAA = "configs/mraa.yaml", "configs/small_mraa.yaml"
_AVD = ("--mraa_config.stage", "avd", "--lr_G", "0.001", "--batch_size")
_MRAA_STAGES = (
    Stage("motion", 1.0, (_MRAA,), (_SMALL_MRAA,)),
    Stage("", AVD_SHARE, (_MRAA, *_AVD, "256"), (_SMALL_MRAA, *_AVD, "32"), True),
)
_COORDINATES = "configs/small_coord_inpainting.yaml"
ROWS = (
    Row("CaPTURe", "CaPTURe", _one(("defaults.yaml",), (*_DEMO, *_ADVERSARIAL, "--target_weight", "0"))),
    Row("CaPTURe_true_targets", None, _one(("configs/capture_supervised.yaml",), _DEMO), TARGETS),
    Row(
        "CaPTURe-Parts",
        None,
        (
            Stage("layout", 0.5, ("configs/parts_layout.yaml",), ("configs/parts_layout.yaml", *_SMALL_PARTS), True),
            Stage(
                "",
                0.5,
                ("configs/capture_parts.yaml", "--stage", "joint"),
                ("configs/capture_parts.yaml", "--stage", "joint", *_SMALL_PARTS),
                True,
            ),
        ),
        MAPS,
    ),
    Row("FOMM", "FOMM", _one(("configs/fomm.yaml",), ("configs/small_fomm.yaml",)), "", "fomm_config.perceptual"),
    Row("MRAA", "MOAA", _MRAA_STAGES, "", "mraa_config.perceptual"),
    Row(
        "LWGAN",
        "LWGAN",
        _one(("configs/lwgan.yaml",), ("configs/small_lwgan.yaml",)),
        MAPS,
        "lwgan_config.perceptual",
        "lwgan_config.drive",
    ),
    Row(
        "coordinate_inpainting",
        None,
        (
            Stage("texture", 0.25, ("configs/coord_inpainting.yaml",), (_COORDINATES,)),
            Stage(
                "",
                0.75,
                ("configs/coord_inpainting.yaml", "--stage", "picture"),
                (_COORDINATES, "--coord_inpainting_config.stage", "picture"),
            ),
        ),
        MAPS,
        "coord_inpainting_config.perceptual_net",
        "coord_inpainting_config.drive",
    ),
)


@dataclass(frozen=True)
class Settings:
    """What the command line says of all rows.

    Attributes:
        data: the dataset.  out: folder of all runs.  samples: of each row.  size: side of the pictures.
        networks: published or small.  perceptual: network of the perceptual losses; "" for each configuration's own.
        lpips: whether LPIPS is measured after every epoch.  more: further options of every run.
    """

    data: Path
    out: Path
    samples: int = SAMPLES
    size: int = SIZE
    networks: str = "published"
    perceptual: str = ""
    lpips: bool = False
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One run of train.py, with everything that it is given.

    Attributes:
        row, stage, seed: what it trains.  before: the folder of the stage before; None for a first stage.
        arguments: of train.py.  config: what these arguments come to.
    """

    row: Row
    stage: Stage
    seed: int
    folder: Path
    before: Path | None
    arguments: tuple[str, ...]
    config: dict[str, Any]


def choose_rows(names: str) -> list[Row]:
    """The rows of a list of names with commas, in the table's order; all of them for "".

    Raises:
        CaptureError: a name that is no row.
    """
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    known = [row.name for row in ROWS]
    unknown = next((name for name in chosen if name not in known), None)
    if unknown is not None:
        raise CaptureError(f"--rows {unknown}: no such row; there are {', '.join(known)}")
    return [row for row in ROWS if not chosen or row.name in chosen]


def lacking(row: Row, catalog: Catalog) -> str:
    """What the row needs and the dataset lacks; "" where it can be trained."""
    if row.needs == MAPS and catalog.uv_parts is None:
        return MAPS
    return TARGETS if row.needs and not catalog.aligned else ""


def title(row: Row, seed: int) -> str:
    """The name of a row's folder."""
    return row.name if seed == SEED else f"{row.name}_seed{seed}"


def runs_of(row: Row, seed: int, settings: Settings) -> list[Run]:
    """The runs of a row, in the order of training.

    Raises:
        CaptureError: options that do not fit each other.
    """
    runs: list[Run] = []
    for stage in row.stages:
        folder = settings.out / (title(row, seed) + f"_{stage.name}" * bool(stage.name))
        before = runs[-1].folder if runs else None
        arguments = _arguments(row, stage, seed, settings, folder, before)
        runs.append(Run(row, stage, seed, folder, before, tuple(arguments), _resolve(arguments)))
    return runs


def _arguments(row: Row, stage: Stage, seed: int, settings: Settings, folder: Path, before: Path | None) -> list[str]:
    """The command line of a run: its files, its options, and the schedule stretched to the number of samples."""
    given = list(stage.published if settings.networks == "published" else stage.small)
    given[0] = str(ROOT / given[0])
    options = dict(_sized(row, settings))
    if settings.perceptual and row.perceptual and settings.networks == "published":
        options[row.perceptual] = settings.perceptual
    if before is not None:
        options["main_config.start_from"] = before
    options |= {
        "dataset_config.dataset_path": settings.data,
        "dataset_config.image_size": settings.size,
        "main_config.result_path": folder.parent,
        "main_config.result_title": folder.name,
        "main_config.validation_lpips": str(settings.lpips and not _paints_nothing(stage)).lower(),
        "train_config.seed": seed,
    }
    arguments = given + [part for key, value in options.items() for part in (f"--{key}", str(value))]
    arguments += _schedule(_resolve(arguments), max(1, round(settings.samples * stage.share)), stage, settings)
    return arguments + list(settings.more)


def _paints_nothing(stage: Stage) -> bool:
    return stage.name == "layout"


def _resolve(arguments: Sequence[str]) -> dict[str, Any]:
    """The configuration that arguments of train.py come to."""
    first = next((i for i, word in enumerate(arguments) if word.startswith("--")), len(arguments))
    return load_config(arguments[:first], arguments[first:])


def _sized(row: Row, settings: Settings) -> dict[str, object]:
    """The options by which a method's networks fit another size of pictures than the one that they were published for.

    The smallest feature of CaPTURe's pose stays at 4x4, the detectors of FOMM and MRAA see pictures of 64x64, and the
    networks of CaPTURe-Parts see 64x64 positions.
    """
    size, small = settings.size, settings.networks == "small"
    if row.name.startswith("CaPTURe") and row.name != "CaPTURe-Parts":
        downs = int(math.log2(size / 16))
        layers = f"[{', '.join(str(i) for i in range(0 if small else 1, 2 if small else downs))}]"
        both = {"idenE_config.downs": downs, "poseE_config.downs": downs}
        return {**both, "dec_adain_layers": layers} if (size != SIZE or small) else {}
    if row.name == "CaPTURe-Parts":
        return {"patch_size": max(1, size // 64)}
    if row.name in ("FOMM", "MRAA") and not small and size != SIZE:
        parts = ("kp_detector", "dense_motion") if row.name == "FOMM" else ("region_predictor", "pixelwise_flow")
        return {f"{part}.scale_factor": 64 / size for part in parts}
    return {}


def _schedule(config: dict[str, Any], samples: int, stage: Stage, settings: Settings) -> list[str]:
    """The options that stretch a configuration's epochs and schedule of the rates to a number of samples.

    A run has the published number of epochs, or fewer where an epoch would have less than SMALLEST_EPOCH samples, but
    FEWEST_EPOCHS at least. Rates fall after the same shares of the run. Those of small networks, and of our own stages,
    fall to 0 over the last half. Rates rise at the start for LONGEST_RISE of the run at most.
    """
    options = config["train_config"]
    published = options["num_epochs"] if settings.networks == "published" else 250
    epochs = min(published, max(FEWEST_EPOCHS, samples // SMALLEST_EPOCH), samples)
    schedule = options["lr_schedule"]
    drops = [epoch for epoch in schedule["drop_epochs"] if epoch >= 0]
    decay = round(schedule["decay_epochs"] * epochs / options["num_epochs"])
    if settings.networks == "small" or stage.decays:
        drops, decay = [], max(1, epochs // 2)
    stretched = [round(epoch * epochs / options["num_epochs"]) for epoch in drops]
    updates = samples // config["dataset_config"]["batch_size"]
    result = {
        "train_config.num_epochs": epochs,
        "dataset_config.samples_per_epoch": math.ceil(samples / epochs),
        "lr_schedule.warmup_steps": min(schedule["warmup_steps"], int(LONGEST_RISE * updates)),
        "lr_schedule.decay_epochs": decay,
        "lr_schedule.drop_epochs": stretched or [-1],
    }
    if settings.networks == "small":
        result["train_config.ema_decay"] = 0.998
    return [part for key, value in result.items() for part in (f"--{key}", str(value))]
