"""As-rigid-as-possible puppets (Igarashi, Moscovich and Hughes 2005): the classical floor of pose transfer.

The figure of the identity picture is cut out as a mesh. Its handles are the body parts that a segmenter finds in the
identity and in the pose: each handle keeps its distance from the handle before it on the body and takes the direction
that it has in the pose, as rigged drawings are retargeted. The mesh follows as rigidly as it can, and is drawn part by
part. Nothing is learnt here but the parts. What the identity picture hides stays hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from scipy.spatial import Delaunay

from capture.io.iuv import PART
from capture.metrics.foreground import differs_from_background

STEP = 4  # pixels between the mesh's points inside the figure
SMALLEST = 0.001  # share of the picture that a part must cover to be a handle
ROUNDS = 4  # of fitting rotations and solving for the points
STIFF, LOOSE = 10.0, 1e-3  # weights of the handles, and of staying in place where no handle is near
_SKULL = ("head", "face", "ears")  # one handle: a face alone slides over a head that turns
BEFORE = {  # handle -> the handle before it on the body
    **{"belly": "chest", "pelvis": "belly", "neck": "chest", "head": "neck"},
    **{f"{side}_{part}": "chest" for side in "lr" for part in ("upper_arm",)},
    **{
        f"{side}_{part}": f"{side}_{inner}"
        for side in "lr"
        for part, inner in (("forearm", "upper_arm"), ("hand", "forearm"))
    },
    **{f"{side}_thigh": "pelvis" for side in "lr"},
    **{f"{side}_{part}": f"{side}_{inner}" for side in "lr" for part, inner in (("shin", "thigh"), ("foot", "shin"))},
}
ROOTS = ("chest", "belly", "pelvis", "head")
HANDLES = ("chest", *BEFORE)  # every handle comes after the one before it
_NEIGHBOURS = {frozenset((PART[a], PART[b])) for a, b in BEFORE.items()} | {
    frozenset((PART[a], PART[b]))
    for a, b in (
        *(("face", "head"), ("ears", "head"), ("hair", "head"), ("hat", "head"), ("hat", "hair"), ("hair", "face")),
        *(("hat", "face"), ("ears", "hair"), ("ears", "hat"), ("ears", "face"), ("head", "chest"), ("face", "neck")),
        *(("face", "chest"), ("hair", "chest"), ("hair", "neck"), ("chest", "pelvis"), ("skirt", "pelvis")),
        *(("skirt", "belly"), ("skirt", "l_thigh"), ("skirt", "r_thigh"), ("cape", "chest"), ("cape", "belly")),
        *(("tail", "pelvis"), ("tail", "belly"), ("extra", "chest"), ("extra", "belly"), ("l_thigh", "r_thigh")),
        *(("skirt", "l_shin"), ("skirt", "r_shin"), ("belly", "l_thigh"), ("belly", "r_thigh")),
    )
}
_BACK_TO_FRONT = (
    *(
        "cape",
        "tail",
        "extra",
        "l_foot",
        "r_foot",
        "l_shin",
        "r_shin",
        "l_thigh",
        "r_thigh",
        "pelvis",
        "belly",
        "chest",
    ),
    *("skirt", "neck", "hair", "head", "ears", "face", "hat"),
    *("l_upper_arm", "r_upper_arm", "l_forearm", "r_forearm", "l_hand", "r_hand"),
)


def puppet(identity: np.ndarray, identity_parts: np.ndarray, pose: np.ndarray, pose_parts: np.ndarray) -> np.ndarray:
    """The identity's figure in the pose's pose.

    Args:
        identity, pose: uint8 (S, S, 3), figures on a plain background.
        identity_parts, pose_parts: int (S, S), 0 for background, else 1 + the part's place in capture.io.iuv.PARTS.
    Returns:
        uint8 (S, S, 3); the identity as it is where there is no figure or no part in common.
    """
    mask, pose_mask = figure_mask(identity, identity_parts), figure_mask(pose, pose_parts)
    mine, theirs = part_handles(identity_parts), part_handles(pose_parts)
    moved = retarget(mine, theirs)
    if not moved or mask.sum() < 3 * STEP**2 or not pose_mask.any():
        return identity
    inside = nearest_part(identity_parts, mask)
    start = np.array([mine[name] for name in moved])
    mesh = build_mesh(mask, inside, start)
    held = mesh.handles >= 0
    if not held.any():
        return identity
    placed = arap(mesh.points, mesh.triangles, mesh.handles[held], np.array(list(moved.values()))[held])
    floor = np.nonzero(pose_mask.any(1))[0][-1] + 0.5
    placed = placed + 1j * (floor - placed.imag.max())  # the figure stands where the pose does
    return draw(identity, mesh, placed)


def figure_mask(picture: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """bool (S, S): the largest piece that differs from the background, without holes smaller than a hand."""
    mask = differs_from_background(picture)
    mask = parts > 0 if mask is None else mask
    pieces, count = ndimage.label(mask)
    if count > 1:
        mask = pieces == 1 + np.argmax(ndimage.sum(mask, pieces, range(1, count + 1)))
    holes, count = ndimage.label(~mask)
    sizes = ndimage.sum(~mask, holes, range(1, count + 1))
    return mask | np.isin(holes, 1 + np.nonzero(np.asarray(sizes) < 0.0005 * mask.size)[0])


def part_handles(parts: np.ndarray) -> dict[str, complex]:
    """Centres of the parts that are handles, x + iy in pixels: those of SMALLEST or more of the picture."""
    found = {}
    for name in HANDLES:
        names = _SKULL if name == "head" else (name,)
        rows, columns = np.nonzero(np.isin(parts, [PART[one] + 1 for one in names]))
        if len(rows) >= SMALLEST * parts.size:
            found[name] = complex(columns.mean() + 0.5, rows.mean() + 0.5)
    return found


def retarget(mine: dict[str, complex], theirs: dict[str, complex]) -> dict[str, complex]:
    """Where the handles found in both go: directions of the pose, distances of the identity. {} without a trunk."""
    common = [name for name in HANDLES if name in mine and name in theirs]
    root = next((name for name in ROOTS if name in common), None)
    if root is None:
        return {}
    moved = {root: theirs[root]}
    for name in common:
        if name in moved:
            continue
        before = BEFORE.get(name)
        while before is not None and before not in moved:  # a part that is hidden is passed over
            before = BEFORE.get(before)
        before = before or root
        way = theirs[name] - theirs[before]
        length = abs(mine[name] - mine[before])
        moved[name] = moved[before] + (way / abs(way) * length if abs(way) > 1e-6 else 0)
    return moved


def nearest_part(parts: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """int (S, S): in the figure, the nearest part's number from 1; 0 outside. A figure without parts is one part."""
    known = (parts > 0) & mask
    if not known.any():
        return mask.astype(int)
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.where(mask, parts[rows, columns], 0)


