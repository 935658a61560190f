"""Rigged 3D characters and clips, such as Mixamo's, rendered to the Mixamo tree by Blender."""

from capture.data.mixamo.prepare import prepare_mixamo

__all__ = ["prepare_mixamo"]
