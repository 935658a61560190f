"""A column of words beside the picture of attention: what each of its rows shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PIL import Image, ImageDraw, ImageFont


class DrawnMaps(Protocol):
    """What a row needs to know of one module's matrices: the side of its map, and whose positions its rows are."""

    side: int
    rows: str


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def row_labels(maps: Sequence[DrawnMaps]) -> list[str]:
    """What each row of `draw_attention` shows, from the top."""
    labels = []
    for one in maps:
        level = f"Attention at {one.side} x {one.side}"
        looked_at = "pose" if one.rows == "identity" else "identity"
        labels.append(f"{level}. The circle marks a position of the {one.rows} picture.")
        labels.append(
            f"Pose-guided attention A: how much of each position of the {looked_at} picture goes to the marked one. "
            "Orange is most, relative to this map."
        )
        if one.rows == "identity":
            labels.append("The circle marks a position of the pose picture, for the row below.")
        labels.append(
            "Reverse attention 1 - B over the identity picture: orange is what the reverse branch takes, grey what it "
            "leaves out."
        )
    return labels


def legend_width(row: int) -> int:
    """Pixels that the words take beside rows of so many pixels."""
    return round(row * 1.5)


def with_legend(sheet: Image.Image, maps: Sequence[DrawnMaps]) -> Image.Image:
    """The picture of attention with each row's label to the left of it; as it is where the rows are not those."""
    labels = row_labels(maps)
    if not labels or sheet.height % len(labels):
        return sheet
    row = sheet.height // len(labels)
    font_size = max(11, row // 10)
    font = ImageFont.load_default(font_size)
    width = legend_width(row)
    out = Image.new("RGB", (width + sheet.width, sheet.height), "white")
    out.paste(sheet, (width, 0))
    pen = ImageDraw.Draw(out)
    for i, label in enumerate(labels):
        lines = _wrapped(label, width - 12, pen, font)
        pen.multiline_text((6, i * row + row / 2), "\n".join(lines), "black", font, anchor="lm", spacing=3)
    return out


def _wrapped(text: str, width: float, pen: ImageDraw.ImageDraw, font: Font) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if pen.textlength(longer, font) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
