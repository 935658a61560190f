"""What runs in Blender's own interpreter: Blender, numpy and the standard library, nothing else of this project."""
