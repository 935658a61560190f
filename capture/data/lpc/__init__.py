"""Liberated Pixel Cup characters: composed sheets, or sheets composed here of a repository's layers."""

from capture.data.lpc.sheets import prepare_lpc

__all__ = ["prepare_lpc"]
