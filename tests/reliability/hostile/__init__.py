"""Hostile files: valid ones, mutated, through the real programs in sandboxes of their own.

    python -m tests.reliability.hostile --count 6000 --seed 0

originals -> (damage, pictures, archives, values) -> cases -> sandbox -> campaign. docs/RELIABILITY.md has the figures.
"""
