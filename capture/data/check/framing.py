"""Pictures that can't be read, and pictures of an unusual size or shape."""

from __future__ import annotations

from collections import Counter

from capture.data.check.findings import Findings, Item
from capture.data.check.inventory import FRAME, MAP, VIDEO, Inventory
from capture.data.check.pictures import Pictures


def check_framing(inventory: Inventory, pictures: Pictures, findings: Findings) -> None:
    """Add findings about broken pictures, blank frames, and sizes that differ from the manifest's or the usual size."""
    for role, code, noun in (
        (FRAME, "unreadable-frame", "frames"),
        (MAP, "unreadable-map", "uv or mask pictures"),
        (VIDEO, "unreadable-video", "videos"),
    ):
        broken = {i: why for i, why in sorted(pictures.errors.items()) if inventory.entries[i].role == role}
        items = [Item(inventory.entries[i].path, why) for i, why in broken.items()]
        findings.wrong(code, f"{noun} can't be decoded", items)
    _check_sizes(inventory, pictures, findings)
    _check_maps(inventory, pictures, findings)
    blank = pictures.records[pictures.records["blank"]]
    paths = Counter(inventory.entries[i].path for i in blank["file"])
    items = [Item(path, f"{count} frames" if count > 1 else "") for path, count in paths.items()]
    findings.wrong("blank", "frames or videos are of one colour in places: nothing is drawn there", items)


def sizes(inventory: Inventory, pictures: Pictures, *roles: str) -> Counter[tuple[int, int]]:
    """(width, height) -> number of pictures."""
    wanted = [entry.role in roles for entry in inventory.entries]
    return Counter((int(width), int(height)) for i, width, height in _measured(pictures) if wanted[i])


def _measured(pictures: Pictures) -> zip:
    records = pictures.records
    return zip(records["file"].tolist(), records["width"].tolist(), records["height"].tolist())


def _check_sizes(inventory: Inventory, pictures: Pictures, findings: Findings) -> None:
    """Check the sizes of frames. Videos may have any size."""
    found = sizes(inventory, pictures, FRAME)
    if not found:
        return
    stated = inventory.manifest.get("size")
    stated = (stated, stated) if isinstance(stated, int) else None
    usual = stated or found.most_common(1)[0][0]
    odd, oblong = [], []
    for i, width, height in _measured(pictures):
        entry = inventory.entries[i]
        if entry.role != FRAME:
            continue
        if (width, height) != usual:
            odd.append(Item(entry.path, f"{width}x{height}"))
        if width != height and not stated:
            oblong.append(Item(entry.path, f"{width}x{height}"))
    named = f"{usual[0]}x{usual[1]}"
    if stated:
        findings.wrong("other-size", f"frames are not {named}, as the manifest says", odd)
    else:
        findings.wrong("mixed-sizes", f"frames are not {named}, as most are", odd)
        findings.wrong("not-square", "frames are not square: they are padded with white when they are read", oblong)


def _check_maps(inventory: Inventory, pictures: Pictures, findings: Findings) -> None:
    """Add findings about uv and mask pictures without a frame, or with another size than their frame."""
    size = {inventory.entries[i].stem: (width, height) for i, width, height in _measured(pictures)}
    broken = {inventory.entries[i].stem for i in pictures.errors}
    lone, misfit = [], []
    for entry in inventory.entries:
        if entry.role != MAP or entry.stem not in size:
            continue
        frame = next((size[stem] for stem in entry.frame_stems if stem in size), None)
        if frame is None and not broken.intersection(entry.frame_stems):
            lone.append(Item(entry.path))
        elif frame not in (None, size[entry.stem]):
            misfit.append(Item(entry.path, "{}x{} for a frame of {}x{}".format(*size[entry.stem], *frame)))
    findings.wrong("lone-map", "uv or mask pictures have no frame", lone)
    findings.wrong("misfit-map", "uv or mask pictures are not the size of their frame", misfit)
