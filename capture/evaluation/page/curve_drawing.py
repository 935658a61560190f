"""Learning curves as SVG, drawn without any library, in the colours of the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from capture.evaluation.learning_curves import METRICS, Curve, read_curves

WIDTH, HEIGHT = 460, 240
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 10, 40
COLOURS = 8  # of the style sheet


def curves_section(results: Sequence[tuple[str, Path]]) -> str:
    """The section of learning curves; "" where no result has any.

    Args:
        results: (name of the row, result folder).
    """
    found = {metric: curves for metric in METRICS if (curves := read_curves(results, metric))}
    if not found:
        return ""
    names = list(dict.fromkeys(curve.name for curves in found.values() for curve in curves))
    plots = "".join(
        f'<div class="plot"><h3>{escape(metric)} against {axis}</h3>{draw(curves, axis, names)}</div>'
        for metric, curves in found.items()
        for axis in ("samples", curves[0].clock)
    )
    keys = "".join(
        f'<span style="--colour: var(--c{i % COLOURS})">{escape(name)}</span>' for i, name in enumerate(names)
    )
    return (
        '<section id="curves"><h2>Learning curves</h2><p class="muted">Validation pairs after every epoch, of the '
        "moving average of the generator; lower is better. Seconds are those of training.</p>"
        f'<div class="keys">{keys}</div><div class="plots">{plots}</div></section>'
    )


def draw(curves: Sequence[Curve], axis: str, names: Sequence[str]) -> str:
    """One panel as SVG. `axis`: samples, or the curves' clock. A curve's colour is the place of its name in `names`."""
    points = [(curve, curve.samples if axis == "samples" else curve.seconds) for curve in curves]
    right = ticks(0, max(max(xs) for _, xs in points))
    values = [value for curve in curves for value in curve.values if math.isfinite(value)] or [0.0]
    up = ticks(min(values), max(values))

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - right[0]) / (right[-1] - right[0])
        along = (y - up[0]) / (up[-1] - up[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - along * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="learning curves against {axis}">']
    for y in up:
        row = at(right[0], y)[1]
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{row:.1f}" y2="{row:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{row + 4:.1f}" text-anchor="end">{short(y)}</text>')
    for x in right:
        column = at(x, up[0])[0]
        parts.append(f'<text x="{column:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(x)}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{axis}</text>')
    for curve, xs in points:
        colour = f"var(--c{names.index(curve.name) % COLOURS})"
        places = [at(x, y) for x, y in zip(xs, curve.values) if math.isfinite(y)]
        line = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(places))
        parts.append(f'<path style="stroke: {colour}" d="{line}"/>')
        parts += [f'<circle style="fill: {colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places[-1:]]
    return "".join([*parts, "</svg>"])


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers, two or more, from `low` or below it to `high` or above it."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = 10 ** math.floor(math.log10((high - low) / count))
    step = next(step * times for times in (1, 2, 5, 10) if (high - low) / (step * times) <= count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * k for k in range(first, last + 1)]


def short(value: float) -> str:
    """A number on an axis: 250k, 1.5M, 0.05."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{letter}"
    return f"{value:.4g}"
