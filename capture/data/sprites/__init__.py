"""Pixel-art sheets and folders of single sprites, whose layout a YAML file describes. See docs/DATASETS.md."""
