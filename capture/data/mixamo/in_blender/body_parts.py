"""The body of a character divided into parts, and the IUV map of what each pixel shows."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from .actor import Actor
from .framing import View
from .retarget import Rest
from .surface_coordinates import bone_frame, spans, surface_coordinates


class BodyParts:
    """The parts of a character, from its rest pose.

    Attributes:
        bones: the character's bones that are part 1, 2, ...; "" for a bone that it lacks.
        corners: (T, 3) points of each triangle of the skin.
        part: (T,) the part of each triangle, which is the bone that moves it most.
    """

    def __init__(self, bones: list[str], actor: Actor, skin: np.ndarray):
        self.bones, self.skin = bones, skin
        self._posed: tuple[np.ndarray, Any] | None = None  # the skin of the last pose, and the tree of its triangles
        known = {name: i for i, name in enumerate(bones, 1) if name}
        number = {name: _part_of(actor.rest, j, known) for j, name in enumerate(actor.rest.names)}
        corners, parts, first = [], [], 0
        graph = bpy.context.evaluated_depsgraph_get()
        for thing in actor.meshes:
            evaluated = thing.evaluated_get(graph)
            mesh = evaluated.to_mesh()
            mesh.calc_loop_triangles()
            flat = np.empty(3 * len(mesh.loop_triangles), np.int32)
            mesh.loop_triangles.foreach_get("vertices", flat)
            corners.append(flat.reshape(-1, 3) + first)
            parts.append(_triangle_parts(thing, mesh, flat.reshape(-1, 3), number, len(bones)))
            first += len(mesh.vertices)
            evaluated.to_mesh_clear()
        self.corners, self.part = np.concatenate(corners), np.concatenate(parts)
        self.frames = np.zeros((len(bones) + 1, 4, 3))
        for i, name in enumerate(bones, 1):
            if name:
                j = actor.rest.names.index(name)
                self.frames[i] = bone_frame(actor.rest.head[j], actor.rest.turn[j][:, 1])
        self.span = spans(skin[self.corners.reshape(-1)], np.repeat(self.part, 3), self.frames)

    def name_pixels(
        self, skin: np.ndarray, eye: np.ndarray, view: View, size: int, extent: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """uint8 (S, S, 3): part, u, v at the middle of each pixel, 0 outside.

        Args:
            skin: (N, 3) as it is posed.  extent: least and greatest x and y of it in the picture (View.extent).
        """
        if self._posed is None or self._posed[0] is not skin:
            self._posed = skin, BVHTree.FromPolygons(skin.tolist(), self.corners.tolist(), all_triangles=True)
        tree = self._posed[1]
        steps = ((np.arange(size) + 0.5) / size * 2 - 1) / view.distance
        (left, bottom), (right, top) = extent  # a ray beside them can't hit
        rows, columns = _pixels(-top, -bottom, size), _pixels(left, right, size)
        start, spots, faces, hits = Vector(eye.tolist()), [], [], []
        across = steps[columns.start : columns.stop, None] * view.right
        for row in rows:
            for column, way in zip(columns, (across - steps[row] * view.up - view.back).tolist()):
                hit, _, face, _ = tree.ray_cast(start, way)
                if face is not None:
                    spots.append((row, column))
                    faces.append(face)
                    hits.append(hit)
        image = np.zeros((size, size, 3), np.uint8)
        if spots:
            triangle = self.corners[faces]
            weight = _barycentric(np.array(hits), skin[triangle])
            at_rest = np.einsum("nk,nkc->nc", weight, self.skin[triangle])
            at = np.array(spots).T
            image[at[0], at[1]] = surface_coordinates(at_rest, self.part[faces], self.frames, self.span)
        return image


def _pixels(low: float, high: float, size: int) -> range:
    """The pixels between two places, -1 to 1 over `size` pixels, and one more on either side."""
    first, last = (int(np.floor((np.clip(place, -2, 2) + 1) / 2 * size)) for place in (low, high))
    return range(max(first - 1, 0), min(last + 2, size))


def _part_of(rest: Rest, j: int, number: dict[str, int]) -> int:
    """The part of a bone, or of its nearest ancestor that is a part; otherwise the first part."""
    while j >= 0:
        if rest.names[j] in number:
            return number[rest.names[j]]
        j = rest.parent[j]
    return min(number.values())


def _triangle_parts(thing: Any, mesh: Any, corners: np.ndarray, number: dict[str, int], count: int) -> np.ndarray:
    own = number.get(thing.parent_bone) if thing.parent_type == "BONE" else None
    weights = np.zeros((len(mesh.vertices), count + 1), np.float32)
    weights[:, own or min(number.values())] = 1e-6  # for vertices that no bone moves
    groups = [number.get(group.name, 0) for group in thing.vertex_groups]
    for vertex in mesh.vertices:
        for group in vertex.groups:
            if groups[group.group]:
                weights[vertex.index, groups[group.group]] += group.weight
    return weights[corners].sum(1).argmax(1)


def _barycentric(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(N, 3) weights of the corners (N, 3, 3) of triangles, at points in them."""
    a, b, c = corners.transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    area = np.maximum((normal * normal).sum(1), 1e-30)
    v = (np.cross(point - a, c - a) * normal).sum(1) / area
    w = (np.cross(b - a, point - a) * normal).sum(1) / area
    return np.clip(np.stack((1 - v - w, v, w), 1), 0, 1)
