"""Liberated Pixel Cup characters: sheets that are composed already, or are composed here of a repository's layers."""
