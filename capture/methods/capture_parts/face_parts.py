"""Eyes and mouth as parts of their own, after the parts that every map has.

Maps of such data number them on after PARTS, and give them the surface coordinates that the head has there. So a
surface point stays the same point, whichever part it is counted to.
"""

from __future__ import annotations

import torch
from torch import Tensor

from capture.io.iuv import FACE_PARTS, PART, PARTS

HEAD = PART["head"] + 1  # what eyes and mouth are where nobody tells them apart
RARE = 4.0  # a new part begins as the head, and by so much less likely (of a logit)
NEVER = -1e4  # of a logit
ALL_PARTS = len(PARTS) + len(FACE_PARTS)


def fold_face_parts(uv: Tensor) -> Tensor:
    """A map (B, 3, ...) whose eyes and mouths are head again."""
    part = torch.where(uv[:, :1] > len(PARTS), torch.full_like(uv[:, :1], HEAD), uv[:, :1])
    return torch.cat([part, uv[:, 1:]], dim=1)


def merge_face_parts(logits: Tensor) -> Tensor:
    """Logits (B, parts + 1, ...) in which eyes and mouth count as head, and are never themselves."""
    faces = logits[:, len(PARTS) + 1 :]
    if not faces.shape[1]:
        return logits
    head = torch.cat([logits[:, HEAD : HEAD + 1], faces], dim=1).logsumexp(1, keepdim=True)
    others = logits[:, HEAD + 1 : len(PARTS) + 1]
    return torch.cat([logits[:, :HEAD], head, others, torch.full_like(faces, NEVER)], dim=1)


def tell_faces_apart(logits: Tensor, uv: Tensor) -> Tensor:
    """Logits (B, parts + 1, h, w) that can be compared with maps, some of which count eyes and mouths as head."""
    if logits.shape[1] <= len(PARTS) + 1:
        return logits
    known = (uv[:, 0] > len(PARTS)).flatten(1).any(1)[:, None, None, None]
    return torch.where(known, logits, merge_face_parts(logits))


def add_parts(weights: dict[str, Tensor], before: int, after: int) -> dict[str, Tensor]:
    """The parameters of a PartsGenerator with `before` parts, by name, for one with `after` parts.

    A new part begins as a rare twin of the first part, the head, so that a picture is laid out nearly as it was.

    Raises:
        ValueError: there were more parts before.
    """
    if after < before:
        raise ValueError(
            f"capture_parts_config.num_parts {after}: the weights to start from have {before}; use as many"
        )
    made, new = dict(weights), after - before
    embedding = weights["part_motion.part_embedding"]  # (parts, width)
    made["part_motion.part_embedding"] = torch.cat([embedding, embedding[:1].expand(new, -1)])
    reading = weights["layout.coarse_conv.conv.weight"]  # (width, 3 parts + features, 3, 3)
    *groups, features = reading.split([before, before, before, reading.shape[1] - 3 * before], dim=1)
    groups = [torch.cat([group, group[:, :1].expand(-1, new, -1, -1)], dim=1) for group in groups]
    made["layout.coarse_conv.conv.weight"] = torch.cat([*groups, features], dim=1)
    for name in ("segmenter.head", "layout.coarse_head", "layout.logits_head"):
        for end, rarer in (("weight", 0.0), ("bias", RARE)):
            rows = weights[f"{name}.{end}"]
            each = rows.shape[0] // (before + 1) if name == "layout.logits_head" else 1  # rows of a part
            head = rows[each : 2 * each]
            twins = [head - rarer] * new
            made[f"{name}.{end}"] = torch.cat([rows[: each * (before + 1)], *twins, rows[each * (before + 1) :]])
    return made
