"""The keys of every run, whatever its method and data: where results go, and how often they are written."""

from __future__ import annotations

from typing import Literal

from capture.common.options import Section, key
from capture.common.registry import METHODS


class MainConfig(Section):
    """Section main_config."""

    method: str = key("capture", f"{' | '.join(METHODS)}; configs/<method>.yaml lists its keys")
    result_path: str = key(
        "./result/",
        "the folder of all results; a run writes to <result_path>/<result_title>/",
        resume="free",
        added=False,
    )
    result_title: str = key("", "name of the run; training needs one", resume="free", added=False)
    start_from: str = key(
        "", "a result or an exported generator whose weights a new run begins with (fine-tuning)", resume="free"
    )
    adapt_to: str = key(
        "", "pictures of one character or one style that a run adapts start_from to (train.py --adapt sets it)"
    )
    interval: int = key(10, "<n>epoch_checkpoint.pt is kept every so many epochs ...", ge=1, resume="free", added=False)
    save_minimum_epoch: int = key(
        200, "... after this epoch; latest_checkpoint.pt is written after every epoch ...", resume="free", added=False
    )
    save_minutes: int = key(15, "... and within an epoch after so many minutes", ge=0, resume="free")
    model_path: str = key(
        "./CheckPoint0/", "nothing reads this key; the release has it", resume="free", added=False, read=False
    )
    init: Literal["xavier", "kaiming", "gaussian"] = key("xavier", "distribution of the initial weights", added=False)
    sample_rows: int = key(
        8, "rows of the image grids that are written after every epoch", ge=1, le=1024, resume="free"
    )
    validation_pairs: int = key(
        64, "pairs of test/pairs.csv that are measured after every epoch; 0: none", ge=0, le=10**6, resume="free"
    )
    validation_lpips: bool = key(
        False, "also measure their LPIPS (AlexNet; weights: $CAPTURE_WEIGHTS, or downloaded)", resume="free"
    )
