"""Palettes: colour schemes in OKLCH, in which equal steps look equal, with a minimum contrast between neighbours."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]  # sRGB in 0..1

INK: tuple[Colour, ...] = ((0.10, 0.07, 0.10), (0.08, 0.08, 0.14), (0.14, 0.08, 0.06), (0.06, 0.10, 0.10))


def _hex(text: str) -> Colour:
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def _many(text: str) -> tuple[Colour, ...]:
    return tuple(_hex(word) for word in text.split())


# fmt: off
SKIN = _many("ffe0c9 fdd3b2 f6c19a eeb187 dea074 cf8f63 b97a50 a2663f 8a5434 74442b 5e3723 fbd9bd f3c8a5 e5aa80")
FANTASY_SKIN = _many("9ccf7a 7fb069 8fc1e3 b7a6e6 e69aa8 a7b8c9 6fc2b4 d6c26a c98bd8 f2a65a")
HAIR = _many("2b2230 3d2b24 5a3825 7a4a2a 9c5f2e b9803f d9a54a efcb72 f6e2a6 c2562b 8f2f23 e9e4dc a7a3a8 4a4653")
DYED = _many("e8559a f27f9b 5b6ee0 4aa8d8 3fbf9f 7ccf5a 9a5be0 e0453f f28c3a c7f0f2 2f7f86 b8f25a")
FUR = {
    "cat": _many("f0a04b 8d8d96 4a4550 f3ead9 d9b48a c96f3b 6f6a78 f7c98b"),
    "dog": _many("c58a4f f0dcbc 8a5a3a 5a4a44 e3b070 bdb4aa f7efe2 a86b3c"),
    "bear": _many("8a5a35 6b4429 b27b48 4b3a36 f1ede6 d9a566 9a7358"),
    "bunny": _many("f7f1ec d8cfd0 b99b86 f3c9d0 8f8891 e8d3b5"),
    "fox": _many("e8792f d95f2b f19a4a c9cfe0 a8563a"),
    "wolf": _many("7f8796 5a606e a9a39c c5cbd6 6b5b56"),
    "mouse": _many("b8b1b6 d9c4b0 8f8a92 efe6dd"),
    "panda": _many("f7f4f0 f7efe4"),
    "frog": _many("7cc35a 5fae6b b6cf4e 4fa8a0"),
    "pig": _many("f6b1b5 eb9aa6 f7c7bc"),
    "elephant": _many("9fb0c4 b9b4c9 8ea0a8"),
    "tiger": _many("f19436 e8a54a f0e6da"),
}
METAL = _many("c9d2da a4b1bd 7d8a99 e6e2d6 d9b45a b87a4e 5c6675 8fb7c9 d66a5a 6fae8f efefef e8b93f 5a86c2 9a7fc0")
GLOW = _many("7df9ff 9dff7a ffe75a ff6b6b ff9df2 ffffff ffa94d")
NEUTRAL = _many("3b4160 4a4a55 2f2f3a 6b5b4b 8a7a66 c9b79a e9e0cf f4f0e6 5a6b7a 7d8591 46586b 3f4f45 7a5638")
SHOES = _many("4a332a 2f2b33 7a4a2e f2ede4 c44536 3e5c9a 5c4033 8f5f3a 26262e d9a441 6b2f3a 2f5d50")
IRIS = _many("3a2a22 5b3a24 2f6fb0 2f8f62 6a4aa8 8a5a2a 3a8f9f b03a4a 4a4f5a d08a2a")
# fmt: on


def oklch(lightness: float, chroma: float, hue_degrees: float) -> Colour:
    """OKLCH (Ottosson 2020) to sRGB; chroma is reduced until the colour exists."""
    hue = math.radians(hue_degrees)
    for _ in range(24):
        a, b = chroma * math.cos(hue), chroma * math.sin(hue)
        long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        linear = (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
        if all(-1e-4 <= value <= 1.0001 for value in linear):
            break
        chroma *= 0.92
    clipped = [min(max(value, 0.0), 1.0) for value in linear]
    red, green, blue = (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in clipped)
    return red, green, blue


@functools.lru_cache(maxsize=4096)
def oklab(colour: Colour) -> tuple[float, float, float]:
    """sRGB to OKLab (lightness, a, b)."""
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour)
    long = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    medium = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def difference(a: Colour, b: Colour) -> float:
    """Euclidean distance in OKLab: 0.02 is just visible, 1 is black against white."""
    return math.dist(oklab(a), oklab(b))


def mix(a: Colour, b: Colour, amount: float) -> Colour:
    """`a` mixed with `b`."""
    red, green, blue = (x + (y - x) * amount for x, y in zip(a, b, strict=True))
    return red, green, blue


def shifted(colour: Colour, lightness: float, chroma: float = 1.0) -> Colour:
    """A lighter or darker (in OKLab lightness) variant, its chroma scaled."""
    light, a, b = oklab(colour)
    hue = math.degrees(math.atan2(b, a))
    return oklch(min(max(light + lightness, 0.08), 0.97), math.hypot(a, b) * chroma, hue)


@dataclass(frozen=True)
class Palette:
    """The colours of one outfit, 60:30:10 (main, second, accent), and of the body that wears it."""

    skin: Colour
    hair: Colour
    top: Colour
    bottom: Colour
    shoes: Colour
    accent: Colour
    light: Colour  # a pale companion of the top, for patterns and trims
    dark: Colour  # a deep companion of the top
    hat: Colour
    iris: Colour
    outline: Colour


_SCHEMES = ((0, 30, 180), (0, 180, 40), (0, 150, 210), (0, 120, 240), (0, 25, 60), (0, 200, 330), (0, 90, 270))


def pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """A random colour of the list."""
    return colours[int(rng.integers(len(colours)))]


def _nudged(rng: np.random.Generator, colour: Colour) -> Colour:
    light, a, b = oklab(colour)
    hue = math.degrees(math.atan2(b, a)) + rng.uniform(-7, 7)
    return oklch(light + rng.uniform(-0.025, 0.025), math.hypot(a, b) * rng.uniform(0.9, 1.1), hue)


def _cloth(rng: np.random.Generator, hue: float, vivid: float) -> Colour:
    warm = 1.0 if 30 < hue % 360 < 120 else 0.0  # yellows look muddy when dark
    light = rng.choice((0.42, 0.52, 0.6, 0.68, 0.78)) + 0.1 * warm + rng.uniform(-0.03, 0.03)
    return oklch(float(min(light, 0.88)), vivid * rng.uniform(0.75, 1.15), hue)


def make_palette(rng: np.random.Generator, skin: Colour, hair: Colour) -> Palette:
    """An outfit for a body of this skin and hair: random schemes are tried until neighbouring colours differ."""
    skin, hair = _nudged(rng, skin), _nudged(rng, hair)
    best, best_score = None, -1.0
    for _ in range(20):
        hue = rng.uniform(0, 360)
        scheme = [hue + offset for offset in _SCHEMES[int(rng.integers(len(_SCHEMES)))]]
        vivid = float(rng.choice((0.07, 0.12, 0.14, 0.17)))
        top = _cloth(rng, scheme[0], vivid) if rng.random() < 0.85 else _nudged(rng, pick(rng, NEUTRAL))
        bottom = _nudged(rng, pick(rng, NEUTRAL)) if rng.random() < 0.5 else _cloth(rng, scheme[1], vivid * 0.85)
        shoes = _nudged(rng, pick(rng, SHOES))
        accent = oklch(float(rng.uniform(0.62, 0.85)), 0.15, scheme[2])
        hat = (top, accent, bottom, pick(rng, NEUTRAL))[int(rng.integers(4))]
        neighbours = ((skin, top), (skin, bottom), (top, bottom), (bottom, shoes), (top, accent), (hair, hat))
        score = min(difference(a, b) for a, b in neighbours if a is not b)
        if score > best_score:
            light = shifted(top, 0.24, 0.6) if oklab(top)[0] < 0.68 else shifted(top, -0.2, 1.1)
            dark = shifted(top, -0.2, 0.9) if oklab(top)[0] > 0.4 else shifted(top, 0.18, 1.1)
            best = Palette(
                skin, hair, top, bottom, shoes, accent, light, dark, hat, pick(rng, IRIS), INK[int(rng.integers(4))]
            )
            best_score = score
        if best_score > 0.16:
            break
    assert best is not None  # scores are not negative
    return best
