"""`Style`: everything that says how a picture is drawn, and `draw_style`, which draws one at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from capture.data.styles.colours import OWN_COLOURS, Colours, draw_colours
from capture.data.styles.defects import NO_DEFECTS, Defects, draw_defects
from capture.data.styles.grounds import Ground, draw_ground
from capture.data.styles.medium import PLAIN_MEDIUM, Medium, draw_hatching, draw_paper
from capture.data.styles.pixel_art import PixelArt, draw_pixel_art

SOFT = 255  # so many tones are a smooth gradient
_LIGHT = (-0.46, -0.62, 0.64)


@dataclass(frozen=True)
class Shading:
    """Light on the figure; only the toon renderer, which knows normals, can change it.

    Attributes:
        tones: 0 none, 2 to 4 steps, SOFT a gradient.
        shade: the factor of each channel in the darkest tone.
        light: where the light comes from; x right, y down, z towards the viewer.
        highlights: whether shiny surfaces shine.
    """

    tones: int = 2
    shade: tuple[float, float, float] = (0.74, 0.69, 0.79)
    light: tuple[float, float, float] = _LIGHT
    highlights: bool = True


@dataclass(frozen=True)
class Ink:
    """Drawn lines.

    Attributes:
        outer, inner: width of the contour and of the lines inside, in half pixels of a picture of 128 pixels; 0 none.
        colour: RGB in 0..1; None for the ink of the character.
        own: the share of what is under the line in the colour of the lines inside.
        broken: share of the lines that is missing.
        wobble: how far lines stray from the contour, in half pixels.
        doubled: draw every line a second time, straying otherwise, as in a sketch.
    """

    outer: int = 1
    inner: int = 1
    colour: tuple[float, float, float] | None = None
    own: float = 0.22
    broken: float = 0.0
    wobble: float = 0.0
    doubled: bool = False


@dataclass(frozen=True)
class Figure:
    """Changes of the figure itself, by the toon renderer.

    Attributes:
        eyes: own, dots, big or none.
        limbs: thickness of arms and legs, as a factor.
        hands: size of the hands, as a factor.
        head: size of the head with hair and hat, as a factor.
    """

    eyes: str = "own"
    limbs: float = 1.0
    head: float = 1.0
    hands: float = 1.0


@dataclass(frozen=True)
class Style:
    """A style of drawing. Pictures of one style that are drawn together share palette, paper and ground.

    Attributes:
        name: the kind of style, for people.
        seed: decides everything random in the drawing.
    """

    name: str = "plain"
    shading: Shading = Shading()
    ink: Ink = Ink()
    figure: Figure = Figure()
    colours: Colours = OWN_COLOURS
    medium: Medium = PLAIN_MEDIUM
    pixel_art: PixelArt | None = None
    ground: Ground = Ground()
    defects: Defects = NO_DEFECTS
    seed: int = 0


PLAIN = Style()


def _cel(rng: np.random.Generator) -> Style:
    shading = Shading(int(rng.choice((2, 2, 3, 4))), _shade(rng), _light(rng), bool(rng.random() < 0.6))
    return Style(shading=shading, ink=_ink(rng))


def _flat(rng: np.random.Generator) -> Style:
    inked = rng.random() < 0.6
    return Style(shading=Shading(0, highlights=False), ink=_ink(rng) if inked else NO_INK)


def _soft(rng: np.random.Generator) -> Style:
    shade = _shade(rng, 0.25, 0.7)
    ink = _ink(rng) if rng.random() < 0.2 else NO_INK
    return Style(shading=Shading(SOFT, shade, _light(rng), bool(rng.random() < 0.7)), ink=ink)


def _thick(rng: np.random.Generator) -> Style:
    ink = Ink(int(rng.integers(3, 6)), int(rng.integers(1, 4)), _ink_colour(rng), float(rng.uniform(0, 0.2)))
    return Style(shading=Shading(int(rng.choice((0, 0, 2))), _shade(rng), _light(rng), False), ink=ink)


def _line_art(rng: np.random.Generator) -> Style:
    width = int(rng.choice((1, 1, 2, 3)))
    ink = Ink(width, max(width - int(rng.integers(2)), 1), _dark(rng), 0.0, broken=float(rng.choice((0, 0, 0.12))))
    paint = float(rng.choice((0.0, 0.0, 0.15, 0.4)))
    return Style(shading=Shading(0, highlights=False), ink=ink, medium=Medium(paint=paint, paper=draw_paper(rng)))


def _sketch(rng: np.random.Generator) -> Style:
    ink = Ink(
        int(rng.choice((1, 1, 2))),
        1,
        _dark(rng),
        0.0,
        float(rng.choice((0, 0.1, 0.25))),
        float(rng.uniform(1, 3.2)),
        True,
    )
    paint = float(rng.choice((0.0, 0.1, 0.5, 0.9)))
    hatched = rng.random() < 0.6
    medium = draw_hatching(rng, paint) if hatched else Medium(paint=paint, paper=draw_paper(rng), grain=0.03)
    return Style(
        shading=Shading(int(rng.choice((0, 2, SOFT))), _shade(rng), _light(rng), False), ink=ink, medium=medium
    )


def _hatched(rng: np.random.Generator) -> Style:
    medium = draw_hatching(rng, float(rng.choice((0.0, 0.6, 1.0, 1.0))), halftone=bool(rng.random() < 0.4))
    return Style(shading=Shading(int(rng.choice((2, 3, SOFT))), _shade(rng), _light(rng)), ink=_ink(rng), medium=medium)


def _watercolour(rng: np.random.Generator) -> Style:
    medium = Medium(
        float(rng.uniform(0.6, 1)), draw_paper(rng), grain=float(rng.uniform(0.01, 0.06)), wash=rng.uniform(0.5, 1.2)
    )
    ink = NO_INK
    if rng.random() < 0.5:
        ink = Ink(
            int(rng.choice((0, 1, 1))), 1, _dark(rng), 0.3, float(rng.uniform(0, 0.35)), float(rng.uniform(0, 1.5))
        )
    shading = Shading(int(rng.choice((0, 2, SOFT))), _shade(rng), _light(rng), False)
    return Style(shading=shading, ink=ink, medium=medium)


def _pixel_art(rng: np.random.Generator) -> Style:
    art = draw_pixel_art(rng)
    ink = NO_INK if art.pixels < 40 or rng.random() < 0.4 else Ink(int(rng.integers(0, 3)), 1, _ink_colour(rng))
    shading = Shading(int(rng.choice((0, 2, 2, 3, SOFT))), _shade(rng), _light(rng), False)
    return Style(shading=shading, ink=ink, pixel_art=art)


def _anything(rng: np.random.Generator) -> Style:
    """All aspects independently, and RandConv: no style that anybody draws in, but none is missed."""
    parts = [kind(rng) for kind in (_cel, _flat, _soft, _thick, _sketch, _hatched, _watercolour)]
    one = [parts[int(rng.integers(len(parts)))] for _ in range(3)]
    art = draw_pixel_art(rng) if rng.random() < 0.25 else None
    defects = replace(draw_defects(rng, 0.5), random_convolution=float(rng.uniform(0.1, 0.7)))
    return Style(
        shading=one[0].shading, ink=one[1].ink, medium=one[2].medium, pixel_art=art, defects=defects,
        colours=draw_colours(rng, 1.0),
    )  # fmt: skip


NO_INK = Ink(0, 0)
Draw = Callable[[np.random.Generator], Style]
KINDS: dict[str, dict[str, tuple[float, Draw]]] = {  # variety -> kind -> how often, and how it is drawn
    "few": {"cel": (3, _cel), "flat": (2, _flat), "soft": (2, _soft), "pixel art": (3, _pixel_art)},
    "many": {
        "cel": (2.0, _cel), "flat": (2.0, _flat), "soft": (2.0, _soft), "thick ink": (1.5, _thick),
        "line art": (1.0, _line_art), "sketch": (1.5, _sketch), "hatched": (1.0, _hatched),
        "watercolour": (1.5, _watercolour), "pixel art": (4.5, _pixel_art), "anything": (2.0, _anything),
    },
}  # fmt: skip


def draw_style(rng: np.random.Generator, variety: str = "many", kind: str | None = None) -> Style:
    """A random style.

    Args:
        variety: few or many, a key of KINDS.
        kind: one of the kinds of that variety; None for any.
    """
    kinds = KINDS[variety]
    if kind is None:
        weights = np.array([weight for weight, _ in kinds.values()])
        kind = list(kinds)[int(rng.choice(len(kinds), p=weights / weights.sum()))]
    style = kinds[kind][1](rng)
    if style.colours == OWN_COLOURS and rng.random() < 0.6:
        style = replace(style, colours=draw_colours(rng, float(rng.choice((0.15, 0.4, 1.0)))))
    defects = style.defects if style.defects != NO_DEFECTS else draw_defects(rng, 0.15 if style.pixel_art else 0.4)
    ground = draw_ground(rng)
    return replace(style, name=kind, figure=_figure(rng), ground=ground, defects=defects, seed=int(rng.integers(2**31)))


_THIN, _STOUT = 0.4, 0.1  # shares of figures with arms and legs of another thickness


def _figure(rng: np.random.Generator) -> Figure:
    eyes = str(rng.choice(("own", "dots", "big", "none"), p=(0.62, 0.14, 0.16, 0.08)))
    kind, limbs, hands = rng.random(), 1.0, 1.0
    if kind < _THIN:
        limbs = rng.uniform(0.35, 0.85)
        hands = min(limbs * rng.uniform(0.9, 1.5), 1.0)  # those of the built-in characters are large mittens
    elif kind < _THIN + _STOUT:
        limbs, hands = rng.uniform(1.0, 1.4), rng.uniform(0.7, 1.1)
    return Figure(eyes, float(limbs), hands=float(hands))


def _ink(rng: np.random.Generator) -> Ink:
    outer = int(rng.choice((1, 1, 2, 3)))
    inner = int(rng.choice((0, 1, 1, 1, 2)))
    broken = float(rng.uniform(0.05, 0.4)) if rng.random() < 0.2 else 0.0
    wobble = float(rng.uniform(0.5, 1.5)) if rng.random() < 0.25 else 0.0
    return Ink(outer, inner, _ink_colour(rng), float(rng.uniform(0, 0.5)), broken, wobble)


def _ink_colour(rng: np.random.Generator) -> tuple[float, float, float] | None:
    """Of the character, dark, or rarely any colour or white."""
    choice = rng.random()
    if choice < 0.35:
        return None
    if choice < 0.8:
        return _dark(rng)
    if choice < 0.88:
        return 1.0, 1.0, 1.0
    return tuple(float(c) for c in rng.uniform(0, 0.75, 3))  # type: ignore[return-value]


def _dark(rng: np.random.Generator) -> tuple[float, float, float]:
    level = float(rng.choice((0.0, 0.05, 0.15, 0.3)))
    return tuple(float(level + 0.08 * rng.random()) for _ in range(3))  # type: ignore[return-value]


def _shade(rng: np.random.Generator, low: float = 0.45, high: float = 0.88) -> tuple[float, float, float]:
    level = rng.uniform(low, high)
    return float(level), float(level * rng.uniform(0.9, 1)), float(min(level * rng.uniform(0.95, 1.2), 1))


def _light(rng: np.random.Generator) -> tuple[float, float, float]:
    return float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.85, -0.2)), float(rng.uniform(0.35, 0.9))
