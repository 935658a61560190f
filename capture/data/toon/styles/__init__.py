"""Toon characters drawn in any style, from their geometry."""
