"""A second picture of the stage, from which outlines are drawn (capture/data/mixamo/outline.py).

It is twice as large, without smooth edges. Red and green are x and y of the normal as the camera sees it, from -1 to 1;
blue is the depth, from REACH in front of the target to REACH behind it, in half heights of the picture.
"""

from __future__ import annotations

import bpy

from .framing import REACH


def draw_guide(scene: bpy.types.Scene, path: str, size: int, distance: float, unit: float) -> None:
    """Render the guide of what was just rendered, RGBA.

    Args:
        size: of the picture whose outlines are drawn.
        distance: of the target from the camera.  unit: half the picture's height at the target.
    """
    render, layer = scene.render, bpy.context.view_layer
    transform = scene.view_settings.view_transform
    layer.material_override = _material(distance - REACH * unit, distance + REACH * unit)
    render.resolution_x = render.resolution_y = 2 * size
    render.pixel_aspect_x = render.pixel_aspect_y = 1
    scene.camera.data.shift_x = scene.camera.data.shift_y = 0
    render.use_crop_to_border = False
    scene.view_settings.view_transform = "Raw"
    render.filepath = path
    try:
        bpy.ops.render.render(write_still=True)
    finally:
        layer.material_override = None
        render.use_crop_to_border = True
        scene.view_settings.view_transform = transform


def _material(near: float, far: float) -> bpy.types.Material:
    material = bpy.data.materials.get("guide")
    if material is None:
        material = bpy.data.materials.new("guide")
        material.use_nodes = True
        nodes, links = material.node_tree.nodes, material.node_tree.links
        nodes.clear()
        geometry, turn, half = (
            nodes.new(f"ShaderNode{name}") for name in ("NewGeometry", "VectorTransform", "VectorMath")
        )
        turn.vector_type, turn.convert_from, turn.convert_to = "NORMAL", "WORLD", "CAMERA"
        half.operation = "MULTIPLY_ADD"
        half.inputs[1].default_value = half.inputs[2].default_value = (0.5, 0.5, 0.5)
        apart, together = nodes.new("ShaderNodeSeparateXYZ"), nodes.new("ShaderNodeCombineXYZ")
        camera, depth = nodes.new("ShaderNodeCameraData"), nodes.new("ShaderNodeMapRange")
        depth.name = "depth"
        light, output = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
        links.new(geometry.outputs["Normal"], turn.inputs[0])
        links.new(turn.outputs[0], half.inputs[0])
        links.new(half.outputs[0], apart.inputs[0])
        links.new(camera.outputs["View Z Depth"], depth.inputs["Value"])
        for k in range(2):
            links.new(apart.outputs[k], together.inputs[k])
        links.new(depth.outputs["Result"], together.inputs[2])
        links.new(together.outputs[0], light.inputs["Color"])
        links.new(light.outputs[0], output.inputs["Surface"])
    span = material.node_tree.nodes["depth"]
    span.inputs["From Min"].default_value, span.inputs["From Max"].default_value = near, far
    return material
