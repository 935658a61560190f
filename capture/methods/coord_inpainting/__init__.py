"""Coordinate-based texture inpainting for pose-guided human image generation (Grigorev et al., CVPR 2019)."""
