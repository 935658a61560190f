"""Toon: cartoon characters drawn from integer seeds, without end, with exact ground truth. See docs/TOON.md."""
