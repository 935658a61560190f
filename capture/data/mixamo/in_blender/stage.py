"""The stage: a character is posed on it, measured, and drawn."""

from __future__ import annotations

import math
import re
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .actor import Actor
from .body_parts import BodyParts
from .framing import View
from .guide import draw_guide
from .lattice import Lattice
from .load import Unusable, load, meshes_of, rest_of, sample
from .look import LOOKS, restyle
from .props import visible
from .retarget import Motion, Rest, Retarget
from .style import LIGHT_ABOVE, LIGHT_LEFT


class Stage:
    """Holds one character at a time. Sampled motions are kept, and what views of one pose have in common."""

    def __init__(self) -> None:
        self.motions: dict[tuple[str, int], dict[str, Motion]] = {}
        self.actor: Actor | None = None
        self.posed: Any = None
        self.parts: BodyParts | None = None
        self._frame: Any = None  # which frame of which clip the actor stands in
        self._skin: np.ndarray | None = None  # of the actor as it stands

    def motion(self, clip: dict[str, Any], frames: int) -> Motion:
        """A sampled clip {file, action}."""
        key = (clip["file"], frames)
        if key not in self.motions:
            self.actor = None  # reading a file clears the stage
            self.motions[key] = sample(clip["file"], frames)
        found, action = self.motions[key], clip["action"]
        for name in (action, action.split("|")[-1]):
            if name in found:
                return found[name]
        if len(found) == 1:
            return next(iter(found.values()))
        raise Unusable(f"Blender finds no animation {action} in {clip['file']}")

    def enter(self, name: str, file: str, look: str = "shaded", skin: str = "coloured", props: str = "keep") -> Actor:
        """Put a character on the stage, in place of the one before.

        Args:
            look: one of LOOKS.  skin: coloured or as_is, see restyle.  props: keep, one or hide, see visible.
        """
        if self.actor is not None and (self.actor.name, self.actor.file) == (name, file):
            return self.actor
        self.actor = self.posed = self.parts = None
        self._moved(None)
        armature = load(file)
        meshes = meshes_of(armature)
        if not meshes:
            raise Unusable("Blender finds no mesh on its skeleton")
        shown = visible([thing.name for thing in meshes], props, name)
        meshes = [thing for thing in meshes if thing.name in shown]
        armature.animation_data_clear()
        for bone in armature.pose.bones:
            bone.rotation_mode = "QUATERNION"
            bone.matrix_basis.identity()
            for constraint in bone.constraints:
                constraint.mute = True
        for thing in list(bpy.data.objects):
            if thing != armature and thing not in meshes:
                bpy.data.objects.remove(thing)
        bpy.context.view_layer.update()
        restyle(name, look, skin)
        rest = rest_of(armature)
        self.actor = Actor(name, file, armature, meshes, rest, 0.0, _trunk(rest))
        points = self.skin()
        if not len(points) or not np.isfinite(points).all() or np.ptp(points[:, 2]) < 1e-6:
            self.actor = None
            raise Unusable("its mesh is empty or flat")
        self.actor.floor = float(points[:, 2].min())
        _light_up(look)
        _new_camera(bpy.context.scene)
        _render_settings(bpy.context.scene)
        return self.actor

    def pose(self, character: dict[str, Any], clip: dict[str, Any], frame: int, frames: int) -> None:
        """Put `character` {name, file, ...} on the stage in frame `frame` of `frames` of `clip`."""
        motion = self.motion(clip, frames)
        actor = self.enter(**character)
        which = (clip["file"], clip["action"], frames)
        if self._frame == (which, frame):
            return
        if self.posed is None or self.posed[0] != which:
            self.posed = (which, Retarget.between(motion, actor.rest, clip["bones"], clip["skinned"]))
        turns, shifts = self.posed[1].pose(frame)
        unit = actor.armature.matrix_world.median_scale
        for name, turn, shift in zip(actor.rest.names, turns, shifts):
            basis = Matrix(turn.tolist()).to_4x4()
            basis.translation = Vector((shift / unit).tolist())
            actor.armature.pose.bones[name].matrix_basis = basis
        bpy.context.view_layer.update()
        self._moved((which, frame))

    def ground(self) -> np.ndarray:
        """The point on the floor below the middle of the trunk."""
        actor = self._on_stage()
        heads = [actor.armature.matrix_world @ actor.armature.pose.bones[name].head for name in actor.trunk]
        return np.array([*np.mean(heads, axis=0)[:2], actor.floor])

    def skin(self) -> np.ndarray:
        """(N, 3) points of the meshes as they are posed."""
        if self._skin is not None:
            return self._skin
        graph = bpy.context.evaluated_depsgraph_get()
        points = []
        for thing in self._on_stage().meshes:
            evaluated = thing.evaluated_get(graph)
            mesh = evaluated.to_mesh()
            flat = np.empty(3 * len(mesh.vertices), np.float32)
            mesh.vertices.foreach_get("co", flat)
            world = np.array(evaluated.matrix_world)
            points.append(flat.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
            evaluated.to_mesh_clear()
        self._skin = np.concatenate(points)
        return self._skin

    def draw(self, view: dict[str, Any], path: str, guide_path: str | None = None) -> tuple[int, int]:
        """Render what is on the stage to `path`, RGBA: the points of a lattice (lattice.py) in a box around the figure.

        Args:
            view: azimuth, elevation, field_of_view, scale, size, samples.
            guide_path: where a picture for drawing outlines goes, see guide.py.
        Returns:
            The left and upper side of the box, in pixels.
        """
        scene = bpy.context.scene
        camera = scene.camera
        seen, ground = View.at(view["azimuth"], view["elevation"], view["field_of_view"]), self.ground()
        unit = 1 / view["scale"]
        axes = Matrix(np.stack((seen.right, seen.up, seen.back), 1).tolist()).to_4x4()
        axes.translation = Vector((ground + seen.position * unit).tolist())
        camera.matrix_world = axes
        camera.data.angle = math.radians(view["field_of_view"])
        camera.data.clip_start, camera.data.clip_end = 0.02 * seen.distance * unit, 20 * seen.distance * unit
        sun = next(o for o in scene.objects if o.type == "LIGHT")
        turn = math.radians(view["azimuth"] - LIGHT_LEFT)
        sun.rotation_euler = (math.radians(90 - LIGHT_ABOVE), 0.0, turn)
        lattice = Lattice.of(view["size"], view["samples"])
        # drawing the empty rest of the picture would take most of the time
        box = lattice.box(*seen.extent((self.skin() - ground) * view["scale"]))
        _set_lattice(scene, lattice, box)
        scene.render.filepath = path
        bpy.ops.render.render(write_still=True)
        if guide_path is not None:
            draw_guide(scene, guide_path, view["size"], seen.distance * unit, unit)
        return box[:2]

    def learn_parts(self, bones: list[str]) -> None:
        """Divide the body into parts; `bones` are parts 1, 2, ..., "" for a bone that the character lacks."""
        if self.parts is None or self.parts.bones != bones:
            self._relax()
            self.parts = BodyParts(bones, self._on_stage(), self.skin())

    def name_pixels(self, view: dict[str, Any]) -> np.ndarray:
        """The IUV map, uint8 (S, S, 3): part, u, v of the point of the body at the middle of each pixel; 0 outside."""
        seen = View.at(view["azimuth"], view["elevation"], view["field_of_view"])
        ground, skin = self.ground(), self.skin()
        extent = seen.extent((skin - ground) * view["scale"])
        assert self.parts is not None  # learn_parts comes first
        return self.parts.name_pixels(skin, ground + seen.position / view["scale"], seen, view["size"], extent)

    def _on_stage(self) -> Actor:
        assert self.actor is not None  # enter comes first
        return self.actor

    def _relax(self) -> None:
        for bone in self._on_stage().armature.pose.bones:
            bone.matrix_basis.identity()
        bpy.context.view_layer.update()
        self._moved(None)

    def _moved(self, frame: Any) -> None:
        """Note that the actor stands in another frame, or in none."""
        self._frame, self._skin = frame, None


def _trunk(rest: Rest) -> tuple[str, ...]:
    """Hips and head, found by their names; the first bone if neither is found."""
    found = []
    for words in (("hips", "pelvis", "hip", "cog", "backshoulder"), ("head", "neck")):
        named = [name for word in words for name in rest.names if re.sub(r"^.*:", "", name).lower() == word]
        named += [name for word in words for name in rest.names if word in name.lower()]
        found += named[:1]
    return tuple(found) or rest.names[:1]


def _light_up(look: str) -> None:
    sun = bpy.data.lights.new("sun", "SUN")
    _, _, energy, shadows = LOOKS[look]
    sun.energy, sun.angle, sun.use_shadow = energy, 0.0, shadows
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("sun", sun))


