"""Checkpoints that FOMM's authors released: generator, kp_detector and discriminator, beside optimisers."""

from __future__ import annotations

from pathlib import Path

from capture.checkpoints.published import load_networks, read_published
from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.network import Fomm

NETWORKS = frozenset({"generator", "kp_detector"})  # the names that tell FOMM's checkpoints from others


def load_fomm(path: str | Path, network: Fomm, discriminator: MultiScaleDiscriminator | None = None) -> None:
    """Load a checkpoint of the First Order Motion Model's release.

    Args:
        discriminator: loaded too, where the checkpoint has one.
    Raises:
        CaptureError: no such file, a damaged or hostile one, another method's, or one for another configuration.
    """
    state = read_published(path)
    load_networks(state, {"generator": network.generator, "kp_detector": network.kp_detector}, path)
    if discriminator is not None and "discriminator" in state:
        load_networks(state, {"discriminator": discriminator}, path)
