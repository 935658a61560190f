"""The numbers that decide how pictures look. They are in the manifest of every dataset."""

import json

LIGHT_LEFT, LIGHT_ABOVE = 35.0, 40.0  # degrees: the direction of the sun, seen from the camera
SUN = 2.2  # watts per square metre
OWN_LIGHT = 0.5  # of its colour that everything shines by itself, so that shade isn't black
TERMINATOR, SMOOTH = 0.7, 0.1  # of the toon term: how far light reaches around a body, and how soft its edge is
DARKEST = 0.05  # linear light of a colour's strongest part, at least: less would swallow the shading
GROUND = -0.72  # height of the ground line in the picture, from -1 at the bottom to 1 at the top
BORDER = 0.96  # how far out anything may reach, of the way from the middle to the picture's border
SKIN_TONES = ((0.78, 0.50, 0.36), (0.86, 0.60, 0.45), (0.62, 0.36, 0.22), (0.40, 0.21, 0.12), (0.24, 0.12, 0.07))
DARK_EYES = (0.02, 0.015, 0.012)


def as_manifest() -> dict[str, object]:
    """The numbers above by their names, as plain JSON values."""
    return json.loads(json.dumps({name.lower(): value for name, value in globals().items() if name.isupper()}))