def _new_camera(scene: bpy.types.Scene) -> None:
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)


def _set_lattice(scene: bpy.types.Scene, lattice: Lattice, box: tuple[int, int, int, int]) -> None:
    """Cast the rays of a lattice, within a box of the picture: left, top, width, height in its pixels."""
    render, camera = scene.render, scene.camera.data
    render.resolution_x, render.resolution_y = lattice.size * lattice.across, lattice.size * lattice.down
    render.pixel_aspect_x, render.pixel_aspect_y = lattice.down, lattice.across
    right, down = lattice.shift
    camera.shift_x, camera.shift_y = right, -down
    left, top, width, height = box
    inside = 0.25 / lattice.size / max(lattice.across, lattice.down)  # of a point, so that rounding finds it
    render.border_min_x, render.border_max_x = left / lattice.size + inside, (left + width) / lattice.size + inside
    render.border_min_y = 1 - (top + height) / lattice.size + inside
    render.border_max_y = 1 - top / lattice.size + inside


def _render_settings(scene: bpy.types.Scene) -> None:
    """Cycles on one thread of the CPU, with one ray through the middle of each pixel: flat light has no noise.

    Once a character: naming the engine again makes Blender throw away what it keeps between pictures.
    """
    render, cycles = scene.render, scene.cycles
    render.engine, cycles.device = "CYCLES", "CPU"
    render.threads_mode, render.threads = "FIXED", 1
    render.resolution_percentage = 100
    render.film_transparent, render.use_persistent_data = True, True
    render.use_compositing = render.use_sequencer = False
    render.use_file_extension = False
    render.use_border, render.use_crop_to_border = True, True
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGBA"
    render.image_settings.color_depth, render.image_settings.compression = "8", 0
    render.dither_intensity = 0.0
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    cycles.samples, cycles.seed, cycles.pixel_filter_type = 1, 0, "BOX"
    cycles.use_adaptive_sampling = cycles.use_denoising = cycles.use_light_tree = False
    cycles.max_bounces = cycles.diffuse_bounces = cycles.glossy_bounces = 0
    cycles.transmission_bounces = cycles.volume_bounces = 0
    cycles.transparent_max_bounces = 8
