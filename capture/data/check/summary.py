"""A summary of a dataset folder in a few lines."""

from __future__ import annotations

from collections import Counter

from capture.data.check.framing import sizes
from capture.data.check.inventory import FRAME, MAP, UNKNOWN, VIDEO, Inventory
from capture.data.check.pictures import Pictures

LISTED = 4  # how many sizes or formats are listed


def summarise(inventory: Inventory, pictures: Pictures, pairs: int) -> dict[str, str]:
    """The lines of the summary, name -> value.

    Args:
        pairs: number of good rows in the pairs files.
    """
    frames = pictures.counts(inventory)
    clips = [
        sum(frames[entry.path] for entry in entries)
        for of_character in inventory.characters.values()
        for entries in of_character.values()
    ]
    filled = [count for count in clips if count]
    noun = "videos" if inventory.fashion else f"characters, {len(filled):,} clips"
    lengths = "" if not filled else f" ({_span(filled)} a {'video' if inventory.fashion else 'clip'})"
    tested = inventory.entries_of("test", FRAME, VIDEO)
    people = {entry.character for entry in tested} - {UNKNOWN}
    of_people = f" of {len(people):,} {'videos' if inventory.fashion else 'characters'}" if people else ""
    maps = sum(entry.role == MAP for entry in inventory.entries)
    table = {
        "kind": _kind(inventory),
        "manifest": _manifest(inventory),
        "train": f"{len(inventory.characters):,} {noun}, {sum(filled):,} frames{lengths}",
        "test": f"{sum(frames[entry.path] for entry in tested):,} pictures{of_people}",
        "pairs": f"{pairs:,} in {', '.join(inventory.pairs)}" if inventory.pairs else "none",
        "sizes": _most(Counter({f"{w}x{h}": n for (w, h), n in sizes(inventory, pictures, FRAME, VIDEO).items()})),
        "formats": _most(Counter(pictures.formats.values())),
    }
    if maps:
        table["uv, masks"] = f"{maps:,} pictures"
    return table


def _kind(inventory: Inventory) -> str:
    tree = "Fashion tree" if inventory.fashion else "Mixamo tree"
    return f"{tree}, {'aligned: true targets known' if inventory.aligned else 'not aligned: no true targets'}"


def _manifest(inventory: Inventory) -> str:
    plain = {key: value for key, value in inventory.manifest.items() if isinstance(value, str | int | float)}
    first = [key for key in ("version", "kind", "size", "seed") if key in plain]
    return ", ".join(f"{key} {plain[key]}" for key in first) or ("there" if inventory.manifest else "none")


def _span(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _most(counter: Counter[str]) -> str:
    """The most frequent values, with their counts if there are several."""
    if len(counter) == 1:
        return next(iter(counter))
    named = ", ".join(f"{name} ({count:,})" for name, count in counter.most_common(LISTED))
    more = f" and {len(counter) - LISTED:,} more" if len(counter) > LISTED else ""
    return named + more or "none"
