"""Configurations that older versions of this program wrote, in today's keys.

Version 1 had one method, version 2 added FOMM and MRAA (`baseline_config`), and version 3 added switches to CaPTURe's
sections that made other methods of it; today these are the methods capture_supervised and capture_parts.
"""

from __future__ import annotations

import copy
from typing import Any

from capture.common.errors import CaptureError
from capture.config.nested import get_value, has_value, pop_value, set_value
from capture.config.yaml import brief

RENAMED = {  # keys of every method
    "train_config.lr_warmup_steps": "train_config.lr_schedule.warmup_steps",
    "train_config.lr_decay_epochs": "train_config.lr_schedule.decay_epochs",
    "train_config.lr_drop_epochs": "train_config.lr_schedule.drop_epochs",
    "dataset_config.toon_improvised": "dataset_config.toon_mixed_motions",
    "dataset_config.reuse_drawings": "dataset_config.share_renders",
    "dataset_config.reuse_samples": "dataset_config.samples_per_render_group",
}
SUPERVISION = {  # keys of CaPTURe with true targets
    "loss_config.gen_targetLoss_weight": "supervision_config.target_weight",
    "loss_config.gen_perceptualLoss_weight": "supervision_config.perceptual_weight",
    "loss_config.perceptual_net": "supervision_config.perceptual_net",
    "loss_config.perceptual_net_path": "supervision_config.perceptual_path",
    "generator_config.dec_config.attn_rows": "supervision_config.attention_rows",
}
PARTS = {  # keys of CaPTURe with a body
    "train_config.body_to_reader": "capture_parts_config.segmenter_grad_scale",
    "generator_config.body_parts": "capture_parts_config.num_parts",
    "generator_config.patch": "capture_parts_config.patch_size",
    "generator_config.idenE_config.downs": "capture_parts_config.networks.downs",
    "generator_config.idenE_config.c": "capture_parts_config.networks.c",
    "generator_config.idenE_config.min_ch": "capture_parts_config.networks.min_ch",
    "generator_config.code_ch": "capture_parts_config.networks.code_ch",
    "generator_config.dec_config.dec_adain_layers": "capture_parts_config.networks.adain_layers",
    "generator_config.dec_config.dec_attn_layers": "capture_parts_config.networks.attention_layers",
    "generator_config.dec_config.attn_width": "capture_parts_config.networks.attention_width",
    "generator_config.dec_config.t": "capture_parts_config.networks.attention_temperature",
    "loss_config.ganLoss_type": "capture_parts_config.loss.ganLoss_type",
    "loss_config.dis_ganLoss_weight": "capture_parts_config.loss.discriminator_weight",
    "loss_config.gen_ganLoss_weight": "capture_parts_config.loss.adversarial_weight",
    "loss_config.gen_targetLoss_weight": "capture_parts_config.loss.target_weight",
    "loss_config.gen_perceptualLoss_weight": "capture_parts_config.loss.perceptual_weight",
    "loss_config.perceptual_net": "capture_parts_config.loss.perceptual_net",
    "loss_config.perceptual_net_path": "capture_parts_config.loss.perceptual_path",
    "loss_config.gen_surfaceLoss_weight": "capture_parts_config.loss.correspondence_weight",
    "loss_config.gen_attentionLoss_weight": "capture_parts_config.loss.attention_weight",
}
SAME_IN_PARTS = {  # keys that repeat another one, which must have the same value
    "generator_config.poseE_config.downs": "generator_config.idenE_config.downs",
    "generator_config.poseE_config.c": "generator_config.idenE_config.c",
    "generator_config.poseE_config.min_ch": "generator_config.idenE_config.min_ch",
    "generator_config.dec_config.min_ch": "generator_config.idenE_config.min_ch",
}
FIXED_IN_PARTS = {  # what a generator with a body has, always
    "generator_config.idenE_config.c_in": 3,
    "generator_config.idenE_config.in_norm": False,
    "generator_config.idenE_config.pad_type": "zeros",
    "generator_config.poseE_config.c_in": 3,
    "generator_config.poseE_config.enc_adain_layers": [-1],
    "generator_config.poseE_config.enc_attn_layers": [-1],
    "generator_config.poseE_config.in_norm": True,
    "generator_config.poseE_config.res2": False,
    "generator_config.poseE_config.pad_type": "zeros",
    "generator_config.dec_config.res2": False,
    "generator_config.dec_config.attn_rows": "output",
    "generator_config.dec_config.retarget": True,
}
RETIRED_IN_PARTS = {
    "loss_config.gen_reconLoss_weight": (0, "a generator with a body (method capture_parts) makes no reconstruction"),
}
UNREAD_IN_PARTS = ("generator_config.poseE_config.conv_num", "generator_config.dec_config.alpha_init")
USE_PARTS = "method capture_parts does what it did"
RETIRED = {  # key -> the value that turned it off, and what does the same today
    "dataset_config.augment": ("none", "no key does what it did"),
    "dataset_config.toon_characters": (0, "toon always makes new characters"),
    "generator_config.dec_config.warp": (False, USE_PARTS),
    "generator_config.dec_config.reshape": (False, USE_PARTS),
    "generator_config.dec_config.carry": (False, USE_PARTS),
    "generator_config.dec_config.pose_skip": (False, USE_PARTS),
    "generator_config.dec_config.context": (False, USE_PARTS),
    "generator_config.dec_config.beta_init": (1.0, "the attention's weight b begins at 1, as released"),
}
RETIRED_IN_CAPTURE = {  # what only a generator with a body has today
    "generator_config.patch": (1, USE_PARTS),
    "generator_config.body_parts": (0, USE_PARTS),
    "generator_config.code_ch": (0, USE_PARTS),
    "generator_config.dec_config.attn_width": (0, USE_PARTS),
    "generator_config.dec_config.retarget": (False, USE_PARTS),
    "loss_config.gen_surfaceLoss_weight": (0, USE_PARTS),
    "loss_config.gen_attentionLoss_weight": (0, USE_PARTS),
}
UNREAD = ("train_config.body_learns", "train_config.body_to_reader")  # by methods without a body
STAGE_METHODS = {"reading": "segmentation", "surfaces": "layout"}  # methods that are stages of capture_parts today
OLD_KEYS = {*RENAMED, *SUPERVISION, *RETIRED, *RETIRED_IN_CAPTURE, *UNREAD, "baseline_config"}


