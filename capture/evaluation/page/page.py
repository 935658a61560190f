"""An evaluation as one self-contained HTML page: table, intervals, learning curves, pictures, characters and clips.

The page asks for nothing: pictures, style and script are in it, and its content security policy forbids requests.
Every name on it is escaped, since names come from files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from capture.evaluation.measure import Measured, Row
from capture.evaluation.page.curve_drawing import curves_section
from capture.evaluation.page.examples import Pictures, best_and_worst, pair_of_every_row, random_pairs
from capture.evaluation.report import ranking
from capture.evaluation.significance import BEST, TIED
from capture.evaluation.table import Line, Table, mean, plus_minus
from capture.io.pairs import Pair, character_and_clip

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
DIALOG = """<dialog aria-label="output and target"><p class="title"></p>
<div class="stage"><img class="under" alt="target"><img class="over" alt="output"><div class="edge"></div></div>
<div class="ends"><span>left: output</span><span>right: target</span></div>
<input type="range" min="0" max="100" value="50" aria-label="share of the picture that shows the output">
<form method="dialog"><button>Close</button></form></dialog>"""


def page(
    table: Table,
    root: Path,
    pairs: Sequence[tuple[int, Pair]],
    rows: Sequence[Row],
    measured: Sequence[Measured],
    size: int,
    results: Sequence[tuple[str, Path]],
) -> str:
    """The whole page.

    Args:
        root: the folder that names of pictures are relative to.  pairs: (index in the pairs file, pair).
        size: side of the pictures.  results: (name, folder) of the results that may have learning curves.
    """
    names = [character_and_clip(pair, root) for _, pair in pairs]
    titles = [f"pair {index} · {' · '.join(dict.fromkeys(group))}" for (index, _), group in zip(pairs, names)]
    pictures = Pictures(size)
    sections = {
        "Table": f'<section id="table"><h2>Table</h2>{table_section(table)}</section>',
        "Intervals": intervals_section(table),
        "Curves": curves_section(results),
        "Pairs": pairs_section(pictures, pairs, titles, rows, measured),
        "Characters and clips": groups_section(rows, measured, names),
        "Protocol": protocol_section(table),
    }
    links = "".join(
        f'<a href="#{section.split(chr(34))[1]}">{escape(name)}</a>' for name, section in sections.items() if section
    )
    samples = table.protocol.get("samples", f"{len(pairs)} pairs")
    style, script = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation: {escape(', '.join(row.name for row in rows if row.kind != 'floor')) or 'floors'}</title>"
        f"<style>{style}</style></head><body>"
        f'<header><h1>Evaluation</h1><p class="muted">{escape(samples)}, at {size}x{size}</p>'
        f"<nav>{links}</nav></header>"
        f"<main>{''.join(sections.values())}</main>{DIALOG}<script>{script}</script></body></html>\n"
    )


def table_section(table: Table) -> str:
    """The table with its legend and notes."""
    notes: list[str] = []
    heads = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in table.columns.values())
    body = "".join(
        f'<tr class="{escape(line.kind)}"><th scope="row">{"[published] " * (line.kind == "published")}'
        f"{escape(line.method)}{_note(line, 'method', notes)}</th>"
        + "".join(f"<td>{_number(line, key, notes)}</td>" for key in table.columns)
        + f"<td>{'-' if line.pairs is None else line.pairs}</td></tr>"
        for line in table.lines
    )
    listed = "".join(f"<li>({i + 1}) {escape(note)}</li>" for i, note in enumerate(notes))
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in table.remarks)
    legend = escape(table.legend("markdown"))
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">method</th>{heads}<th scope="col">pairs</th></tr>'
        f'</thead><tbody>{body}</tbody></table></div><p class="muted">{legend}</p>'
        f'<ul class="notes">{listed}{remarks}</ul>'
    )


def _number(line: Line, key: str, notes: list[str]) -> str:
    value = line.number(key)
    if value is None:
        return ("-" if line.kind == "published" else "n/a") + _note(line, key, notes)
    state = line.mark(key)
    text = f"<b>{value:.4f}</b>" if state == BEST else f"{value:.4f}" + "~" * (state == TIED)
    return f'{text}<span class="pm">{plus_minus(line.half_width(key))}</span>' + _note(line, key, notes)


def _note(line: Line, key: str, notes: list[str]) -> str:
    note = line.notes.get(key)
    if not note:
        return ""
    if note not in notes:
        notes.append(note)
    return f' <span class="muted">({notes.index(note) + 1})</span>'


def intervals_section(table: Table) -> str:
    """For every metric with intervals, the rows' means and intervals on one scale; "" without any."""
    plots = []
    for key, heading in table.columns.items():
        shown = [
            (line, line.certainty.intervals[key])
            for line in table.lines
            if line.certainty and key in line.certainty.intervals
        ]
        if len(shown) < 2:
            continue
        low, high = min(ends[0] for _, ends in shown), max(ends[1] for _, ends in shown)
        wide = (high - low) or 1.0
        cells = []
        for line, ends in shown:
            start, end, middle = (100 * (x - low) / wide for x in (*ends, line.number(key) or 0.0))
            name = escape(line.method)
            cells.append(
                f'<span title="{name}">{name}</span><span class="track {escape(line.kind)}">'
                f'<i style="left: {start:.2f}%; width: {end - start:.2f}%"></i><u style="left: {middle:.2f}%"></u>'
                "</span>"
                f"<span>{line.number(key):.4f}</span>"
            )
        plots.append(f'<div class="plot"><h3>{escape(heading)}</h3><div class="forest">{"".join(cells)}</div></div>')
    if not plots:
        return ""
    return (
        '<section id="intervals"><h2>Intervals</h2><p class="muted">Means with their 95 % intervals. Rows whose '
        "intervals overlap may still differ: the marks in the table come from a test on the same pairs.</p>"
        f'<div class="plots">{"".join(plots)}</div></section>'
    )


