"""The version of what the generator draws."""

TOON_VERSION = 1  # raised whenever the same arguments would give other pictures
