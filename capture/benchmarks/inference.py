"""Rendering: ours in its ways against the release's, for single pictures, batches, and one character in many poses."""

from __future__ import annotations

import copy
from typing import Any

import torch

from capture.benchmarks.release import as_released
from capture.benchmarks.timing import as_the_system_has_it, compare, flop, matrix_peak
from capture.common.device import native_bf16
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator


def measure(config: dict[str, Any], device: torch.device, batches: tuple[int, ...] = (1, 4), repeats: int = 5) -> list:
    """Rows of ms and pictures/s. The release's path is eager float32; all see the same weights and pictures."""
    torch.manual_seed(0)
    generator = build_generator(config)
    size, rows = config["dataset_config"]["image_size"], []
    released = as_released(copy.deepcopy(generator)).to(device).eval().requires_grad_(False)
    fast = "bf16" if native_bf16(device) else "fp32"
    ours = {
        "ours, fp32": PoseTransfer(copy.deepcopy(generator), config, device),
        f"ours, {fast}": PoseTransfer(copy.deepcopy(generator), config, device, fast),
        f"ours, {fast}, compiled": PoseTransfer(copy.deepcopy(generator), config, device, fast, compiled=True),
    }
    peak = matrix_peak(device, torch.bfloat16 if fast == "bf16" else torch.float32)
    for batch in batches:
        identity, pose = (torch.rand(batch, 3, size, size, device=device) * 2 - 1 for _ in range(2))
        inputs = {"identity": identity, "pose": pose}
        release = torch.no_grad()(lambda given=inputs: released(given))
        ways = {"release": as_the_system_has_it(release, device)}
        for name, transfer in ours.items():
            ways[name] = lambda t=transfer, i=identity, p=pose: t.transfer(i, p)
        last = list(ours)[-1]
        known = ours[last].encode_identity(identity)
        ways[f"{last}, identity known"] = lambda t=ours[last], k=known, p=pose: t.decode(k, t.encode_pose(p))
        work = {name: flop(run) for name, run in ways.items() if "compiled" not in name}
        for name, timing in compare(ways, repeats, device, warm_up=2).items():
            rows.append(
                {
                    "batch": batch,
                    "way": name,
                    "ms_per_image": timing.median / batch * 1e3,
                    "images_per_second": batch / timing.median,
                    "spread": timing.spread,
                    "peak_mb": timing.peak_mb,
                    "gflop_per_image": work.get(name, 0) / batch / 1e9 or None,
                    "_seconds": timing.median,
                }
            )
        release = rows[-len(ways)]["_seconds"]
        for row in rows[-len(ways) :]:
            row["times_release"] = release / row.pop("_seconds")
            if "bf16" in row["way"] and "known" not in row["way"]:
                done = work[f"ours, {fast}"] / batch * row["images_per_second"]
                row["share_of_peak"] = done / peak
    return rows