def pairs_section(
    pictures: Pictures,
    pairs: Sequence[tuple[int, Pair]],
    titles: Sequence[str],
    rows: Sequence[Row],
    measured: Sequence[Measured],
) -> str:
    """Random pairs with the output of every row, then each row's best and worst pairs."""
    parts = [
        '<section id="pairs"><h2>Pairs</h2><p class="muted">A click on an output, or Enter, opens it over its target; '
        "the slider moves with the mouse and with the arrow keys.</p><h3>Random pairs, the same for every row</h3>"
    ]
    ranked = [ranking(numbers.values) for numbers in measured]
    for place in random_pairs(len(pairs)):
        cells = [f"{key.upper()} {numbers.column(key)[place]:.4f}" for (key, _), numbers in zip(ranked, measured)]
        parts.append(pair_of_every_row(pictures, pairs[place], place, titles[place], rows, cells))
    for row, numbers, (key, _) in zip(rows, measured, ranked):
        if row.kind != "floor":
            shown = best_and_worst(pictures, pairs, titles, row, numbers.column(key), key)
            parts.append(
                f"<details open><summary>{escape(row.name)}: best and worst by {key.upper()}</summary>{shown}</details>"
            )
    return "".join([*parts, "</section>"])


def groups_section(rows: Sequence[Row], measured: Sequence[Measured], names: Sequence[tuple[str, str]]) -> str:
    """Means by character and by clip of LPIPS, or of L1 where LPIPS is not measured."""
    if not measured:
        return ""
    key = "l1" if any(ranking(numbers.values)[0] == "l1" for numbers in measured) else "lpips"
    parts = [
        f'<section id="groups"><h2>Characters and clips</h2><p class="muted">Mean {key.upper()}; lower is better.</p>'
    ]
    heads = "".join(f'<th scope="col">{escape(row.name)}</th>' for row in rows)
    for what, column in (("character", 0), ("clip", 1)):
        groups: dict[str, list[int]] = {}
        for place, group in enumerate(names):
            groups.setdefault(group[column], []).append(place)
        means = {
            group: [mean(numbers.column(key)[places].tolist()) for numbers in measured]
            for group, places in groups.items()
        }
        most = (
            max((value for values in means.values() for value in values if not math.isnan(value)), default=1.0) or 1.0
        )
        lines = "".join(
            f'<tr><th scope="row">{escape(group)}</th><td>{len(groups[group])}</td>'
            + "".join(_shaded(value, most) for value in means[group])
            + "</tr>"
            for group in sorted(groups)
        )
        parts.append(
            f"<details{' open' if len(groups) <= 40 else ''}><summary>By {what} ({len(groups)})</summary>"
            f'<div class="scroll"><table><thead><tr><th scope="col">{what}</th><th scope="col">pairs</th>{heads}</tr>'
            f"</thead><tbody>{lines}</tbody></table></div></details>"
        )
    return "".join([*parts, "</section>"])


def _shaded(value: float, most: float) -> str:
    """A cell that is the greener the lower its number."""
    if math.isnan(value):
        return "<td>n/a</td>"
    return f'<td style="background: rgb(var(--good) / {0.35 * (1 - value / most):.2f})">{value:.4f}</td>'


def protocol_section(table: Table) -> str:
    """How everything was measured."""
    lines = "".join(f"<li><b>{escape(what)}</b>: {escape(how)}</li>" for what, how in table.protocol.items())
    return f'<section id="protocol"><h2>Protocol</h2><ul class="notes">{lines}</ul></section>'