def upgrade(config: dict[str, Any], where: str = "configuration", method: str | None = None) -> dict[str, Any]:
    """A configuration, or a part of one, with today's keys and method; one without older keys comes back as it is.

    Args:
        config: what a file holds. It is left as it is.
        where: the file, for messages.
        method: the method that is asked for, where `config` doesn't name one.
    Raises:
        CaptureError: it asks for what no longer exists; the message says what does the same today.
    """
    named = get_value(config, "main_config.method")
    method = named if isinstance(named, str) else method or "capture"
    if method not in STAGE_METHODS and not any(has_value(config, name) for name in OLD_KEYS):
        return config
    config = copy.deepcopy(config)
    _move(config, RENAMED)
    if method in ("fomm", "mraa"):
        _upgrade_baseline(config, method)
    _retire(config, RETIRED, where)
    has_body = get_value(config, "generator_config.body_parts", 0) != 0
    if method in STAGE_METHODS or method == "capture_parts" or has_body:
        _upgrade_parts(config, method, where)
    elif method in ("capture", "capture_supervised"):
        _upgrade_capture(config, method, where)
    return config


def current_name(name: str) -> str | None:
    """Today's name of an older key, given with or without its section; None for any other key."""
    for table in (RENAMED, SUPERVISION, PARTS):
        for old, new in table.items():
            if old in OLD_KEYS and (old == name or old.endswith("." + name)):
                return new
    return None


def _upgrade_baseline(config: dict[str, Any], method: str) -> None:
    """FOMM and MRAA shared a section; now each has its own. They never read CaPTURe's sections."""
    baseline = config.pop("baseline_config", None)
    for name in (*UNREAD, *SUPERVISION, *RETIRED_IN_CAPTURE):
        if has_value(config, name):
            pop_value(config, name)
    if isinstance(baseline, dict):
        for section in ("generator_config", "discriminator_config", "loss_config"):
            config.pop(section, None)
        own = baseline.pop(method, {})
        shared = {key: value for key, value in baseline.items() if key not in ("fomm", "mraa")}
        if own or shared:
            config[f"{method}_config"] = {**shared, **own} if isinstance(own, dict) else own


