"""Checkpoints that MRAA's authors released: generator, region_predictor, bg_predictor and avd_network.

Those of the first stage of training lack the AVD network.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from capture.checkpoints.published import load_networks, read_published
from capture.methods.mraa.avd import AvdNetwork
from capture.methods.mraa.network import Mraa

NETWORKS = frozenset({"generator", "region_predictor"})  # the names that tell MRAA's checkpoints from others
AVD_NETWORK = "avd_network"


def load_mraa(path: str | Path, network: Mraa, avd_network: AvdNetwork | None = None) -> None:
    """Load a checkpoint of the articulated-animation release.

    Args:
        avd_network: loaded too, where the checkpoint has one; None: the network's own AVD network, if it has one.
    Raises:
        CaptureError: no such file, a damaged or hostile one, another method's, or one for another configuration; also
            where mode "avd" is configured and the checkpoint has no AVD network.
    """
    state = read_published(path)
    parts: dict[str, nn.Module] = {"generator": network.generator, "region_predictor": network.region_predictor}
    if network.bg_predictor.entries:
        parts["bg_predictor"] = network.bg_predictor
    avd_network = avd_network or network.avd_network
    if avd_network is not None and (AVD_NETWORK in state or network.mode == "avd"):
        parts[AVD_NETWORK] = avd_network
    load_networks(state, parts, path)
