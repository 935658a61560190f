"""The look of characters: flat colours in two tones, lit from the upper left of the camera.

Every material is reduced to its colour (or texture): some light of its own, and a toon term whose terminator is sharp.
Without bounced light there is no noise, so a handful of samples, for the edges, are enough.
"""

from __future__ import annotations

import hashlib
import re

import bpy

from .style import DARK_EYES, DARKEST, OWN_LIGHT, SKIN_TONES, SMOOTH, TERMINATOR

_BLACK, _WHITE = 0.02, 0.8


def restyle(character: str) -> None:
    """Give every material of the scene the flat look.

    A nearly black material called skin is an exporter's mistake (with faces, that is eyes, in white): it gets one of
    SKIN_TONES by the character's name, and the eyes are dark.
    """
    repaired = False
    for material in bpy.data.materials:
        if material.grease_pencil is None and _named(material, "skin") and _brightness(_colour(material)) < _BLACK:
            number = int(hashlib.sha256(character.encode()).hexdigest(), 16)
            _flatten(material, SKIN_TONES[number % len(SKIN_TONES)])
            repaired = True
    for material in bpy.data.materials:
        if material.grease_pencil is not None or material.get("flat"):
            continue
        eyes = repaired and _named(material, "face") and _brightness(_colour(material)) > _WHITE
        _flatten(material, DARK_EYES if eyes else None)


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


def _principled(material: bpy.types.Material) -> bpy.types.Node | None:
    nodes = material.node_tree.nodes if material.use_nodes and material.node_tree else ()
    return next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)


def _colour(material: bpy.types.Material) -> tuple[float, float, float]:
    """The plain colour; white where there is a texture."""
    node = _principled(material)
    if node is None:
        return tuple(material.diffuse_color[:3])
    socket = node.inputs["Base Color"]
    return (1.0, 1.0, 1.0) if _texture(socket) else tuple(socket.default_value[:3])


def _texture(socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
    """The source that a socket is linked to; None if there is none, or its picture is missing."""
    if not socket.is_linked:
        return None
    link = socket.links[0]
    if link.from_node.type == "TEX_IMAGE" and (link.from_node.image is None or 0 in link.from_node.image.size):
        return None
    return link.from_socket


def _flatten(material: bpy.types.Material, colour: tuple[float, float, float] | None) -> None:
    """Rebuild a material as emission plus a toon term; `colour` replaces its own colour."""
    plain, node = _lifted(colour or _colour(material)), _principled(material)
    paint = _texture(node.inputs["Base Color"]) if node and colour is None else None
    alpha = _texture(node.inputs["Alpha"]) if node else None
    material.use_nodes = True
    material["flat"] = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    for old in [n for n in nodes if n.type in ("OUTPUT_MATERIAL", "BSDF_PRINCIPLED")]:
        nodes.remove(old)
    own, toon = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeBsdfToon")
    both, output = nodes.new("ShaderNodeAddShader"), nodes.new("ShaderNodeOutputMaterial")
    own.inputs["Strength"].default_value = OWN_LIGHT
    toon.component = "DIFFUSE"
    toon.inputs["Size"].default_value, toon.inputs["Smooth"].default_value = TERMINATOR, SMOOTH
    for shader in (own, toon):
        shader.inputs["Color"].default_value = (*plain, 1.0)
        if paint:
            links.new(paint, shader.inputs["Color"])
        links.new(shader.outputs[0], both.inputs[0 if shader is own else 1])
    shown = both.outputs[0]
    if alpha:
        hole, mix = nodes.new("ShaderNodeBsdfTransparent"), nodes.new("ShaderNodeMixShader")
        links.new(alpha, mix.inputs[0])
        links.new(hole.outputs[0], mix.inputs[1])
        links.new(shown, mix.inputs[2])
        shown = mix.outputs[0]
    links.new(shown, output.inputs["Surface"])