def _upgrade_capture(config: dict[str, Any], method: str, where: str) -> None:
    """CaPTURe without a body: as published, or with true targets."""
    config.pop("baseline_config", None)
    for name in UNREAD:
        if has_value(config, name):
            pop_value(config, name)
    _retire(config, RETIRED_IN_CAPTURE, where)
    rows = "generator_config.dec_config.attn_rows"
    if get_value(config, rows) == "output":
        raise CaptureError(f"{where}: {rows}: output without a body no longer exists; {USE_PARTS}")
    weights = [get_value(config, f"loss_config.{name}_ganLoss_weight") for name in ("dis", "gen")]
    supervised = (
        method == "capture_supervised"
        or get_value(config, "loss_config.gen_targetLoss_weight", 0) != 0
        or get_value(config, "loss_config.gen_perceptualLoss_weight", 0) != 0
        or get_value(config, rows, "identity") != "identity"
        or weights == [0, 0]  # the published method always has a discriminator
    )
    if not supervised:
        for name in SUPERVISION:
            if has_value(config, name):
                pop_value(config, name)
        return
    _move(config, SUPERVISION)
    if method == "capture":
        set_value(config, "main_config.method", "capture_supervised")
        if not has_value(config, "supervision_config.target_weight"):
            set_value(config, "supervision_config.target_weight", 0.0)


def _upgrade_parts(config: dict[str, Any], method: str, where: str) -> None:
    """CaPTURe with a body, which is CaPTURe-Parts, and the stages that were methods."""
    config.pop("baseline_config", None)
    if has_value(config, "generator_config.body_parts") and not get_value(config, "generator_config.body_parts"):
        raise CaptureError(f"{where}: generator_config.body_parts: 0 goes with method capture, not with {method}")
    stage = _stage(config, method, where)
    if stage:
        set_value(config, "capture_parts_config.stage", stage)
    set_value(config, "main_config.method", "capture_parts")
    for name, twin in SAME_IN_PARTS.items():
        if has_value(config, name):
            value, other = get_value(config, name), get_value(config, twin)
            if has_value(config, twin) and value != other:
                raise CaptureError(f"{where}: {name} is {brief(value)}, and {twin} {brief(other)}; they must agree")
            pop_value(config, name)
            set_value(config, twin, value)
    for name, fixed in FIXED_IN_PARTS.items():
        if has_value(config, name) and pop_value(config, name) != fixed:
            raise CaptureError(
                f"{where}: {name} other than {fixed} beside a body (method capture_parts) no longer exists"
            )
    if method not in STAGE_METHODS:  # those painted nothing and never read these keys
        _retire(config, RETIRED_IN_PARTS, where)
    for name in (*UNREAD_IN_PARTS, *RETIRED_IN_PARTS):
        if has_value(config, name):
            pop_value(config, name)
    _move(config, PARTS)
    if isinstance(config.get("discriminator_config"), dict):
        set_value(config, "capture_parts_config.discriminator", config.pop("discriminator_config"))


def _stage(config: dict[str, Any], method: str, where: str) -> str | None:
    """The stage that a method, a weight and body_learns stood for; None where the configuration says none of it."""
    learns = "train_config.body_learns"
    learnt = pop_value(config, learns) if has_value(config, learns) else None
    surface = "loss_config.gen_surfaceLoss_weight"
    weight = get_value(config, surface)
    if method in STAGE_METHODS:
        if learnt not in (None, "all"):
            raise CaptureError(f"{where}: method {method} with {learns}: {brief(learnt)} no longer exists")
        return STAGE_METHODS[method]
    if weight is None and learnt is None:
        return "synthesis" if method == "capture" else None
    if weight == 0 or (weight is None and learnt == "all"):
        if weight == 0:  # another stage would learn with the default weight
            pop_value(config, surface)
        return "synthesis"
    if learnt == "layout":
        return "joint"
    raise CaptureError(
        f"{where}: method {method} with {surface}: {brief(weight)} and {learns}: {brief(learnt or 'all')} no longer "
        "exists; capture_parts_config.stage has segmentation, layout, synthesis and joint"
    )


def _move(config: dict[str, Any], table: dict[str, str]) -> None:
    """Give keys their new names; a new name that is there already wins."""
    for old, new in table.items():
        if has_value(config, old):
            value = pop_value(config, old)
            if not has_value(config, new):
                set_value(config, new, value)


def _retire(config: dict[str, Any], table: dict[str, tuple[Any, str]], where: str) -> None:
    """Take keys out that turn nothing on; CaptureError for one that does."""
    for name, (off, instead) in table.items():
        if has_value(config, name):
            value = pop_value(config, name)
            if value != off:
                raise CaptureError(f"{where}: {name}: {brief(value)} no longer exists; {instead}")
