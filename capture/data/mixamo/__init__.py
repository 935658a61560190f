"""Rigged 3D characters and animation clips, such as those of Mixamo, rendered by Blender. See docs/MIXAMO.md."""