@dataclass
class Mesh:
    """A triangle mesh of a figure, slit between parts that are no neighbours on a body, such as a hand and a thigh.

    Attributes:
        points: complex (P,), x + iy in pixels; the points beside a slit are there twice.
        triangles: int (T, 3).  labels: int (T,), the part of each triangle, from 1.  handles: int (H,), which points.
    """

    points: np.ndarray
    triangles: np.ndarray
    labels: np.ndarray
    handles: np.ndarray


def build_mesh(mask: np.ndarray, parts: np.ndarray, handles: np.ndarray) -> Mesh:
    """A mesh of a figure, bool (S, S), with its parts, int (S, S), and with points at `handles`, complex (H,)."""
    wide = ndimage.binary_dilation(mask)
    rows, columns = np.indices(mask.shape)
    edge = wide & ~ndimage.binary_erosion(wide) & ((rows + columns) % 2 == 0)
    grid = ndimage.binary_erosion(mask) & (rows % STEP == 0) & (columns % STEP == 0)
    inner_rows, inner_columns = np.nonzero(edge | grid)
    points = np.concatenate([handles, inner_columns + 0.5 + 1j * (inner_rows + 0.5)])
    triangles = Delaunay(np.stack([points.real, points.imag], 1)).simplices
    filled = nearest_part(parts, wide)

    def part_at(where: np.ndarray) -> np.ndarray:
        row, column = (np.clip(x.astype(int), 0, len(mask) - 1) for x in (where.imag, where.real))
        found: np.ndarray = filled[row, column]
        return found

    labels = part_at(points[triangles].mean(1))
    triangles, labels = triangles[labels > 0], labels[labels > 0]
    around: dict[int, set[int]] = {}
    for triangle, label in zip(triangles.tolist(), labels.tolist()):
        for corner in triangle:
            around.setdefault(corner, set()).add(label)
    copies: dict[tuple[int, int], int] = {}  # point and part -> its place among the points that are kept
    kept: list[complex] = []
    for corner, found in sorted(around.items()):
        for group in _joined(found):
            copies |= {(corner, label): len(kept) for label in group}
            kept.append(points[corner])
    slit = [
        [copies[corner, label] for corner in triangle] for triangle, label in zip(triangles.tolist(), labels.tolist())
    ]
    places = [
        next((copies[h, label] for label in (own, *sorted(around.get(h, ()))) if (h, label) in copies), -1)
        for h, own in enumerate(part_at(handles).tolist())
    ]
    return Mesh(np.array(kept), np.array(slit), labels, np.array(places))


