"""Parameter names of the published release and of older versions, mapped to today's names.

A table maps parts of names. It is applied to every checkpoint that is loaded, and leaves today's names unchanged.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

# The release's name -> today's name. All rows whose pattern matches are applied, from the first to the last.
CAPTURE = (
    (r"^module\.", ""),  # DataParallel
    (r"^idenity_encoder\.", "identity_encoder."),
    (r"^identity_encoder\.code_linear_layer\.0\.", "identity_encoder.code_linear."),
    (r"^decoder\.code_to_feat\.", "decoder.code_to_map."),
    (r"^decoder\.upBlock\.", "decoder.up_convs."),
    (r"^decoder\.attnModule_256\.", "decoder.attention."),
    (r"\.conv_comp\.", ".out_conv."),
    (r"^decoder\.model\.", "decoder.res_up."),
    (r"^decoder\.toRGB\.", "decoder.to_rgb."),
)
# CaPTURe-Parts before it was a method of its own: its three networks were a "body" inside the generator.
PARTS = (
    (r"^body\.reader\.first\.", "segmenter.stem."),
    (r"^body\.reader\.(down|up)\.", r"segmenter.unet.\1."),
    (r"^body\.reader\.again\.", "segmenter.post."),
    (r"^body\.reader\.last\.", "segmenter.head."),
    (r"^body\.motion\.read\.", "part_motion.embed."),
    (r"^body\.motion\.name$", "part_motion.part_embedding"),
    (r"^body\.motion\.body\.", "part_motion.transformer."),
    (r"^body\.motion\.move\.", "part_motion.head."),
    (r"^body\.layout\.join\.", "layout.coarse_conv."),
    (r"^body\.layout\.(down|up)\.", r"layout.coarse_unet.\1."),
    (r"^body\.layout\.draft\.", "layout.coarse_head."),
    (r"^body\.layout\.tell\.", "layout.token_linear."),
    (r"^body\.layout\.compare\.", "layout.fine_conv."),
    (r"^body\.layout\.(down|up)_again\.", r"layout.fine_unet.\1."),
    (r"^body\.layout\.fine\.", "layout.logits_head."),
    (r"^body\.layout\.mend\.", "layout.flow_head."),
    (r"\.unet\.up\.(\d+)\.below\.", r".unet.up.\1.smaller_conv."),
    (r"\.unet\.up\.(\d+)\.beside\.", r".unet.up.\1.skip_conv."),
    (r"_unet\.up\.(\d+)\.below\.", r"_unet.up.\1.smaller_conv."),
    (r"_unet\.up\.(\d+)\.beside\.", r"_unet.up.\1.skip_conv."),
    (r"^decoder\.up_convs\.1\.", "decoder.up_convs.0."),  # the upsampling layers between them are gone
    (r"^decoder\.up_convs\.3\.", "decoder.up_convs.1."),
    (r"^decoder\.up_convs\.4\.", "decoder.up_convs.2."),
    (r"^decoder\.up_convs\.5\.", "decoder.up_convs.3."),
    (r"^decoder\.(identity|pose)_context\.joins\.", r"decoder.\1_pyramid.convs."),
    (r"^decoder\.shape_linear\.", "decoder.modulation."),
    (r"^decoder\.layout_join\.", "decoder.layout_conv."),
    (r"^decoder\.painter\.join\.", "refiner.in_conv."),
    (r"^decoder\.painter\.paint\.", "refiner.blocks."),
    (r"^decoder\.painter\.colour\.", "refiner.colour."),
    (r"^decoder\.painter\.share\.", "refiner.alpha."),
)
UNUSED = (re.compile(r"^decoder\.alpha$"), re.compile(r"\.value_conv2\."))  # the release has them, nothing reads them


def current_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A network's state dict of any version with today's names, in the same order, without unused parameters."""
    old_parts = any(name.startswith("body.") for name in weights)
    rows = (*CAPTURE, *PARTS) if old_parts else CAPTURE
    renamed = {}
    for name, value in weights.items():
        new = name
        for pattern, replacement in rows:
            new = re.sub(pattern, replacement, new)
        if not any(unused.search(new) for unused in UNUSED):
            renamed[new] = value
    return renamed


def reorder_optimiser(state: Any, old_names: list[str], own_names: list[str]) -> Any:
    """Renumber the parameters in an optimiser's state for a network that lists its parameters in another order.

    Args:
        old_names: today's names of the parameters, in the order of `state`.  own_names: in the order of the network.
    Returns:
        The renumbered state; `state` itself where the two lists do not hold the same names.
    """
    if old_names == own_names or sorted(old_names) != sorted(own_names) or not isinstance(state, dict):
        return state
    try:
        moments = state["state"]
        number = {name: i for i, name in enumerate(own_names)}
        moved = {number[old_names[i]]: value for i, value in moments.items()}
        return {**state, "state": {i: moved[i] for i in sorted(moved)}}
    except (KeyError, TypeError, IndexError, AttributeError):
        return state  # damaged: loading it will raise an error
