"""Where sprites stand in the picture: enlarged by one integer factor, with the feet of all characters on one row."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low

from PIL import Image

from capture.common.errors import CaptureError
from capture.data.mixamo.in_blender.style import BORDER, GROUND
from capture.data.sprites.sprite import figure_box

NEARLY = 0.75  # of the largest scale: so much smaller may figures be to leave a rim


@dataclass(frozen=True)
class Extent:
    """How far a sprite's figure reaches from the middle of its cell's lower edge, in pixels of the sprite.

    Attributes:
        side: to the left or right, whichever is further; may be half a pixel.
        top, bottom: upwards, of its highest and of its lowest edge.
    """

    side: float
    top: int
    bottom: int

    @classmethod
    def of(cls, sprite: Image.Image) -> Extent:
        """The extent of an RGBA sprite in which something is opaque."""
        box = figure_box(sprite)
        assert box is not None  # empty sprites are left out
        middle = sprite.width / 2
        return cls(max(middle - box[0], box[2] - middle), sprite.height - box[1], sprite.height - box[3])


@dataclass(frozen=True)
class Framing:
    """How all sprites of a dataset are placed.

    Attributes:
        scale: the factor by which they are enlarged.
        ground: the row below the feet.
        feet: character -> height of its feet above its cells' lower edge, in pixels of the sprite: the median of all
            its sprites, so that a jump stays a jump.
    """

    size: int
    scale: int
    ground: int
    feet: dict[str, int]

    @classmethod
    def fit(cls, size: int, extents: dict[str, list[Extent]]) -> Framing:
        """The largest factor at which no figure is cut off, or a nearly as large one that leaves a rim.

        The ground is where rendered datasets have it, or lower if figures are too high for that.

        Args:
            extents: character -> those of its sprites.
        Raises:
            CaptureError: pictures of this size are too small.
        """
        feet = {name: median_low([extent.bottom for extent in found]) for name, found in extents.items()}
        every = [(feet[name], extent) for name, found in extents.items() for extent in found]
        side = max(extent.side for _, extent in every)
        above = max(extent.top - foot for foot, extent in every)
        below = max(foot - extent.bottom for foot, extent in every)
        largest = max(2 * side, above + below)
        scale = int(size / largest)
        if scale < 1:
            raise CaptureError(f"--size {size}: figures take {int(largest)} pixels; give that or more")
        smaller = int(size * BORDER / largest)
        if smaller >= NEARLY * scale:
            scale = smaller
        ground, rim = round(size * (1 - GROUND) / 2), round(size * (1 - BORDER) / 2)
        if ground - scale * above < rim or ground + scale * below > size - rim:
            ground = (size - scale * (above + below)) // 2 + scale * above  # in the middle
        return cls(size, scale, ground, feet)

    def place(self, name: str, sprite: Image.Image) -> Image.Image:
        """A character's sprite, enlarged without interpolation, in a transparent picture of size x size."""
        large = sprite.resize((sprite.width * self.scale, sprite.height * self.scale), Image.Resampling.NEAREST)
        picture = Image.new("RGBA", (self.size, self.size))
        left = (self.size - large.width) // 2
        picture.paste(large, (left, self.ground + self.scale * self.feet[name] - large.height))
        return picture
