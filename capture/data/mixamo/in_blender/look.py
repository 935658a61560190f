"""The look of characters: flat colours in one to three tones, lit from the upper left of the camera.

Every material is reduced to its colour (or texture): some light of its own, and toon terms whose terminators are sharp.
Without bounced light there is no noise, so a handful of samples, for the edges, are enough.
"""

from __future__ import annotations

import hashlib
import re

import bpy

from .style import DARK_EYES, DARKEST, OWN_LIGHT, SKIN_TONES, SMOOTH, SUN, TERMINATOR

# look -> light of a material's own, toon terms (how far light reaches around a body, how soft the edge is), watts per
# square metre of the sun, and whether the sun casts shadows; outlines are drawn later
LOOKS: dict[str, tuple[float, tuple[tuple[float, float], ...], float, bool]] = {
    "shaded": (OWN_LIGHT, ((TERMINATOR, SMOOTH),), SUN, True),
    "outline": (OWN_LIGHT, ((TERMINATOR, SMOOTH),), SUN, True),
    "cel": (0.4, ((0.75, 0.02), (0.35, 0.02)), 1.0, False),
    "flat": (1.0, (), 0.0, False),
}
_BLACK, _WHITE = 0.02, 0.8


def restyle(character: str, look: str = "shaded", skin: str = "coloured") -> None:
    """Give every material of the scene one of LOOKS.

    A nearly black material called skin is an exporter's mistake (with faces, that is eyes, in white): it gets one of
    SKIN_TONES by the character's name, and the eyes are dark, unless `skin` is "as_is".
    """
    repaired = False
    for material in bpy.data.materials if skin == "coloured" else ():
        if material.grease_pencil is None and _named(material, "skin") and _brightness(_colour(material)) < _BLACK:
            number = int(hashlib.sha256(character.encode()).hexdigest(), 16)
            _flatten(material, SKIN_TONES[number % len(SKIN_TONES)], look)
            repaired = True
    for material in bpy.data.materials:
        if material.grease_pencil is not None or material.get("flat"):
            continue
        eyes = repaired and _named(material, "face") and _brightness(_colour(material)) > _WHITE
        _flatten(material, DARK_EYES if eyes else None, look)


def _lifted(colour: tuple[float, float, float]) -> tuple[float, ...]:
    """Nearly black colours, brighter in their hue."""
    strongest = max(colour)
    if strongest < 1e-4:
        return (DARKEST,) * 3
    return tuple(c * max(1.0, DARKEST / strongest) for c in colour)


def _named(material: bpy.types.Material, word: str) -> bool:
    return bool(re.fullmatch(rf"{word}([._ ]?\d+)?", material.name, re.I))


def _brightness(colour: tuple[float, float, float]) -> float:
    return max(colour)


def _shader(material: bpy.types.Material, kind: str) -> bpy.types.Node | None:
    nodes = material.node_tree.nodes if material.use_nodes and material.node_tree else ()
    return next((node for node in nodes if node.type == kind), None)


def _base_colour(material: bpy.types.Material) -> bpy.types.NodeSocket | None:
    """Where the colour comes in; materials without light (KHR_materials_unlit in glTF) emit theirs."""
    if node := _shader(material, "BSDF_PRINCIPLED"):
        return node.inputs["Base Color"]
    node = _shader(material, "EMISSION")
    return node.inputs["Color"] if node else None


def _colour(material: bpy.types.Material) -> tuple[float, float, float]:
    """The plain colour; white where there is a texture."""
    socket = _base_colour(material)
    if socket is None:
        return tuple(material.diffuse_color[:3])
    return (1.0, 1.0, 1.0) if _texture(socket) else tuple(socket.default_value[:3])


def _texture(socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
    """The source that a socket is linked to; None if there is none, or its picture is missing."""
    if not socket.is_linked:
        return None
    link = socket.links[0]
    if link.from_node.type == "TEX_IMAGE" and (link.from_node.image is None or 0 in link.from_node.image.size):
        return None
    return link.from_socket


def _flatten(material: bpy.types.Material, colour: tuple[float, float, float] | None, look: str) -> None:
    """Rebuild a material as emission plus the toon terms of a look; `colour` replaces its own colour."""
    plain, base, lit = (
        _lifted(colour or _colour(material)),
        _base_colour(material),
        _shader(material, "BSDF_PRINCIPLED"),
    )
    paint = _texture(base) if base and colour is None else None
    alpha = _texture(lit.inputs["Alpha"]) if lit else None
    material.use_nodes = True
    material["flat"] = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    for old in [n for n in nodes if n.type in ("OUTPUT_MATERIAL", "BSDF_PRINCIPLED")]:
        nodes.remove(old)
    own_light, terms, _, _ = LOOKS[look]
    shaders = [nodes.new("ShaderNodeEmission")]
    shaders[0].inputs["Strength"].default_value = own_light
    for size, smooth in terms:
        toon = nodes.new("ShaderNodeBsdfToon")
        toon.component = "DIFFUSE"
        toon.inputs["Size"].default_value, toon.inputs["Smooth"].default_value = size, smooth
        shaders.append(toon)
    for shader in shaders:
        shader.inputs["Color"].default_value = (*plain, 1.0)
        if paint:
            links.new(paint, shader.inputs["Color"])
    shown = shaders[0].outputs[0]
    for shader in shaders[1:]:
        both = nodes.new("ShaderNodeAddShader")
        links.new(shown, both.inputs[0])
        links.new(shader.outputs[0], both.inputs[1])
        shown = both.outputs[0]
    if alpha:
        hole, mix = nodes.new("ShaderNodeBsdfTransparent"), nodes.new("ShaderNodeMixShader")
        links.new(alpha, mix.inputs[0])
        links.new(hole.outputs[0], mix.inputs[1])
        links.new(shown, mix.inputs[2])
        shown = mix.outputs[0]
    links.new(shown, nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