def _joined(labels: set[int]) -> list[set[int]]:
    """Parts that meet at a point, in groups of parts that are neighbours on a body, one after the other."""
    groups: list[set[int]] = []
    for label in sorted(labels):
        near = [group for group in groups if any(frozenset((label - 1, one - 1)) in _NEIGHBOURS for one in group)]
        groups = [group for group in groups if group not in near] + [{label}.union(*near)]
    return groups


def arap(points: np.ndarray, triangles: np.ndarray, fixed: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Where the points of a mesh go when some of them are moved, as rigidly as possible.

    Points are complex numbers, so that a rotation with scale is one factor. First every triangle may turn and scale
    (Igarashi et al. 2005, section 4.1). Then rotations without scale are fitted to the triangles, and the points to
    these (section 4.2), for some rounds.

    Args:
        points: complex (P,).  triangles: int (T, 3).  fixed: int (H,), the points that are moved.  ends: complex (H,).
    Returns:
        complex (P,).
    """
    count, faces = len(points), np.arange(len(triangles))
    a, b, c = triangles.T
    third = (points[c] - points[a]) / (points[b] - points[a])  # where c is, seen from a and b
    ones = np.ones(len(triangles), complex)
    similar = _matrix([(faces, c, ones), (faces, a, third - 1), (faces, b, -third)], len(faces), count)
    held = _matrix([(np.arange(len(fixed)), fixed, STIFF * np.ones(len(fixed)))], len(fixed), count)
    loose = LOOSE * sparse.identity(count, dtype=complex, format="csr")
    stay = LOOSE * (points - points[fixed].mean() + ends.mean())

    def solve(rows: sparse.csr_matrix, wanted: np.ndarray) -> np.ndarray:
        matrix = sparse.vstack([rows, held, loose]).tocsr()
        right = np.concatenate([wanted, STIFF * ends, stay])
        return spsolve((matrix.getH() @ matrix).tocsc(), matrix.getH() @ right)

    placed = solve(similar, np.zeros(len(faces)))
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    number = np.arange(len(pairs))
    edges = _matrix(
        [(number, pairs[:, 1], np.ones(len(pairs))), (number, pairs[:, 0], -np.ones(len(pairs)))], len(pairs), count
    )
    rest = points[pairs[:, 1]] - points[pairs[:, 0]]
    for _ in range(ROUNDS):
        now = placed[pairs[:, 1]] - placed[pairs[:, 0]]
        turn = (now * rest.conj()).reshape(3, -1).sum(0)
        turn = turn / np.maximum(np.abs(turn), 1e-12)  # (T,) the rotation nearest to each triangle's motion
        placed = solve(edges, np.tile(turn, 3) * rest)
    return placed


def _matrix(entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]], rows: int, columns: int) -> sparse.csr_matrix:
    row, column, value = (np.concatenate(parts) for parts in zip(*entries))
    return sparse.csr_matrix((value.astype(complex), (row, column)), shape=(rows, columns))


def draw(picture: np.ndarray, mesh: Mesh, placed: np.ndarray) -> np.ndarray:
    """The mesh at its new place: each triangle warped affinely from the picture, parts in a fixed order of depth.

    Args:
        picture: uint8 (S, S, 3).  placed: complex (P,), where the mesh's points are now.
    Returns:
        uint8 (S, S, 3), over the median colour of the picture's border.
    """
    size = len(picture)
    source = np.full((size, size), np.nan + 0j)
    depth = {PART[name] + 1: order for order, name in enumerate(_BACK_TO_FRONT)}
    for t in sorted(range(len(mesh.triangles)), key=lambda t: depth.get(int(mesh.labels[t]), 0)):
        a, b, c = placed[mesh.triangles[t]]
        left, right = (int(np.clip(f((a.real, b.real, c.real)), 0, size)) for f in (min, lambda x: max(x) + 1))
        top, bottom = (int(np.clip(f((a.imag, b.imag, c.imag)), 0, size)) for f in (min, lambda x: max(x) + 1))
        area = ((b - a).conjugate() * (c - a)).imag
        if abs(area) < 1e-9 or left >= right or top >= bottom:
            continue
        at = np.arange(left, right) + 0.5 + 1j * (np.arange(top, bottom)[:, None] + 0.5) - a
        second = (at.conj() * (c - a)).imag / area
        third = ((b - a).conjugate() * at).imag / area
        covered = (second >= -0.01) & (third >= -0.01) & (second + third <= 1.01)
        p, q, r = mesh.points[mesh.triangles[t]]
        source[top:bottom, left:right][covered] = (p + second * (q - p) + third * (r - p))[covered]
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    out = np.empty_like(picture)
    out[:] = np.median(border, axis=0).astype(np.uint8)
    shown = ~np.isnan(source.real)
    places = [source.imag[shown] - 0.5, source.real[shown] - 0.5]
    for channel in range(3):
        values = ndimage.map_coordinates(picture[..., channel].astype(float), places, order=1, mode="nearest")
        out[shown, channel] = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    return out
