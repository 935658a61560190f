"""The keys of the method that draws maps."""

from __future__ import annotations

from capture.common.options import MethodOptions, Section, key


class MapConfig(Section):
    """Section map_config."""

    reads: str = key("target_uv", "maps that the generator reads, separated by blanks")


class Options(MethodOptions):
    """A method that draws its last map over the identity."""

    map_config: MapConfig = key(MapConfig(), "maps")
